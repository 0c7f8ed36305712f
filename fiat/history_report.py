"""Reads what the operator's reports are made of. The trial balance reads every account; income only the operator's.

Sums are taken in two halves of 32 bits, so that no database overflows or turns them into floats.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.chart import AccountCode
from fiat.history import last_sequence
from fiat.history_statement import as_of, posts
from fiat.report import INCOME_CODES, PEOPLE, Earned, Income, TrialBalance, TrialRow
from fiat.report import income as income_of
from fiat.report import trial_balance as trial_balance_of
from fiat.tables import accounts, transfers

_SUMS = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
_LOW = 0xFFFFFFFF
ACCOUNTS_MAX = 10_000


async def trial_balance(conn: AsyncConnection) -> TrialBalance:
    """Over all accounts, at one point of the journal (`conn` reads one snapshot)."""
    purpose = case((accounts.c.holder.is_not(None), PEOPLE), else_=accounts.c.purpose).label("purpose")
    keys = (accounts.c.currency, accounts.c.exponent, accounts.c.code, purpose)
    halves = [half for name in _SUMS for half in _halves(accounts.c[name])]
    query = select(*keys, func.count(), *halves).group_by(*keys)
    rows = []
    for code, exponent, account_code, named, count, *sums in await conn.execute(query):
        whole = [_whole(sums[at], sums[at + 1]) for at in range(0, len(sums), 2)]
        rows.append(TrialRow(code, exponent, named, account_code, count, *whole))
    return trial_balance_of(await last_sequence(conn), rows)


async def income(conn: AsyncConnection, start: int, end: int) -> Income:
    """What the accounts of income, rounding and liquidity took in and gave out in `[start, end)` (Unix ns)."""
    codes = [int(code) for code in (*INCOME_CODES, AccountCode.LIQUIDITY)]
    query = select(accounts.c.id, accounts.c.currency, accounts.c.exponent, accounts.c.purpose, accounts.c.code)
    query = query.where(accounts.c.holder.is_(None), accounts.c.code.in_(codes)).limit(ACCOUNTS_MAX)
    rows = []
    for account_id, currency, exponent, purpose, code in await conn.execute(query):
        for kind, (count, credited, debited) in (await _by_kind(conn, account_id, start, end)).items():
            rows.append(Earned(currency, exponent, purpose, code, kind, count, credited, debited))
    return income_of(start, end, rows)


async def _by_kind(conn: AsyncConnection, account_id: int, start: int, end: int) -> dict[int, tuple[int, int, int]]:
    """Entries, credits and debits by transfer code, along the account's own versions."""
    first, last = await as_of(conn, account_id, start - 1), await as_of(conn, account_id, end - 1)
    found: dict[int, tuple[int, int, int]] = {}
    for side in ("credit", "debit"):
        version = transfers.c[f"{side}_version"]
        query = select(transfers.c.code, func.count(), *_halves(transfers.c.amount)).where(
            transfers.c[f"{side}_account_id"] == account_id, version > first.version, version <= last.version, *posts()
        )
        for code, count, high, low in await conn.execute(query.group_by(transfers.c.code)):
            entries, credited, debited = found.get(code, (0, 0, 0))
            amount = _whole(high, low)
            more = (amount, 0) if side == "credit" else (0, amount)
            found[code] = entries + count, credited + more[0], debited + more[1]
    return found


def _halves(column: ColumnElement[int]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    return func.sum(column.op(">>")(literal_column("32"))), func.sum(column.op("&")(_LOW))


def _whole(high: Any, low: Any) -> int:
    return (int(high or 0) << 32) + int(low or 0)
