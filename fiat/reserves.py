"""Reserves: what people are credited never exceeds what is recorded as held for them. Pure.

Two rules. A posted movement that raises a reserve (it debits a reserve account and credits none) names the outside
event that it answers to. And for each currency the sum of people's balances stays at or below the sum of the reserves'.
It is a claim about records: whether the bank really holds the money is for reconciliation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from fiat.book import Posting
from fiat.chart import AccountCode, SourceKind
from fiat.currency import currency_of_ledger
from fiat.errors import AmountTooLarge, ReservesExceeded, SourceMissing
from fiat.transfer import TransferFlags

_PEOPLE = int(AccountCode.HOLDER)
_RESERVES = frozenset({int(AccountCode.BANK), int(AccountCode.CLEARING)})
_RAISING = frozenset(
    {
        int(SourceKind.SANDBOX_TOPUP),
        int(SourceKind.BANK_STATEMENT),
        int(SourceKind.CHAIN_LOG),
        int(SourceKind.GATEWAY_EVENT),
    }
)
TOTAL_MAX = (1 << 63) - 1
"""Each account stays below it by itself; the sum of several reserves might not."""
# A pending movement posts nothing yet, and a void never does.
_POSTS_NOTHING = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING_TRANSFER)


class Totals(NamedTuple):
    """Posted sums of a currency, minor units: people's (credits less debits), the reserves' (debits less credits)."""

    people_minor: int = 0
    reserves_minor: int = 0


def is_reserve(account_code: int) -> bool:
    """Is an account of this code money that the operator holds for people?"""
    return account_code in _RESERVES


def is_people(account_code: int) -> bool:
    return account_code == _PEOPLE


def needs_source(debit_code: int, credit_code: int, flags: int) -> bool:
    """Does a movement between accounts of these codes raise a reserve?"""
    return debit_code in _RESERVES and credit_code not in _RESERVES and not flags & _POSTS_NOTHING


def raises_reserves(source_kind: int) -> bool:
    """May an outside event of this kind raise a reserve?"""
    return source_kind in _RAISING


def effect(debit_code: int, credit_code: int, flags: int, amount: int) -> Totals:
    """What a movement adds to the sums."""
    if flags & _POSTS_NOTHING:
        return Totals()
    return Totals(
        amount * (is_people(credit_code) - is_people(debit_code)),
        amount * (is_reserve(debit_code) - is_reserve(credit_code)),
    )


def after(postings: Iterable[Posting], source_kind: int, find: Callable[[int], Totals]) -> dict[int, Totals]:
    """The sums that a request changes, by ledger. `source_kind` is its first posting's (0: none); the others have none.

    Raises SourceMissing, ReservesExceeded, and AmountTooLarge for a sum that the table cannot take.
    """
    changed: dict[int, Totals] = {}
    for posting in postings:
        transfer, debit, credit = posting.transfer, posting.debit, posting.credit
        kind, source_kind = source_kind, 0
        if debit.code == credit.code or posting.expired_at:
            continue  # most payments: within a class nothing changes
        if needs_source(debit.code, credit.code, transfer.flags) and not raises_reserves(kind):
            raise SourceMissing(debit.id)
        people, reserves = effect(debit.code, credit.code, transfer.flags, transfer.amount)
        if people or reserves:
            before = changed.get(transfer.ledger) or find(transfer.ledger)
            changed[transfer.ledger] = Totals(before.people_minor + people, before.reserves_minor + reserves)
    for ledger, totals in changed.items():
        if totals.reserves_minor > TOTAL_MAX:
            raise AmountTooLarge(str(totals.reserves_minor))
        if totals.people_minor > totals.reserves_minor:
            raise ReservesExceeded(currency_of_ledger(ledger), *totals)
    return changed
