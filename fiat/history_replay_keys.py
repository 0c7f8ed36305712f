"""What a key record must say of the holder it changes, worked out again from the order that it carries. Pure."""

from __future__ import annotations

from collections.abc import Generator

from fiat.control import contract_key, control
from fiat.errors import FiatError
from fiat.holder import Holder
from fiat.journal_control import control_record
from fiat.order import LedgerControl
from fiat.record import KeyAction, KeyRecord

_SAID = ("action", "epoch", "key", "salt", "recovery", "blind", "subject", "value", "effective_at")


def controlled(
    record: KeyRecord, holder: Holder, ledger_id: bytes, mandate_stands: bool | None
) -> Generator[str, None, Holder]:
    """Yields what is wrong with a record that carries a control order; its value is the holder after it."""
    signed = record.order
    if signed is None or not isinstance(signed.order, LedgerControl):
        yield "changes keys without a control order"
        return holder
    if signed.order.holder != record.holder:
        yield "carries another holder's order"
        return holder
    try:
        signer = signed.signer(ledger_id)
        change = control(holder, signed.order, signer, record.timestamp, mandate_stands)
    except FiatError as error:
        yield f"its control order is refused: {error}"
        return holder
    expected = control_record(record.sequence, record.timestamp, signed, change)
    wrong = [name for name in _SAID if getattr(record, name) != getattr(expected, name)]
    if wrong:
        yield f"differs from its control order in {', '.join(wrong)}"
    return change.holder


def contracted(record: KeyRecord, holder: Holder, has_orders: bool) -> Generator[str, None, Holder]:
    """The same for the record of a contract account's one key."""
    if record.order is not None:
        yield "names a contract's key by an order"
    expected = KeyRecord(
        sequence=record.sequence,
        timestamp=record.timestamp,
        holder=record.holder,
        link=record.link,
        action=KeyAction.CONTRACT,
        epoch=holder.epoch,
        key=record.key,
        subject=record.subject,
        value=record.value,
        effective_at=record.timestamp,
    )
    wrong = [name for name in _SAID if getattr(record, name) != getattr(expected, name)]
    if wrong or not record.value or not any(record.subject):
        yield f"is no record of a contract's key: {', '.join(wrong) or 'it names no chain or no block'}"
    try:
        return contract_key(holder, record.key, has_orders)
    except FiatError as error:
        yield f"its contract's key is refused: {error}"
        return holder
