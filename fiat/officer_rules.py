"""What an operator entry of each reason may do, and the transfers that carry it out. Pure.

`plan` is asked when an entry is decided and again when the journal is replayed; both see the state through `View`. What
it returns the machine still judges: no balance goes below its floor, what is not there is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from fiat.chart import TransferCode
from fiat.currency import Currency
from fiat.errors import EntryRefused
from fiat.holder import MAIN, OPERATOR, account_id, leg_id
from fiat.money import AMOUNT_MINOR_MAX
from fiat.officer import (
    EVERYTHING_MINOR,
    HOLD_NS_MAX,
    REASON_CODES,
    Entry,
    HoldFor,
    notice_ns,
)
from fiat.order import ZERO_32
from fiat.record import OperatorRecord, Reason
from fiat.reserves import is_people, is_reserve
from fiat.transfer import NANOSECONDS, Transfer, TransferFlags

COMPELLED, INQUIRY, RECEIVABLE = "compelled", "inquiry", "receivable"
"""Purposes of the operator's accounts that entries move to and from."""

_UNUSED = {"undoes": 0, "document": ZERO_32, "cap": 0, "until": 0, "successor": ZERO_32, "pending_id": 0}
_USED: dict[tuple[int, int], set[str]] = {
    (Reason.HOLD, HoldFor.UNDOING): {"until", "undoes"},
    (Reason.HOLD, HoldFor.COMPELLED): {"until", "document", "cap"},
    (Reason.HOLD, HoldFor.RECOVERY): {"until", "successor"},
    (Reason.HOLD, HoldFor.INQUIRY): {"until"},
    (Reason.UNDOING, 0): {"pending_id", "undoes"},
    (Reason.COMPELLED, 0): {"pending_id", "document", "cap"},
    (Reason.COMPELLED, 1): {"document", "cap"},
    (Reason.RECOVERY, 0): {"pending_id", "successor"},
    (Reason.RELEASE, 0): {"pending_id"},
    (Reason.CREDIT, 0): set(),
}
"""The fields that an entry must have beyond the common ones; every other one is zero."""


class Party(NamedTuple):
    """An account as the rules see it."""

    id: int
    holder: bytes
    currency: str
    exponent: int
    purpose: str
    code: int


class Undone(NamedTuple):
    """A record that posted `amount`: what an undoing may name."""

    debit_account: int
    credit_account: int
    amount: int


class View(Protocol):
    """The state before the entry."""

    def party(self, account_id: int) -> Party | None: ...

    def available(self, account_id: int) -> int:
        """Minor units that are free on an account that is there."""
        ...

    def recoverable(self, holder_id: bytes) -> bool | None:
        """The holder's choice; None for a holder who was not opened."""
        ...

    def entry(self, transfer_id: int) -> OperatorRecord | None:
        """The first record of the entry with this transfer id."""
        ...

    def unresolved(self, transfer_id: int) -> bool:
        """Does this pending transfer still hold?"""
        ...

    def undone(self, sequence: int) -> Undone | None:
        """The movement at that sequence, if it posted something: no pending one, no void, no expiry."""
        ...

    def undoing(self, sequence: int) -> Iterable[OperatorRecord]:
        """First records of the entries that name this record in `undoes`."""
        ...

    def compelling(self, document: bytes) -> Iterable[OperatorRecord]:
        """First records of the entries that name this document."""
        ...

    def ordered_since(self, holder_id: bytes, sequence: int) -> bool:
        """Was an order of the holder accepted after that record?"""
        ...


def plan(entry: Entry, digest: bytes, view: View, timestamp: int) -> list[Transfer]:
    """The one or two linked transfers of the entry at `timestamp` (ns). Raises EntryRefused naming the rule."""
    reason = next((r for r in Reason if r == entry.reason), None)
    if reason is None or entry.reason_code not in REASON_CODES[reason]:
        raise EntryRefused("reason_unknown")
    _check_fields(entry)
    if not (entry.amount_minor or reason is Reason.RELEASE) or entry.amount_minor > AMOUNT_MINOR_MAX:
        raise EntryRefused("amount_out_of_range")
    debit, credit = view.party(entry.debit_account), view.party(entry.credit_account)
    if debit is None or credit is None:
        raise EntryRefused("account_unknown")
    for party in (debit, credit):
        if (party.currency, party.exponent) != (entry.currency, entry.exponent):
            raise EntryRefused("currency_wrong")
    return _PLANS[reason](_Case(entry, digest, view, timestamp, debit, credit))


