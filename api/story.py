"""Reads a holder's entries from the ledger and transfers from the index, and puts names and texts to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.activity import Counterparty, Item, Placed, Received, State, memo_of
from api.activity import Kind as ItemKind
from api.auth import rfc3339
from api.bridge_states import State as Stage
from api.currencies import CURRENCIES
from api.deposit_rows import Deposit
from api.deposit_story import converted, is_of_deposit, is_told_by_chain, ledger_state, named_by, paid_by
from api.fields import spelled
from api.payout_rows import Payout, bought_in, payouts_of
from api.tables import address_requests, addresses, users, withdrawals
from chain.address import Address
from chain.indexer_store import IndexerStore
from chain.look_alike import Payees, marks
from chain.recorded import Kind, Position, RecordedTransfer
from chain.reorg import final_height
from chain.token import Token, TokenAmount
from fiat import history
from fiat.chart import TransferCode
from fiat.currency import currency_of_ledger
from fiat.history import Entry
from fiat.holder import OPERATOR, leg_id
from fiat.money import decimal_text
from fiat.order import LedgerHold, LedgerMandate, LedgerTransfer, LedgerWithdrawal, Order
from fiat.record import Kind as RecordKind
from fiat.record import TransferRecord
from fiat.token_scale import units_of
from fiat.transfer import TransferFlags

_KINDS: dict[int, ItemKind] = {
    TransferCode.TRANSFER: "transfer",
    TransferCode.WITHDRAWAL: "withdrawal",
    TransferCode.WITHDRAWAL_RETURNED: "withdrawal_return",
    TransferCode.TOPUP: "topup",
    TransferCode.FEE: "fee",
    TransferCode.CONVERSION: "conversion",
    TransferCode.HOLD: "hold",
    TransferCode.MANDATE: "mandate",
    TransferCode.COLLECTION: "collection",
    TransferCode.OPERATOR: "operator",
}
_STATES: dict[ItemKind, State] = {"hold": "reserved", "release": "released", "expiry": "expired"}
_AMOUNTS = (Kind.NATIVE, Kind.INNER, Kind.ERC20)
PAYEES_MAX = 1000
PAID_MAX = 300
"""Payees are those whose addresses were asked for, and the receivers among the newest transfers."""
TOLD = (LedgerTransfer, LedgerWithdrawal, LedgerHold, LedgerMandate)
"""Orders whose shown text has a memo for both sides."""


class Story:
    """Both sides of the activity, each newest first. Everything is bounded by `limit`."""

    def __init__(
        self, engine: AsyncEngine, index: IndexerStore, chain_id: int, tokens: Sequence[Token], confirmations: int
    ) -> None:
        self._engine = engine
        self._index = index
        self._chain_id = chain_id
        self._tokens = {token.address: token for token in tokens}
        self._by_symbol = {token.symbol: token for token in tokens}
        self._confirmations = confirmations

    async def ledger(self, holder: bytes, before: int | None, limit: int) -> list[Placed]:
        """Ledger entries before a sequence, in one snapshot."""
        async with self._engine.connect() as conn:
            entries = await history.entries(conn, holder, limit, before)
            orders = await _orders(conn, entries)
            texts = await history.texts_by_hash(conn, _hashes(orders.values()))
            handles = await _handles(conn, (entry.other_holder for entry in entries))
            states = await _withdrawal_states(conn, entries)
            received = await _received(conn, entries, self._by_symbol)
            sent = await payouts_of(conn, entries)
            paid = await named_by(conn, entries)
            own = await _own(conn, holder, self._chain_id) if paid else set()
        shown = {text_hash: salted.text for text_hash, salted in texts.items()}
        return [
            Placed(
                entry.timestamp,
                entry.sequence,
                _deposit_item(entry, deposit, own, handles)
                if (deposit := paid.get(entry.user_data_128)) is not None and is_of_deposit(entry)
                else _with_payout(
                    _ledger_item(
                        entry, orders.get(entry.sequence), shown, handles, states.get(entry.sequence), received
                    ),
                    sent.get((entry.order_holder, entry.order_nonce)),
                    self._chain_id,
                ),
            )
            for entry in entries
        ]

    async def chain(self, holder: bytes, before: Position | None, limit: int) -> list[Placed]:
        """Chain transfers before a position, of the holder's addresses, those of chains that are gone among them.

        What smells of poisoning is marked.
        """
        async with self._engine.connect() as conn:
            own = await _own(conn, holder, self._chain_id)
        if not own:
            return []
        tip = await self._index.tip()
        final = -1 if tip is None else final_height(tip.number, self._confirmations)
        found = await self._index.transfers(own, limit, before, archived=True, zero=True)
        others = {transfer.receiver if transfer.sender in own else transfer.sender for transfer in found}
        async with self._engine.connect() as conn:
            names = await _acquainted(conn, holder, self._chain_id, others)
            paid = await paid_by(conn, holder, found)
            bought = await bought_in(conn, holder, [transfer.transaction_hash for transfer in found])
        payees = await self._payees(holder, own) if found else Payees.of(())
        return [
            Placed(
                transfer.timestamp * 10**9,
                transfer.position,
                _paying(self._chain_item(transfer, own, names, payees, final), transfer, paid)
                if transfer.kind in _AMOUNTS and transfer.transaction_hash not in bought
                else None,
            )
            for transfer in found
        ]

    async def _payees(self, holder: bytes, own: set[Address]) -> Payees:
        """Who was paid from these addresses in listed tokens, or asked for an address; and the addresses themselves."""
        asked = address_requests.c
        query = select(asked.address).where(asked.payer == holder, asked.chain_id == self._chain_id).distinct()
        async with self._engine.connect() as conn:
            named = [Address.from_bytes(raw) for raw in (await conn.execute(query.limit(PAYEES_MAX))).scalars()]
        paid = [
            moved.receiver
            for moved in await self._index.transfers(own, PAID_MAX)
            if moved.sender in own and moved.units and moved.succeeded and moved.token in self._tokens
        ]
        return Payees.of([*own, *named, *paid])

    def _chain_item(
        self,
        transfer: RecordedTransfer,
        own: set[Address],
        names: dict[Address, tuple[str, bytes]],
        payees: Payees,
        final: int,
    ) -> Item:
        outgoing, incoming = transfer.sender in own, transfer.receiver in own
        other = transfer.receiver if outgoing else transfer.sender
        handle, holder = names.get(other, (None, None))
        listed = self._tokens.get(transfer.token)
        amount = TokenAmount(transfer.units, listed or _raw(self._chain_id, transfer.token))
        return Item(
            id=f"c{self._chain_id}.{transfer.position.place}",
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
            final=not transfer.archived and transfer.position.block_number <= final,
            archived=transfer.archived,
            marks=[mark.value for mark in marks(payees, other, transfer.units, is_listed=listed is not None)],
        )


async def _own(conn: AsyncConnection, holder: bytes, chain_id: int) -> set[Address]:
    """The holder's addresses on that chain."""
    query = select(addresses.c.address).where(addresses.c.holder == holder, addresses.c.chain_id == chain_id)
    return {Address.from_bytes(raw) for raw in (await conn.execute(query)).scalars()}


