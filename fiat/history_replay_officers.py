"""The replay's part without people's orders: officers, entries, counters, reserves, what accounts are for. Pure.

It asks the same rules as the journal did (officer_rules.py, reserves.py), over a state that comes from records alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from fiat.authority import check_window
from fiat.book import Book
from fiat.chart import account_code
from fiat.errors import EntryRefused, FiatError
from fiat.holder import OPERATOR, Holder, Recovery
from fiat.officer import Entry, OfficerChange, Officers, counters_hash, signed_by
from fiat.officer_book import EntryBook, counted
from fiat.officer_rules import Party, Undone, plan
from fiat.order import ZERO_32, LedgerControl
from fiat.record import AccountRecord, KeyRecord, Movement, OperatorRecord, Record
from fiat.reserves import Totals, effect, needs_source, raises_reserves
from fiat.transfer import NANOSECONDS, Resolution, Transfer, TransferFlags

_POSTS_NOTHING = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING_TRANSFER)
_BALANCING = int(TransferFlags.BALANCING_DEBIT)
_SAME = (
    *("reason", "reason_code", "undoes", "document", "cap", "until", "successor", "nonce", "user_data_64"),
    *("user_data_128", "officer_1", "signature_1", "officer_2", "signature_2"),
)


class Replayed(Protocol):
    """What is asked of the replay around it."""

    ledger_id: bytes
    book: Book
    holders: dict[bytes, Holder]
    orders: dict[tuple[bytes, bytes], tuple[bytes, int]]


class OfficerReplay:
    """Officers, entries, counters and sums after the records so far. A `View` of officer_rules.py."""

    def __init__(self, replay: Replayed) -> None:
        self._replay = replay
        self._undone: dict[int, Undone] = {}
        self._legs: list[Transfer] = []  # of the entry that the last record began
        self._first: OperatorRecord | None = None
        self._parties: dict[int, Party] = {}
        self.officers = Officers()
        self.changes: list[OfficerChange] = []
        self.book = EntryBook()
        self.records: dict[int, OperatorRecord] = {}
        self.counters: dict[tuple[int, int], tuple[int, int]] = {}
        self.totals: dict[int, Totals] = {}

    def before(self, record: Record) -> Iterator[str]:
        """Nothing stands between the records of one entry."""
        if self._legs and not isinstance(record, OperatorRecord):
            self._legs = []
            yield "stands where an entry's second record should"

    def at_seal(self, counters: bytes) -> Iterator[str]:
        """What must hold at the end of a batch, under a seal with these counters."""
        if counters != counters_hash(self.counters):
            yield "its seal counts other operator records than there are"
        for totals in self.totals.values():
            if totals.people_minor > totals.reserves_minor:
                yield "people are credited more than the recorded reserves"

    def account(self, record: AccountRecord) -> Iterator[str]:
        if record.code != account_code(record.holder == OPERATOR, record.purpose):
            yield "opens an account under another code than its purpose has"
        self._parties[record.id] = Party(
            record.id, record.holder, record.currency, record.exponent, record.purpose, record.code
        )

    def key(self, record: KeyRecord) -> Iterator[str]:
        """A change of officers. Yields what is wrong with it."""
        officers, at = self.officers, record.timestamp
        try:
            if record.order is None:
                change = officers.name(record.key, record.sequence, at)
            else:
                order = record.order.order
                if not isinstance(order, LedgerControl):
                    yield "changes officers by an order of another kind"
                    return
                check_window(order, at // NANOSECONDS)
                change = officers.change(order, record.order.signer(self._replay.ledger_id), record.sequence, at)
                if (order.holder, order.nonce) in self._replay.orders:
                    yield "its order's nonce was used before"
                digest = order.digest(self._replay.ledger_id)
                self._replay.orders[order.holder, order.nonce] = (digest, record.sequence)
        except FiatError as error:
            yield f"changes officers against the rules: {error}"
            return
        said = (record.action, record.key, record.subject, record.effective_at, record.link, record.epoch)
        if said != (change.action, change.officer, change.subject, change.effective_at, ZERO_32, 0):
            yield "says another change of officers than its order"
        officers.take(change)
        self.changes.append(change)

    def movement(self, record: Movement) -> Iterator[str]:
        """Whatever moves money, before the book has taken it over."""
        debit, credit = self._parties.get(record.debit_account_id), self._parties.get(record.credit_account_id)
        if debit is None or credit is None:
            return  # told by the machine
        if needs_source(debit.code, credit.code, record.flags) and not raises_reserves(record.source_kind):
            yield "raises a reserve without an outside event"
        people, reserves = effect(debit.code, credit.code, record.flags, record.amount)
        if people or reserves:
            before = self.totals.get(record.ledger, Totals())
            self.totals[record.ledger] = Totals(before.people_minor + people, before.reserves_minor + reserves)
        if not record.flags & _POSTS_NOTHING:
            self._undone[record.sequence] = Undone(record.debit_account_id, record.credit_account_id, record.amount)
        if record.pending_id in self.book.by_id and not isinstance(record, OperatorRecord):
            yield "resolves an officers' hold without two of them"
        if isinstance(record, OperatorRecord):
            yield from self._entry(record, debit)
            self.counters = counted(self.counters, record)
            self.records[record.sequence] = record
            self.book.add(record)

    def _entry(self, record: OperatorRecord, debit: Party) -> Iterator[str]:
        if self._legs:
            if any(getattr(record, name) != getattr(self._first, name) for name in _SAME):
                yield "is not the second record of the entry before it"
        else:
            self._first = record
            try:
                self._legs = self._planned(record, debit)
            except FiatError as error:
                yield f"stands against the rules of operator entries: {error}"
                return
        leg = self._legs.pop(0)
        amount = leg.amount
        account = self._replay.book.account(record.debit_account_id)
        if leg.flags & _BALANCING and account is not None:
            amount = min(amount, max(0, account.available))
        expected = leg._replace(amount=amount)
        wrong = [
            name
            for name in Transfer._fields
            if name != "timestamp" and getattr(record, name) != getattr(expected, name)
        ]
        if wrong or record.source_kind:
            yield f"differs from its entry in {', '.join(wrong) or 'its source'}"

    def _planned(self, record: OperatorRecord, debit: Party) -> list[Transfer]:
        """The transfers that the signed entry asks for. Raises FiatError."""
        entry = Entry(
            reason=record.reason,
            reason_code=record.reason_code,
            undoes=record.undoes,
            document=record.document,
            cap=record.cap,
            until=record.until,
            successor=record.successor,
            nonce=record.nonce,
            debit_account=record.debit_account_id,
            credit_account=record.credit_account_id,
            amount_minor=record.user_data_64,
            pending_id=record.pending_id,
            currency=debit.currency,
            exponent=debit.exponent,
        )
        digest = entry.digest(self._replay.ledger_id)
        in_force = self.officers.in_force(record.timestamp)
        one, two = signed_by(digest, (record.signature_1, record.signature_2), in_force)
        if (one.officer, two.officer) != (record.officer_1, record.officer_2):
            raise EntryRefused("officers_not_in_order")
        return plan(entry, digest, self, record.timestamp)

    def party(self, account_id: int) -> Party | None:
        return self._parties.get(account_id)

    def available(self, account_id: int) -> int:
        account = self._replay.book.account(account_id)
        return account.available if account is not None else 0

    def recoverable(self, holder_id: bytes) -> bool | None:
        holder = self._replay.holders.get(holder_id)
        return Recovery(holder.recovery).is_recoverable if holder is not None else None

    def entry(self, transfer_id: int) -> OperatorRecord | None:
        return self.book.by_id.get(transfer_id)

    def unresolved(self, transfer_id: int) -> bool:
        return self._replay.book.resolutions.get(transfer_id) is Resolution.PENDING

    def undone(self, sequence: int) -> Undone | None:
        return self._undone.get(sequence)

    def undoing(self, sequence: int) -> Iterable[OperatorRecord]:
        return self.book.undoing(sequence)

    def compelling(self, document: bytes) -> Iterable[OperatorRecord]:
        return self.book.compelling(document)

    def ordered_since(self, holder_id: bytes, sequence: int) -> bool:
        return any(at > sequence for (holder, _), (_, at) in self._replay.orders.items() if holder == holder_id)
