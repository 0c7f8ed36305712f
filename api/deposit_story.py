"""Deposits as a person's history and balance show them: one item with two legs, and what is coming."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.activity import Item, Received, State
from api.currencies import CURRENCIES
from api.deposit_rows import Deposit, read_deposit
from api.deposits import Stage
from api.tables import deposits
from chain.address import Address
from chain.recorded import RecordedTransfer
from fiat.chart import TransferCode
from fiat.history import Entry
from fiat.money import decimal_text
from fiat.transfer import TransferFlags

_COMING = (Stage.PENDING, Stage.CREDITING)
_STATES: dict[Stage, State] = {
    Stage.CREDITED: "done",
    Stage.LOST: "done",
    Stage.RETURNED: "returned",
    Stage.NOTHING: "failed",
}
_RESOLVING = TransferFlags.POST_PENDING_TRANSFER | TransferFlags.VOID_PENDING_TRANSFER


def is_of_deposit(entry: Entry) -> bool:
    """A credit that no order caused, but a deposit."""
    return entry.code == TransferCode.CONVERSION and entry.order_nonce is None and entry.side == "credit"


async def named_by(conn: AsyncConnection, entries: Iterable[Entry]) -> dict[int, Deposit]:
    """The deposits behind these entries, by what the entries call them."""
    names = {entry.user_data_128.to_bytes(16, "big") for entry in entries if is_of_deposit(entry)}
    if not names:
        return {}
    ranges = [deposits.c.id.between(name + bytes(16), name + b"\xff" * 16) for name in names]
    found = [read_deposit(row) for row in await conn.execute(select(deposits).where(or_(*ranges)))]
    return {int.from_bytes(each.id[:16], "big"): each for each in found}


async def paid_by(conn: AsyncConnection, holder: bytes, moved: Collection[RecordedTransfer]) -> list[Deposit]:
    """The holder's deposits among these transfers."""
    hashes = {each.transaction_hash for each in moved}
    if not hashes:
        return []
    query = select(deposits).where(deposits.c.holder == holder, deposits.c.transaction_hash.in_(hashes))
    return [read_deposit(row) for row in await conn.execute(query)]


async def coming(conn: AsyncConnection, holder: bytes) -> dict[str, int]:
    """What is credited to the holder and not final, minor units by currency."""
    c = deposits.c
    mine = select(c.currency, func.sum(c.pending_minor)).where(c.holder == holder, c.stage.in_(_COMING))
    return {code: int(minor) for code, minor in await conn.execute(mine.group_by(c.currency)) if minor}


def is_told_by_chain(deposit: Deposit, own: Collection[Address]) -> bool:
    """It came from an address of the holder's: the transfer's item tells it, both legs."""
    return deposit.sender in own


def ledger_state(entry: Entry, deposit: Deposit) -> State | None:
    """Of an entry that no transfer's item tells; None for what is no news: a reservation that is over."""
    if not entry.flags & (TransferFlags.PENDING | _RESOLVING):
        return "done"
    if entry.flags & TransferFlags.PENDING:
        return "pending" if deposit.stage in _COMING and entry.id == deposit.books.pending_id else None
    return "done" if entry.flags & TransferFlags.POST_PENDING_TRANSFER else None


def converted(item: Item, deposit: Deposit) -> Item:
    """A transfer's item as the conversion that it paid for."""
    minor = deposit.pending_minor if deposit.stage in _COMING else None
    if deposit.credit is not None and deposit.stage in (Stage.CREDITED, Stage.LOST):
        minor = deposit.credit.receive_minor
    received = None
    if minor and deposit.currency is not None:
        exponent = CURRENCIES[deposit.currency].exponent
        text = decimal_text(minor, exponent)
        received = Received(asset=deposit.currency, amount=text, amount_minor=str(minor), decimals=exponent)
    state = _STATES.get(deposit.stage, "pending")
    changes = {"kind": "conversion", "state": state, "received": received, "sequence": deposit.sequence}
    return item.model_copy(update=changes)