def _paying(item: Item, transfer: RecordedTransfer, paid: list[Deposit]) -> Item:
    """What paid for a conversion is one item with it; each deposit is told once."""
    for deposit in paid:
        same = (deposit.transaction, deposit.token, deposit.units, deposit.sender)
        if same == (transfer.transaction_hash, transfer.token, transfer.units, transfer.sender):
            paid.remove(deposit)
            return converted(item, deposit)
    return item


def _deposit_item(entry: Entry, deposit: Deposit, own: set[Address], handles: dict[bytes, str]) -> Item | None:
    """A credit whose transfer came from elsewhere: released to its owner by the operator."""
    state = ledger_state(entry, deposit)
    if state is None or is_told_by_chain(deposit, own):
        return None
    item = _ledger_item(entry, None, {}, handles, state, {})
    return None if item is None else item.model_copy(update={"kind": "conversion"})


def _raw(chain_id: int, contract: Address | None) -> Token:
    """A token on no list goes by its address, in raw units: its name and decimals are a stranger's claims."""
    assert contract is not None, "the chain's own coin is always listed"
    return Token(chain_id, contract, contract, contract, 0)


def _is_part_of_another(entry: Entry) -> bool:
    """A conversion's other legs are in the first one's item; what stays reserved after a capture is no news."""
    again = entry.code == TransferCode.HOLD and entry.leg > 0 and entry.flags & TransferFlags.PENDING
    resolved = entry.flags & (TransferFlags.POST_PENDING_TRANSFER | TransferFlags.VOID_PENDING_TRANSFER)
    settled = resolved and entry.code in (TransferCode.CONVERSION, TransferCode.FEE) and entry.leg > 0
    return bool(again or settled) or (entry.code == TransferCode.CONVERSION and entry.leg == 1)