def _check_fields(entry: Entry) -> None:
    code = entry.reason_code if entry.reason == Reason.HOLD else int(entry.is_silent)
    used = _USED[entry.reason, code]
    for name, zero in _UNUSED.items():
        if (getattr(entry, name) != zero) != (name in used):
            raise EntryRefused(f"{name}_missing" if name in used else f"{name}_not_of_this_reason")


class _Case(NamedTuple):
    """An entry with all that its rules look at."""

    entry: Entry
    digest: bytes
    view: View
    timestamp: int
    debit: Party
    credit: Party

    def move(self, flags: int = 0, **changes: int) -> Transfer:
        """Leg 0 as the entry says it."""
        entry = self.entry
        values = {
            "id": entry.leg_0,
            "debit_account_id": entry.debit_account,
            "credit_account_id": entry.credit_account,
            "amount": entry.amount_minor,
            "pending_id": entry.pending_id,
            "user_data_128": int.from_bytes(self.digest[:16], "big"),
            "user_data_64": entry.amount_minor,
            "ledger": self.currency.ledger,
            "code": int(TransferCode.OPERATOR),
            "flags": int(flags),
        }
        return Transfer(**(values | changes))

    @property
    def currency(self) -> Currency:
        return Currency(self.entry.currency, self.entry.exponent)

    def with_second(self, held: int, amount: int, debit_account: int) -> list[Transfer]:
        """Post what is held, and move `amount` from another source in the same chain; alone where there is none."""
        post = TransferFlags.POST_PENDING_TRANSFER
        if not amount:
            return [self.move(post, amount=held)]
        second = {"user_data_32": 1, "id": leg_id(OPERATOR, self.entry.nonce, 1), "pending_id": 0}
        return [
            self.move(post | TransferFlags.LINKED, amount=held),
            self.move(debit_account_id=debit_account, amount=amount, **second),
        ]

    def main_of(self, holder_id: bytes) -> int:
        return account_id(holder_id, self.currency, MAIN)

    def operators(self, purpose: str) -> int:
        return account_id(OPERATOR, self.currency, purpose)

    def require_target(self, expected: int) -> None:
        if self.entry.credit_account != expected:
            raise EntryRefused("credit_account_wrong")


def _is_main(party: Party) -> bool:
    return is_people(party.code) and party.purpose == MAIN


def _hold(case: _Case) -> list[Transfer]:
    entry, until_ns = case.entry, case.entry.until * NANOSECONDS
    if not _is_main(case.debit):
        raise EntryRefused("debit_account_wrong")
    if until_ns < case.timestamp + notice_ns(entry.reason_code):
        raise EntryRefused("notice_too_short")
    if until_ns > case.timestamp + HOLD_NS_MAX:
        raise EntryRefused("hold_too_long")
    _HOLDS[entry.reason_code](case)
    timeout = (until_ns - case.timestamp) // NANOSECONDS
    return [case.move(TransferFlags.PENDING | TransferFlags.BALANCING_DEBIT, timeout=timeout)]


def _hold_for_undoing(case: _Case) -> None:
    undone = _undone(case)
    if undone.credit_account != case.entry.debit_account:
        raise EntryRefused("record_undone_is_another_accounts")
    case.require_target(undone.debit_account)
    if case.entry.amount_minor > rest(case.view, case.entry.undoes):
        raise EntryRefused("more_than_the_rest")


def _hold_for_compelled(case: _Case) -> None:
    case.require_target(case.operators(COMPELLED))
    _compelled_so_far(case)
    if case.entry.amount_minor > case.entry.cap:
        raise EntryRefused("over_the_cap")


def _hold_for_recovery(case: _Case) -> None:
    entry = case.entry
    recoverable = case.view.recoverable(case.debit.holder)
    if entry.successor == case.debit.holder or case.view.recoverable(entry.successor) is None:
        raise EntryRefused("successor_unknown")
    if not recoverable:
        raise EntryRefused("never_recoverable")
    if entry.amount_minor != EVERYTHING_MINOR:
        raise EntryRefused("recovery_moves_everything")
    case.require_target(case.main_of(entry.successor))


def _hold_for_inquiry(case: _Case) -> None:
    case.require_target(case.operators(INQUIRY))


def _undoing(case: _Case) -> list[Transfer]:
    hold = _held(case, HoldFor.UNDOING)
    entry = case.entry
    if (hold.undoes, hold.user_data_64) != (entry.undoes, entry.amount_minor):
        raise EntryRefused("differs_from_its_hold")
    if entry.amount_minor > rest(case.view, entry.undoes, without=hold.id):
        raise EntryRefused("more_than_the_rest")
    missing = entry.amount_minor - hold.amount
    return case.with_second(hold.amount, missing, case.operators(RECEIVABLE))


