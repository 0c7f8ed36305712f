"""Requests without a person's order: name an officer, change who the officers are, post what two of them signed.

What is refused leaves nothing, not even a burnt id: the same entry may be asked again. The same entry again gets its
first answer; its nonce with other content is a conflict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fiat.authority import check_window
from fiat.currency import Currency
from fiat.errors import EntryRefused, NonceConflict
from fiat.holder import OPERATOR, Recovery, account_id, leg_id
from fiat.journal_batch import Batch
from fiat.journal_cache import Wanted
from fiat.journal_requests import answer
from fiat.journal_rows import Cause
from fiat.journal_values import KnownOrder, OrderResult
from fiat.officer import Entry, OfficerChange, SignedEntry, signed_by
from fiat.officer_rules import RECEIVABLE, Party, Undone, plan
from fiat.order import ZERO_32, LedgerControl, SignedOrder
from fiat.record import KeyRecord, OperatorRecord
from fiat.signature import recover
from fiat.transfer import NANOSECONDS, Resolution, TransferStatus


@dataclass(frozen=True, slots=True)
class EntryResult:
    """Where an entry (its first record) or a named officer stands; `first` is true for the call that caused it."""

    sequence: int
    first: bool


class BatchView:
    """The state that the rules of officer_rules.py see while a batch is decided."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._cache = batch.cache

    def party(self, account: int) -> Party | None:
        row = self._batch.row(account)
        if row is None:
            return None
        return Party(account, row.holder, row.currency, row.exponent, row.purpose, row.account.code)

    def available(self, account: int) -> int:
        found = self._batch.changes.account(account)
        return found.available if found is not None else 0

    def recoverable(self, holder_id: bytes) -> bool | None:
        holder = self._batch.holder(holder_id)
        return Recovery(holder.recovery).is_recoverable if holder is not None else None

    def entry(self, transfer_id: int) -> OperatorRecord | None:
        return self._cache.entries.by_id.get(transfer_id)

    def unresolved(self, transfer_id: int) -> bool:
        return self._batch.changes.resolution(transfer_id) is Resolution.PENDING

    def undone(self, sequence: int) -> Undone | None:
        return self._cache.undone.get(sequence)

    def undoing(self, sequence: int) -> Iterable[OperatorRecord]:
        return self._cache.entries.undoing(sequence)

    def compelling(self, document: bytes) -> Iterable[OperatorRecord]:
        return self._cache.entries.compelling(document)

    def ordered_since(self, holder_id: bytes, sequence: int) -> bool:
        """Orders that were stored, or that were accepted earlier in this batch."""
        fresh = (known.sequence or 0 for (holder, _), known in self._batch.orders.items() if holder == holder_id)
        return max(self._cache.last_orders.get(holder_id, 0), *fresh, 0) > sequence


@dataclass(frozen=True, slots=True)
class PostEntry:
    """Post an entry. `digest` is the entry's under this ledger's id; `signatures` are two officers', in any order.

    Raises EntryRefused, NonceConflict, OrderSignatureWrong, ReservesExceeded.
    """

    entry: Entry
    signatures: tuple[bytes, ...]
    digest: bytes

    @property
    def size(self) -> int:
        return 2

    def want(self, wanted: Wanted) -> None:
        entry = self.entry
        receivable = account_id(OPERATOR, Currency(entry.currency, entry.exponent), RECEIVABLE)
        wanted.entries.append(entry)
        wanted.officers = True
        wanted.accounts.update((entry.debit_account, entry.credit_account, receivable))
        wanted.transfers.update((entry.leg_0, leg_id(OPERATOR, entry.nonce, 1), entry.pending_id))
        if entry.successor != ZERO_32:
            wanted.holders.add(entry.successor)

    def decide(self, batch: Batch) -> EntryResult:
        entry, timestamp = self.entry, batch.cursor + 1
        known = batch.cache.entries.of_nonce(entry.nonce)
        if known is not None:
            if known.user_data_128 != int.from_bytes(self.digest[:16], "big"):
                raise NonceConflict("0x" + entry.nonce.hex())
            return EntryResult(known.sequence, False)
        officers = signed_by(self.digest, self.signatures, batch.cache.officers.in_force(timestamp))
        legs = plan(entry, self.digest, BatchView(batch), timestamp)
        outcomes, changes = batch.judge(legs)
        for outcome in outcomes:
            if outcome.status not in (TransferStatus.CREATED, TransferStatus.LINKED_EVENT_FAILED):
                raise EntryRefused(outcome.status.name.lower())
        batch.take(outcomes, changes, legs, Cause(entry=SignedEntry(entry, *officers)))
        return EntryResult(batch.sequence - len(legs) + 1, True)


@dataclass(frozen=True, slots=True)
class NameOfficer:
    """The operator names one of its first two officers. The same one again is where it stands. Raises EntryRefused."""

    address: bytes

    @property
    def size(self) -> int:
        return 1

    def want(self, wanted: Wanted) -> None:
        wanted.officers = True

    def decide(self, batch: Batch) -> EntryResult:
        officers = batch.cache.officers
        standing = officers.standing.get(self.address)
        if standing is not None and standing.nonce is None:
            return EntryResult(standing.sequence, False)
        change = officers.name(self.address, batch.sequence + 1, batch.cursor + 1)
        _note(batch, change, None)
        return EntryResult(change.sequence, True)


@dataclass(frozen=True, slots=True)
class ChangeOfficers:
    """A control order of the holder 32 zero bytes, signed by an officer: key-add, key-revoke or cancel.

    Raises EntryRefused, OrderExpired, OrderNotYetValid, OrderWindowTooLong, OrderSignatureWrong, NonceConflict.
    """

    signed: SignedOrder
    digest: bytes

    @property
    def size(self) -> int:
        return 1

    def want(self, wanted: Wanted) -> None:
        wanted.officers = True
        wanted.orders.add((self.signed.order.holder, self.signed.order.nonce))

    def decide(self, batch: Batch) -> OrderResult:
        order = self.signed.order
        known = batch.order((order.holder, order.nonce))
        if known is not None:
            return answer(known, self.digest, order.nonce)
        if not isinstance(order, LedgerControl):
            raise EntryRefused("order_malformed")
        timestamp = batch.cursor + 1
        check_window(order, timestamp // NANOSECONDS)
        signer = recover(self.digest, self.signed.signature)
        change = batch.cache.officers.change(order, signer, batch.sequence + 1, timestamp)
        _note(batch, change, self.signed)
        known = KnownOrder(self.digest, change.sequence, TransferStatus.CREATED)
        batch.answer((order.holder, order.nonce), known, order.CODE)
        return OrderResult(TransferStatus.CREATED, change.sequence, None, True, True)


def _note(batch: Batch, change: OfficerChange, signed: SignedOrder | None) -> None:
    """Write the key record of an accepted change of officers."""
    batch.cursor += 1
    record = KeyRecord(
        sequence=change.sequence,
        timestamp=batch.cursor,
        holder=OPERATOR,
        link=ZERO_32,
        action=change.action,
        epoch=0,
        key=change.officer,
        subject=change.subject,
        effective_at=change.effective_at,
        order=signed,
    )
    batch.append(record, [])
    batch.cache.officers.take(change)
    batch.rows["officer_changes"].append(change._asdict())
