"""What officers did to a person's balance, as that person is told: each entry, and what became of it. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.history import PAGE_MAX
from fiat.officer import WITHOUT_NOTICE, HoldFor, notice_ns
from fiat.order import ZERO_32
from fiat.record import OperatorRecord, Reason, decode
from fiat.tables import accounts, operator_records, pendings, records, transfers
from fiat.transfer import NANOSECONDS, Resolution

State = Literal["active", "released", "taken", "expired", "credited"]
_DONE: dict[Reason, State] = {Reason.RELEASE: "released", Reason.CREDIT: "credited"}
_STATES: dict[int | None, State] = {
    Resolution.PENDING: "active",
    Resolution.POSTED: "taken",
    Resolution.VOIDED: "released",
    Resolution.EXPIRED: "expired",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """An operator record that concerns a holder. Amounts in minor units, times in nanoseconds.

    `asked_minor` is what the officers signed, `amount` what moved or is held. `incoming`: it credits the holder. A hold
    tells what it is for (`hold_for`, a HoldFor), when it may be taken at the earliest and when it ends by itself.
    `document` is the hash of the paper that compels, `undoes` the record that is undone.
    """

    sequence: int
    timestamp: int
    reason: Reason
    reason_code: int
    currency: str
    exponent: int
    amount: int
    asked_minor: int
    incoming: bool
    state: State
    hold_for: HoldFor | None
    takes_effect_at: int | None
    until: int | None
    document: bytes | None
    undoes: int | None
    successor: bytes | None

    @property
    def without_notice(self) -> bool:
        """Taken at once: the law forbade notice."""
        return self.reason is Reason.COMPELLED and self.reason_code >= WITHOUT_NOTICE


async def notices(
    conn: AsyncConnection, holder_id: bytes, limit: int = 50, before_sequence: int | None = None
) -> list[Notice]:
    """The operator records that debit or credit the holder's accounts, newest first; those before a sequence."""
    c = operator_records.c
    query = select(records.c.body, pendings.c.resolution, accounts.c.currency, accounts.c.exponent)
    query = query.join_from(operator_records, records, c.sequence == records.c.sequence)
    query = query.join(transfers, transfers.c.sequence == c.sequence)
    query = query.join(accounts, accounts.c.id == transfers.c.debit_account_id)
    query = query.outerjoin(pendings, pendings.c.id == c.id)
    query = query.where(or_(c.debit_holder == holder_id, c.credit_holder == holder_id))
    if before_sequence is not None:
        query = query.where(c.sequence < before_sequence)
    query = query.order_by(c.sequence.desc()).limit(max(1, min(limit, PAGE_MAX)))
    return [_notice(*row, holder_id) for row in await conn.execute(query)]


def _notice(body: bytes, resolution: int | None, currency: str, exponent: int, holder_id: bytes) -> Notice:
    record = decode(body)
    assert isinstance(record, OperatorRecord), "the table names operator records only"
    reason, hold_for = Reason(record.reason), None
    if reason is Reason.HOLD:
        state, hold_for = _STATES[resolution], HoldFor(record.reason_code)
    else:
        state = _DONE.get(reason, "taken")
    told = hold_for is not None and hold_for is not HoldFor.INQUIRY
    return Notice(
        sequence=record.sequence,
        timestamp=record.timestamp,
        reason=reason,
        reason_code=record.reason_code,
        currency=currency,
        exponent=exponent,
        amount=record.amount,
        asked_minor=record.user_data_64,
        incoming=record.credit_holder == holder_id,
        state=state,
        hold_for=hold_for,
        takes_effect_at=record.timestamp + notice_ns(record.reason_code) if told else None,
        until=record.until * NANOSECONDS or None,
        document=record.document if record.document != ZERO_32 else None,
        undoes=record.undoes or None,
        successor=record.successor if record.successor != ZERO_32 else None,
    )


async def active(conn: AsyncConnection, holder_id: bytes) -> int:
    """How many holds stand on the holder's accounts now."""
    c = operator_records.c
    query = select(func.count()).select_from(operator_records).join(pendings, pendings.c.id == c.id)
    query = query.where(c.debit_holder == holder_id, pendings.c.resolution == int(Resolution.PENDING))
    return int((await conn.execute(query)).scalar_one())
