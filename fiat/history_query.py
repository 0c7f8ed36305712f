"""The machine's queries over what is stored: accounts and transfers by what they say, an account's own transfers.

Zero in a filter is "any", as in the machine's own words; times are inclusive; answers are in order of time, or
reversed. An account's transfers are index reads; the others read their table in order until the limit is full.
Expiries are no transfers: they show in the next balance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Table, literal_column, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.journal_store import account_row, transfer_of
from fiat.record import Kind
from fiat.tables import accounts, transfers
from fiat.transfer import TIMESTAMP_MAX, U128_MAX, Account, Transfer

LIMIT_MAX = 8190

_BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
_SIDES = ("debit", "credit")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryFilter:
    """What to look for; zero is any. `timestamp_min` and `timestamp_max` (ns) are inclusive."""

    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0
    ledger: int = 0
    code: int = 0
    timestamp_min: int = 0
    timestamp_max: int = 0
    limit: int = LIMIT_MAX
    reverse: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.limit <= LIMIT_MAX:
            raise ValueError(f"the limit is 1 to {LIMIT_MAX}")
        if not 0 <= self.timestamp_min <= TIMESTAMP_MAX or not 0 <= self.timestamp_max <= TIMESTAMP_MAX:
            raise ValueError("a timestamp is below 2^63")
        if 0 < self.timestamp_max < self.timestamp_min:
            raise ValueError("the time range ends before it begins")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFilter(QueryFilter):
    """One account's transfers: those that debit it, those that credit it, or both."""

    account_id: int
    debits: bool = True
    credits: bool = True

    def __post_init__(self) -> None:
        QueryFilter.__post_init__(self)
        if not 0 < self.account_id < U128_MAX or not (self.debits or self.credits):
            raise ValueError("names an account, and its debits or credits or both")


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """An account's four balances, in minor units, right after the transfer with that timestamp (ns)."""

    timestamp: int
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int


async def query_accounts(conn: AsyncConnection, wanted: QueryFilter) -> list[Account]:
    """Accounts as they are now, in the order in which they were opened."""
    query = _ordered(select(accounts).where(*_conditions(accounts, wanted)), accounts.c.sequence, wanted)
    return [account_row(row).account for row in (await conn.execute(query)).mappings()]


async def query_transfers(conn: AsyncConnection, wanted: QueryFilter) -> list[Transfer]:
    """Transfers as they moved, in order."""
    query = select(transfers).where(transfers.c.kind != int(Kind.EXPIRY), *_conditions(transfers, wanted))
    rows = (await conn.execute(_ordered(query, transfers.c.sequence, wanted))).mappings()
    return [transfer_of(row) for row in rows]


async def get_account_transfers(conn: AsyncConnection, wanted: AccountFilter) -> list[Transfer]:
    """An account's transfers as they moved, in order."""
    return [transfer_of(row) for row in (await conn.execute(_of_account(wanted))).mappings()]


async def get_account_balances(conn: AsyncConnection, wanted: AccountFilter) -> list[AccountBalance]:
    """The account's balances right after each of the transfers that `get_account_transfers` gives."""
    rows = (await conn.execute(_of_account(wanted))).mappings()
    return [AccountBalance(row["timestamp"], *(row[f"{row['side']}_{name}"] for name in _BALANCES)) for row in rows]


def _of_account(wanted: AccountFilter) -> Select[Any]:
    """Each side read in order along its own index up to the limit, then both merged."""
    sides = [
        select(
            _ordered(
                select(transfers, literal_column(f"'{side}'").label("side")).where(
                    transfers.c[f"{side}_account_id"] == wanted.account_id,
                    transfers.c.kind != int(Kind.EXPIRY),
                    *_conditions(transfers, wanted),
                ),
                transfers.c[f"{side}_version"],
                wanted,
            ).subquery()
        )
        for side, chosen in zip(_SIDES, (wanted.debits, wanted.credits), strict=True)
        if chosen
    ]
    merged = union_all(*sides).subquery()
    return _ordered(select(merged), merged.c.sequence, wanted)


def _conditions(table: Table, wanted: QueryFilter) -> list[Any]:
    names = ("user_data_128", "user_data_64", "user_data_32", "ledger", "code")
    found: list[Any] = [table.c[name] == value for name in names if (value := getattr(wanted, name))]
    if wanted.timestamp_min:
        found.append(table.c.timestamp >= wanted.timestamp_min)
    if wanted.timestamp_max:
        found.append(table.c.timestamp <= wanted.timestamp_max)
    return found


def _ordered(query: Select[Any], column: Any, wanted: QueryFilter) -> Select[Any]:
    return query.order_by(column.desc() if wanted.reverse else column).limit(wanted.limit)
