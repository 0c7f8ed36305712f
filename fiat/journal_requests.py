"""Requests that the journal's committer decides: open a holder, open accounts, post transfers, carry out an order.

`wanted` says what must be known; `decide` checks first and changes the batch last, so a request that raises leaves
no trace in it. A request may be decided again over another state: it keeps nothing of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from fiat.authority import SaltedText, timed
from fiat.chart import SourceKind
from fiat.control import keys_at
from fiat.errors import (
    DebitUnauthorised,
    FiatError,
    HolderFrozen,
    HolderUnknown,
    InventoryMissing,
    LiquidityMissing,
    NonceConflict,
    OrderEpochWrong,
    OrderExpired,
    OrderKeyUnknown,
    OrderTextWrong,
    PayeeUnknown,
    QuoteUsed,
)
from fiat.holder import OPERATOR, Holder, HolderGenesis
from fiat.journal_batch import Batch, dead_at_of
from fiat.journal_cache import Wanted
from fiat.journal_keys import open_holder
from fiat.journal_payments import pay
from fiat.journal_rows import Cause
from fiat.journal_values import AccountRow, KnownOrder, OrderResult, Source
from fiat.order import LedgerConversion, LedgerHold, LedgerMandate, Order, SignedOrder
from fiat.transfer import NANOSECONDS, TRANSIENT, Outcome, Transfer, TransferFlags, TransferStatus

TRANSFERS_MAX = 1000
"""Transfers in one request."""

Answer = TypeVar("Answer", covariant=True)
_LINKED = int(TransferFlags.LINKED)
_IMPORTED = int(TransferFlags.IMPORTED)
_ORDERS_SOURCES = (SourceKind.USE, SourceKind.QUOTE)
_RESOLVING = int(TransferFlags.POST_PENDING_TRANSFER | TransferFlags.VOID_PENDING_TRANSFER)


class Request(Protocol[Answer]):
    """Something to decide and, if it changes anything, to write."""

    @property
    def size(self) -> int:
        """Events that it brings into the batch."""
        ...

    def want(self, wanted: Wanted) -> None: ...

    def decide(self, batch: Batch) -> Answer: ...


@dataclass(frozen=True, slots=True)
class OpenHolder:
    """Open a holder and accounts of theirs; what exists already stays as it is. `blind` is 32 fresh random bytes."""

    genesis: HolderGenesis
    blind: bytes
    accounts: tuple[AccountRow, ...]

    @property
    def size(self) -> int:
        return 1 + len(self.accounts)

    def want(self, wanted: Wanted) -> None:
        wanted.holders.add(self.genesis.holder_id)
        wanted.accounts.update(row.account.id for row in self.accounts)

    def decide(self, batch: Batch) -> Holder:
        holder = open_holder(batch, self.genesis, self.blind)
        for row in self.accounts:
            batch.open_account(row)
        return batch.holder(holder.id) or holder


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Open one account of a holder or of the operator; an account that exists stays as it is."""

    row: AccountRow

    @property
    def size(self) -> int:
        return 1

    def want(self, wanted: Wanted) -> None:
        wanted.accounts.add(self.row.account.id)
        if not self.row.is_operators:
            wanted.holders.add(self.row.holder)

    def decide(self, batch: Batch) -> AccountRow:
        if not self.row.is_operators and batch.holder(self.row.holder) is None:
            raise HolderUnknown("0x" + self.row.holder.hex())
        return batch.open_account(self.row)


@dataclass(frozen=True, slots=True)
class Post:
    """Operator-side transfers; with a source they are one linked chain, posted once for that outside event."""

    transfers: tuple[Transfer, ...]
    source: Source | None = None

    def __post_init__(self) -> None:
        check_transfers(self.transfers)
        if self.source is not None and (not self.transfers or self.source.kind in _ORDERS_SOURCES):
            raise ValueError("a source comes with a transfer, and is no use of an order and no quote")

    @property
    def size(self) -> int:
        return len(self.transfers)

    def want(self, wanted: Wanted) -> None:
        want_transfers(self.transfers, wanted)
        if self.source is not None:
            wanted.sources.add((int(self.source.kind), self.source.id))

    def decide(self, batch: Batch) -> list[Outcome]:
        transfers = self.transfers
        if self.source is not None:
            transfers = linked(transfers)
            if batch.source(self.source) not in (None, transfers[0].id):
                raise NonceConflict("0x" + self.source.id.hex())
        for transfer in transfers:
            # What resolves a pending transfer debits whom that reserved from: a person's goes by a use of their order.
            pending = batch.changes.transfer(transfer.pending_id) if transfer.flags & _RESOLVING else None
            debited = (pending or transfer).debit_account_id
            account = batch.row(debited)
            if account is not None and not account.is_operators:
                raise DebitUnauthorised(debited)
        outcomes, changes = batch.judge(transfers)
        batch.take(outcomes, changes, transfers, Cause(None, self.source))
        return outcomes