def _compelled(case: _Case) -> list[Transfer]:
    entry, taken = case.entry, _compelled_so_far(case)
    case.require_target(case.operators(COMPELLED))
    if entry.is_silent:
        if not _is_main(case.debit):
            raise EntryRefused("debit_account_wrong")
        if taken + entry.amount_minor > entry.cap:
            raise EntryRefused("over_the_cap")
        return [case.move(TransferFlags.BALANCING_DEBIT)]
    hold = _held(case, HoldFor.COMPELLED)
    if (hold.document, hold.cap, hold.user_data_64) != (entry.document, entry.cap, entry.amount_minor):
        raise EntryRefused("differs_from_its_hold")
    if taken + hold.amount > entry.cap:
        raise EntryRefused("over_the_cap")
    return [case.move(TransferFlags.POST_PENDING_TRANSFER, amount=hold.amount)]


def _recovery(case: _Case) -> list[Transfer]:
    """What was held, and whatever arrived or came free since: the whole of what is available now."""
    hold = _held(case, HoldFor.RECOVERY)
    if (hold.successor, hold.user_data_64) != (case.entry.successor, case.entry.amount_minor):
        raise EntryRefused("differs_from_its_hold")
    if case.view.ordered_since(case.debit.holder, hold.sequence):
        raise EntryRefused("holder_ordered_since")
    since = max(0, case.view.available(case.entry.debit_account))
    return case.with_second(hold.amount, since, case.entry.debit_account)


def _release(case: _Case) -> list[Transfer]:
    hold = _held(case, None)
    if case.entry.amount_minor != hold.amount:
        raise EntryRefused("differs_from_its_hold")
    return [case.move(TransferFlags.VOID_PENDING_TRANSFER)]


def _credit(case: _Case) -> list[Transfer]:
    if case.debit.holder != OPERATOR or is_reserve(case.debit.code):
        raise EntryRefused("debit_account_wrong")
    if not _is_main(case.credit):
        raise EntryRefused("credit_account_wrong")
    return [case.move()]


def _held(case: _Case, hold_for: HoldFor | None) -> OperatorRecord:
    """The hold that the entry resolves; one that takes comes after its notice. Raises EntryRefused."""
    hold = case.view.entry(case.entry.pending_id)
    if hold is None or hold.reason != Reason.HOLD or hold_for not in (None, hold.reason_code):
        raise EntryRefused("hold_unknown")
    if (hold.debit_account_id, hold.credit_account_id) != (case.entry.debit_account, case.entry.credit_account):
        raise EntryRefused("differs_from_its_hold")
    if not case.view.unresolved(hold.id):
        raise EntryRefused("hold_over")
    if hold_for is not None and case.timestamp < hold.timestamp + notice_ns(hold_for):
        raise EntryRefused("notice_too_short")
    return hold


def _undone(case: _Case) -> Undone:
    undone = case.view.undone(case.entry.undoes)
    if undone is None:
        raise EntryRefused("record_undone_unknown")
    return undone


def rest(view: View, sequence: int, without: int = 0) -> int:
    """What of a record was neither undone nor is held to be undone, in minor units; `without`: a hold not counted."""
    undone = view.undone(sequence)
    if undone is None:
        return 0
    counted = sum(
        record.user_data_64
        for record in view.undoing(sequence)
        if record.reason == Reason.UNDOING or (record.id != without and view.unresolved(record.id))
    )
    return undone.amount - counted


def _compelled_so_far(case: _Case) -> int:
    """Minor units that were taken under the entry's document. Raises EntryRefused for another cap than before."""
    records = list(case.view.compelling(case.entry.document))
    if any(record.cap != case.entry.cap for record in records):
        raise EntryRefused("cap_differs_from_before")
    return sum(record.amount for record in records if record.reason == Reason.COMPELLED)


_HOLDS: dict[int, Callable[[_Case], None]] = {
    HoldFor.UNDOING: _hold_for_undoing,
    HoldFor.COMPELLED: _hold_for_compelled,
    HoldFor.RECOVERY: _hold_for_recovery,
    HoldFor.INQUIRY: _hold_for_inquiry,
}
_PLANS: dict[Reason, Callable[[_Case], list[Transfer]]] = {
    Reason.HOLD: _hold,
    Reason.UNDOING: _undoing,
    Reason.COMPELLED: _compelled,
    Reason.RECOVERY: _recovery,
    Reason.RELEASE: _release,
    Reason.CREDIT: _credit,
}
