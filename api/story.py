"""Reads a holder's entries from the ledger and transfers from the index, and puts names and texts to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.activity import Counterparty, Item, Kind, Placed, State, memo_of
from api.auth import rfc3339
from api.fields import spelled
from api.tables import address_requests, addresses, users, withdrawals
from chain.address import Address
from chain.indexer_store import IndexerStore
from chain.recorded import Position, RecordedTransfer
from chain.token import Token, TokenAmount
from fiat import history
from fiat.chart import TransferCode
from fiat.history import Entry
from fiat.holder import OPERATOR
from fiat.money import decimal_text
from fiat.order import LedgerTransfer, LedgerWithdrawal, Order
from fiat.record import TransferRecord

_KINDS: dict[int, Kind] = {
    TransferCode.TRANSFER: "transfer",
    TransferCode.WITHDRAWAL: "withdrawal",
    TransferCode.WITHDRAWAL_RETURNED: "withdrawal_return",
    TransferCode.TOPUP: "topup",
    TransferCode.FEE: "fee",
}


class Story:
    """Both sides of the activity, each newest first. Everything is bounded by `limit`."""

    def __init__(self, engine: AsyncEngine, index: IndexerStore, chain_id: int, tokens: Sequence[Token]) -> None:
        self._engine = engine
        self._index = index
        self._chain_id = chain_id
        self._tokens = {token.address: token for token in tokens}

    async def ledger(self, holder: bytes, before: int | None, limit: int) -> list[Placed]:
        """Ledger entries before a sequence, in one snapshot."""
        async with self._engine.connect() as conn:
            entries = await history.entries(conn, holder, limit, before)
            orders = await _orders(conn, entries)
            texts = await history.texts_by_hash(conn, _hashes(orders.values()))
            handles = await _handles(conn, (entry.other_holder for entry in entries))
            states = await _withdrawal_states(conn, entries)
        shown = {text_hash: salted.text for text_hash, salted in texts.items()}
        return [
            Placed(
                entry.timestamp,
                entry.sequence,
                _ledger_item(entry, orders.get(entry.sequence), shown, handles, states.get(entry.sequence, "done")),
            )
            for entry in entries
        ]

    async def chain(self, holder: bytes, before: Position | None, limit: int) -> list[Placed]:
        """Chain transfers before a position, of the holder's addresses. Tokens that are not listed are not shown."""
        async with self._engine.connect() as conn:
            query = select(addresses.c.address).where(addresses.c.holder == holder)
            own = {
                Address.from_bytes(raw)
                for raw in (await conn.execute(query.where(addresses.c.chain_id == self._chain_id))).scalars()
            }
        if not own:
            return []
        found = await self._index.transfers(own, limit, before)
        others = {transfer.receiver if transfer.sender in own else transfer.sender for transfer in found}
        async with self._engine.connect() as conn:
            names = await _acquainted(conn, holder, self._chain_id, others)
        return [
            Placed(
                transfer.timestamp * 10**9,
                transfer.position,
                self._chain_item(transfer, own, names) if transfer.token in self._tokens else None,
            )
            for transfer in found
        ]

    def _chain_item(
        self, transfer: RecordedTransfer, own: set[Address], names: dict[Address, tuple[str, bytes]]
    ) -> Item:
        outgoing, incoming = transfer.sender in own, transfer.receiver in own
        other = transfer.receiver if outgoing else transfer.sender
        handle, holder = names.get(other, (None, None))
        amount = TokenAmount(transfer.units, self._tokens[transfer.token])
        return Item(
            id=f"c{self._chain_id}.{transfer.position}",
            at=rfc3339(transfer.timestamp * 10**9),
            kind="chain_transfer",
            rail="chain",
            direction="self" if outgoing and incoming else "out" if outgoing else "in",
            asset=amount.token.symbol,
            amount=amount.format(),
            amount_minor=str(amount.units),
            decimals=amount.token.decimals,
            state="done" if transfer.succeeded else "failed",
            counterparty=Counterparty(handle=handle, holder=spelled(holder) if holder else None, address=other),
            chain_id=self._chain_id,
            transaction=spelled(transfer.transaction_hash),
            block=transfer.position.block_number,
        )