def _kind(entry: Entry) -> ItemKind:
    if entry.kind is RecordKind.EXPIRY:
        return "expiry"
    if entry.kind is RecordKind.OPERATOR:
        return "operator"
    if entry.flags & TransferFlags.POST_PENDING_TRANSFER:
        return "capture"
    return "release" if entry.flags & TransferFlags.VOID_PENDING_TRANSFER else _KINDS.get(entry.code, "other")


def _state(kind: ItemKind, flags: int) -> State:
    """The operator's entries hold and let go as well as move."""
    if kind == "operator" and flags & TransferFlags.PENDING:
        return "reserved"
    if kind == "operator" and flags & TransferFlags.VOID_PENDING_TRANSFER:
        return "released"
    return _STATES.get(kind, "done")


def _ledger_item(
    entry: Entry,
    order: Order | None,
    shown: dict[bytes, str],
    handles: dict[bytes, str],
    state: State | None,
    received: dict[int, Received],
) -> Item | None:
    """None for what is told in another entry's item."""
    if _is_part_of_another(entry):
        return None
    other, kind = entry.other_holder, _kind(entry)
    label = shown.get(order.destination) if isinstance(order, LedgerWithdrawal) else None
    memo = shown.get(order.shown) if isinstance(order, TOLD) else None
    return Item(
        id=f"l{entry.sequence}.{entry.side}",
        at=rfc3339(entry.timestamp),
        kind=kind,
        rail="ledger",
        direction="out" if entry.side == "debit" else "in",
        asset=entry.currency,
        amount=decimal_text(entry.amount, entry.exponent),
        amount_minor=str(entry.amount),
        decimals=entry.exponent,
        state=state or _state(kind, entry.flags),
        counterparty=Counterparty(
            handle=handles.get(other), holder=None if other == OPERATOR else spelled(other), label=label
        ),
        received=received.get(entry.sequence),
        memo=memo_of(memo),
        nonce=spelled(entry.order_nonce) if entry.order_nonce else None,
        sequence=entry.sequence,
        balance=decimal_text(entry.booked, entry.exponent),
    )


def _with_payout(item: Item | None, payout: Payout | None, chain_id: int) -> Item | None:
    """What is given for a token is pending until that has arrived; the transaction is the item's other leg."""
    if item is None or payout is None:
        return item
    state: State = "done" if payout.state is Stage.COMPLETED else "pending"
    changes: dict[str, object] = {"state": "returned" if payout.state is Stage.REFUNDED else state}
    if item.kind == "conversion":
        changes |= {"chain_id": chain_id, "counterparty": Counterparty(address=payout.receiver)}
        changes["transaction"] = None if payout.transaction is None else spelled(payout.transaction)
    return item.model_copy(update=changes)


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
        if isinstance(order, TOLD):
            hashes.append(order.shown)
        if isinstance(order, LedgerWithdrawal):
            hashes.append(order.destination)
    return hashes


async def _received(
    conn: AsyncConnection, entries: Iterable[Entry], tokens: Mapping[str, Token]
) -> dict[int, Received]:
    """What the conversions among these entries gave, by the sequence of their first leg."""
    found: dict[int, Received] = {}
    for entry in entries:
        if entry.code != TransferCode.CONVERSION or entry.leg != 0 or entry.order_nonce is None:
            continue
        assert entry.order_holder is not None, "a nonce is somebody's"
        second = await history.transfer(conn, leg_id(entry.order_holder, entry.order_nonce, 1))
        assert second is not None, "the legs of a conversion are one chain"
        code, units = currency_of_ledger(second[1].ledger), second[1].amount
        if code in CURRENCIES:
            exponent = CURRENCIES[code].exponent
            text = decimal_text(units, exponent)
        elif code in tokens:
            exponent, units = tokens[code].decimals, units_of(units, tokens[code].decimals)
            text = TokenAmount(units, tokens[code]).format()
        else:
            continue
        found[entry.sequence] = Received(asset=code, amount=text, amount_minor=str(units), decimals=exponent)
    return found


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