@dataclass(frozen=True, slots=True)
class Submit:
    """Carry out a signed order, once: its legs are one linked chain. Who may sign was checked before.

    `signer` is who that was found to be; whether they still may is asked again of the state that it is decided over.
    """

    signed: SignedOrder
    digest: bytes
    legs: tuple[Transfer, ...]
    texts: Mapping[str, SaltedText]
    signer: bytes | None = None

    def __post_init__(self) -> None:
        check_transfers(self.legs)
        order = self.signed.order
        if not self.legs:
            raise ValueError("an order has a leg")
        for number, leg in enumerate(self.legs):
            if leg.user_data_32 != number or leg.id != order.leg_id(number):
                raise ValueError("leg n of an order has the id of leg n, and n in user_data_32")
        for name, salted in self.texts.items():
            if "\0" in salted.text:
                raise OrderTextWrong(name)

    @property
    def key(self) -> tuple[bytes, bytes]:
        return self.signed.order.holder, self.signed.order.nonce

    @property
    def size(self) -> int:
        return len(self.legs)

    def want(self, wanted: Wanted) -> None:
        want_transfers(self.legs, wanted)
        wanted.orders.add(self.key)
        wanted.holders.add(self.signed.order.holder)
        order = self.signed.order
        if (party := _party(order)) is not None:
            wanted.holders.add(party)
        if isinstance(order, LedgerConversion):
            wanted.sources.add((int(SourceKind.QUOTE), order.reference))

    def decide(self, batch: Batch) -> OrderResult:
        if len(self.legs) == 1:
            paid = pay(batch, self.signed, self.digest, self.legs[0], self.signer)
            if paid is not None:
                self._keep_texts(batch)
                return paid
        known = batch.order(self.key)
        if known is not None:
            return answer(known, self.digest, self.signed.order.nonce)
        holder = self._check(batch)
        order = self.signed.order
        legs = linked(timed(order, self.legs, batch.cursor + 1))
        source = _check_parties(batch, order, legs)
        spent = batch.spend(holder, order.CODE, batch.currency(legs[0]), legs)
        outcomes, changes = batch.judge(legs)
        batch.take(outcomes, changes, legs, Cause(self.signed, source))
        status = outcomes[0].status
        if status is TransferStatus.LINKED_EVENT_FAILED:
            status = next(o.status for o in outcomes if o.status is not TransferStatus.LINKED_EVENT_FAILED)
        sequence = batch.sequence - len(legs) + 1 if status is TransferStatus.CREATED else None
        if sequence is not None:
            batch.count(holder.id, spent)
        recorded = sequence is not None or status in TRANSIENT
        if recorded:
            self._record(batch, KnownOrder(self.digest, sequence, status))
        return OrderResult(status, sequence, None, True, recorded)

    def _check(self, batch: Batch) -> Holder:
        order = self.signed.order
        holder = batch.holder(order.holder)
        if holder is None:
            raise HolderUnknown("0x" + order.holder.hex())
        check_standing(holder, order.key_epoch)  # who may sign was looked up before; a freeze may have come between
        if self.signer not in (None, holder.root) and self.signer not in keys_at(holder, batch.cursor + 1).signers:
            raise OrderKeyUnknown("0x" + (self.signer or b"").hex())  # another process's clock, or a cancel in between
        if dead_at_of(self.signed) * NANOSECONDS <= batch.now:
            raise OrderExpired(order.valid_before, batch.now // NANOSECONDS)
        for leg in self.legs:
            account = batch.row(leg.debit_account_id)
            if account is not None and account.holder not in (OPERATOR, order.holder):
                raise DebitUnauthorised(leg.debit_account_id)
        return holder

    def _record(self, batch: Batch, known: KnownOrder) -> None:
        batch.answer(self.key, known, self.signed.order.CODE, dead_at_of(self.signed))
        if known.sequence is not None:
            self._keep_texts(batch)

    def _keep_texts(self, batch: Batch) -> None:
        if self.texts:
            batch.rows["texts"] += ({"hash": t.hash, "salt": t.salt, "text": t.text} for t in self.texts.values())


def _party(order: Order) -> bytes | None:
    """Who may take money under the order later."""
    if isinstance(order, LedgerHold):
        return order.captor
    return order.payee if isinstance(order, LedgerMandate) else None


def _check_parties(batch: Batch, order: Order, legs: Sequence[Transfer]) -> Source | None:
    """Is whom the order is with there, and can give? Returns the source that makes a quote once.

    Raises PayeeUnknown, QuoteUsed, LiquidityMissing: all leave the nonce free.
    """
    party = _party(order)
    if party is not None and batch.holder(party) is None:
        raise PayeeUnknown("0x" + party.hex())
    if not isinstance(order, LedgerConversion):
        return None
    source = Source(SourceKind.QUOTE, order.reference)
    if batch.source(source) is not None:
        raise QuoteUsed("0x" + order.reference.hex())
    # Else the machine would say of the operator's account what the person would take for their own.
    liquidity = batch.changes.account(legs[1].debit_account_id)
    if any(order.receive_to):
        _check_inventory(batch, order, legs[1])
    elif liquidity is None or liquidity.available < legs[1].amount:
        raise LiquidityMissing(order.receive_asset)
    return source


def _check_inventory(batch: Batch, order: LedgerConversion, sent: Transfer) -> None:
    """Has the operator as much of the token free, and is it recorded as held? Raises InventoryMissing.

    Two accounts say so: what a reorganisation took from the reserve may still stand in the inventory.
    """
    inventory, treasury = (batch.changes.account(n) for n in (sent.debit_account_id, sent.credit_account_id))
    if inventory is None or treasury is None or inventory.available < sent.amount:
        raise InventoryMissing(order.receive_asset)
    if treasury.debits_posted - treasury.credits_posted - treasury.credits_pending < sent.amount:
        raise InventoryMissing(order.receive_asset)


def answer(known: KnownOrder, digest: bytes, nonce: bytes) -> OrderResult:
    """What a known nonce is answered: the first answer for the same content. Raises NonceConflict for other content."""
    if known.digest != digest:
        raise NonceConflict("0x" + nonce.hex())
    return OrderResult(known.status, known.sequence, None, False, True)


def check_standing(holder: Holder, epoch: int) -> None:
    """May orders of this key epoch move the holder's money now? Raises OrderEpochWrong, HolderFrozen."""
    if epoch != holder.epoch:
        raise OrderEpochWrong(holder.epoch, epoch)
    if holder.frozen:
        raise HolderFrozen("0x" + holder.id.hex())


def linked(transfers: Sequence[Transfer]) -> tuple[Transfer, ...]:
    """The same transfers as one chain: all but the last linked."""
    if len(transfers) == 1 and not transfers[0].flags & _LINKED:
        return (transfers[0],)
    chain = [transfer._replace(flags=int(transfer.flags) | _LINKED) for transfer in transfers[:-1]]
    return (*chain, transfers[-1]._replace(flags=int(transfers[-1].flags) & ~_LINKED))


def want_transfers(transfers: Sequence[Transfer], wanted: Wanted) -> None:
    for transfer in transfers:
        wanted.transfers.update((transfer.id, transfer.pending_id))
        wanted.accounts.update((transfer.debit_account_id, transfer.credit_account_id))


def check_transfers(transfers: Sequence[Transfer]) -> None:
    """What our store cannot take, whatever the state. Raises ValueError: it is the caller's mistake, not a person's."""
    if len(transfers) > TRANSFERS_MAX:
        raise ValueError(f"at most {TRANSFERS_MAX} transfers in one request")
    for transfer in transfers:
        if transfer.flags & _IMPORTED:
            raise ValueError("the journal takes no imported events")
        if transfer.user_data_64 >> 63:
            raise ValueError("user_data_64 is below 2^63 under this store")


class Waiting:
    """A request in the queue, and who waits for its answer."""

    __slots__ = ("answer", "error", "future", "request")

    def __init__(self, request: Request[Any]) -> None:
        self.request = request
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.answer: Any = None
        self.error: Exception | None = None

    def settle(self) -> None:
        if self.future.done():
            return  # the caller went away; what was written stands
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.answer)


def decide(batch: Batch, waiting: list[Waiting]) -> None:
    """Decide each request over those before it. A refusal is the answer of that request alone."""
    for one in waiting:
        one.answer, one.error = None, None
        mark = batch.sequence
        try:
            one.answer = one.request.decide(batch)
        except (FiatError, ValueError) as error:
            if batch.sequence != mark:
                raise RuntimeError("a request failed half-way into its batch") from error
            one.error = error