def _ledger_item(
    entry: Entry, order: Order | None, shown: dict[bytes, str], handles: dict[bytes, str], state: State
) -> Item:
    other = entry.other_holder
    label = shown.get(order.destination) if isinstance(order, LedgerWithdrawal) else None
    memo = shown.get(order.shown) if isinstance(order, (LedgerTransfer, LedgerWithdrawal)) else None
    return Item(
        id=f"l{entry.sequence}.{entry.side}",
        at=rfc3339(entry.timestamp),
        kind=_KINDS.get(entry.code, "other"),
        rail="ledger",
        direction="out" if entry.side == "debit" else "in",
        asset=entry.currency,
        amount=decimal_text(entry.amount, entry.exponent),
        amount_minor=str(entry.amount),
        decimals=entry.exponent,
        state=state,
        counterparty=Counterparty(
            handle=handles.get(other), holder=None if other == OPERATOR else spelled(other), label=label
        ),
        memo=memo_of(memo),
        nonce=spelled(entry.order_nonce) if entry.order_nonce else None,
        sequence=entry.sequence,
        balance=decimal_text(entry.booked, entry.exponent),
    )


async def _orders(conn: AsyncConnection, entries: Iterable[Entry]) -> dict[int, Order]:
    """The orders behind these entries, by the entry's sequence."""
    found: dict[int, Order] = {}
    for entry in entries:
        if entry.order_holder is None or entry.order_nonce is None:
            continue
        record = await history.order_record(conn, entry.order_holder, entry.order_nonce)
        if isinstance(record, TransferRecord) and record.order is not None:
            found[entry.sequence] = record.order.order
    return found


def _hashes(orders: Iterable[Order]) -> list[bytes]:
    hashes = []
    for order in orders:
        if isinstance(order, (LedgerTransfer, LedgerWithdrawal)):
            hashes.append(order.shown)
        if isinstance(order, LedgerWithdrawal):
            hashes.append(order.destination)
    return hashes


async def _handles(conn: AsyncConnection, holders: Iterable[bytes]) -> dict[bytes, str]:
    query = select(users.c.holder, users.c.handle).where(users.c.holder.in_(set(holders)))
    return {row.holder: row.handle for row in await conn.execute(query)}


async def _withdrawal_states(conn: AsyncConnection, entries: Iterable[Entry]) -> dict[int, State]:
    """What became of the withdrawals among these entries; one that the gateway has not seen yet is accepted."""
    sequences = [entry.sequence for entry in entries if entry.code == TransferCode.WITHDRAWAL]
    query = select(withdrawals.c.sequence, withdrawals.c.state).where(withdrawals.c.sequence.in_(sequences))
    states: dict[int, State] = dict.fromkeys(sequences, "accepted")
    return states | {row.sequence: row.state for row in await conn.execute(query)}


async def _acquainted(
    conn: AsyncConnection, holder: bytes, chain_id: int, wanted: Iterable[Address]
) -> dict[Address, tuple[str, bytes]]:
    """Handle and holder behind these addresses, where one of the two has asked the other for an address before.

    Not for everybody: otherwise a grain of dust sent to any address would tell whose it is.
    """
    asked = address_requests.c
    met = (
        select(asked.payee)
        .where(asked.payer == holder)
        .union(select(asked.payer).where(asked.payee == holder))
        .scalar_subquery()
    )
    query = (
        select(addresses.c.address, users.c.handle, users.c.holder)
        .join(users, users.c.holder == addresses.c.holder)
        .where(addresses.c.chain_id == chain_id, addresses.c.address.in_([address.raw for address in wanted]))
        .where(addresses.c.holder.in_(met))
    )
    return {Address.from_bytes(row.address): (row.handle, row.holder) for row in await conn.execute(query)}
