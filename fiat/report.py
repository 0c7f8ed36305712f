"""The operator's reports: the trial balance, and what a period earned. Pure.

The trial balance lists every account class and operator's account by currency; debits posted are credits posted, and
what is reserved likewise, or something is wrong. Income is what the accounts of fees and rounding took in by entries.
The spread and the fraction of a conversion stay in `liquidity`, in the currency received: the report gives that
account's change by conversions for each currency, and does not put a value on it, for which it would need a rate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fiat.chart import AccountCode, TransferCode
from fiat.money import decimal_text

PEOPLE = "people"
INCOME_CODES = (AccountCode.INCOME, AccountCode.ROUNDING)


@dataclass(frozen=True, slots=True)
class TrialRow:
    """All accounts of one purpose in one currency (`people`: everybody's). Sums in minor units."""

    currency: str
    exponent: int
    purpose: str
    code: int
    accounts: int
    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int

    @property
    def balance_minor(self) -> int:
        """Credits less debits: above zero what the operator owes, below zero what it has or is owed."""
        return self.credits_posted - self.debits_posted


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """One currency over all accounts."""

    currency: str
    exponent: int
    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int

    @property
    def balances(self) -> bool:
        return self.debits_posted == self.credits_posted and self.debits_pending == self.credits_pending


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """As of record `sequence`."""

    sequence: int
    rows: tuple[TrialRow, ...]
    totals: tuple[CurrencyTotal, ...]

    @property
    def balances(self) -> bool:
        return all(total.balances for total in self.totals)


def trial_balance(sequence: int, rows: Iterable[TrialRow]) -> TrialBalance:
    """The rows in order, and their sums by currency."""
    ordered = sorted(rows, key=lambda row: (row.currency, row.code, row.purpose))
    totals = []
    for currency in dict.fromkeys(row.currency for row in ordered):
        own = [row for row in ordered if row.currency == currency]
        totals.append(
            CurrencyTotal(
                currency,
                own[0].exponent,
                sum(row.debits_posted for row in own),
                sum(row.credits_posted for row in own),
                sum(row.debits_pending for row in own),
                sum(row.credits_pending for row in own),
            )
        )
    return TrialBalance(sequence, tuple(ordered), tuple(totals))


@dataclass(frozen=True, slots=True)
class Earned:
    """What one account took in and gave out by entries of one kind, in minor units."""

    currency: str
    exponent: int
    purpose: str
    account_code: int
    code: int
    entries: int
    credits_minor: int
    debits_minor: int

    @property
    def net_minor(self) -> int:
        return self.credits_minor - self.debits_minor

    @property
    def kind(self) -> str:
        """The transfers' code in words."""
        return TransferCode(self.code).name.lower() if self.code in tuple(TransferCode) else "other"


@dataclass(frozen=True, slots=True)
class Income:
    """Over `[start, end)` in Unix nanoseconds: income by account and kind; what conversions changed in liquidity."""

    start: int
    end: int
    income: tuple[Earned, ...]
    conversions: tuple[Earned, ...]

    @property
    def totals(self) -> dict[str, tuple[int, int]]:
        """By currency: exponent and net income in minor units."""
        found: dict[str, tuple[int, int]] = {}
        for row in self.income:
            found[row.currency] = row.exponent, found.get(row.currency, (0, 0))[1] + row.net_minor
        return found


def income(start: int, end: int, rows: Iterable[Earned]) -> Income:
    ordered = sorted(rows, key=lambda row: (row.currency, row.account_code, row.purpose, row.code))
    return Income(
        start,
        end,
        tuple(row for row in ordered if row.account_code in INCOME_CODES),
        tuple(r for r in ordered if r.account_code == AccountCode.LIQUIDITY and r.code == TransferCode.CONVERSION),
    )


def trial_balance_json(found: TrialBalance) -> dict[str, object]:
    """Amounts as digit strings of minor units, balances also as decimals."""
    sums = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
    return {
        "sequence": found.sequence,
        "balances": found.balances,
        "rows": [
            {"currency": row.currency, "purpose": row.purpose, "accounts": row.accounts}
            | {name: str(getattr(row, name)) for name in sums}
            | {"balance": decimal_text(row.balance_minor, row.exponent), "balance_minor": str(row.balance_minor)}
            for row in found.rows
        ],
        "totals": [
            {"currency": total.currency, "balances": total.balances}
            | {name: str(getattr(total, name)) for name in sums}
            for total in found.totals
        ],
    }


def income_json(found: Income) -> dict[str, object]:
    return {
        "start": str(found.start),
        "end": str(found.end),
        "income": [_earned_json(row) for row in found.income],
        "conversions": [_earned_json(row) for row in found.conversions],
        "totals": [
            {"currency": currency, "net": decimal_text(net, exponent), "net_minor": str(net)}
            for currency, (exponent, net) in found.totals.items()
        ],
    }


def _earned_json(row: Earned) -> dict[str, object]:
    return {
        "currency": row.currency,
        "purpose": row.purpose,
        "kind": row.kind,
        "entries": row.entries,
        "credits_minor": str(row.credits_minor),
        "debits_minor": str(row.debits_minor),
        "net": decimal_text(row.net_minor, row.exponent),
        "net_minor": str(row.net_minor),
    }
