"""Balances and statements as of any time, read along the account's own indexes.

Each movement's row carries both accounts' balances after it, and an account's movements are numbered (its version). So
a balance as of an instant is the row of the last version at or before it, found by halving the versions: some twenty
look-ups among a million movements, and no sum. By effective date the lines of bank statements are taken out of where
they were recorded and put where their value date is. Reads only; everything is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, RowMapping, Select, and_, func, literal_column, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.chart import SourceKind, TransferCode
from fiat.currency import Currency
from fiat.errors import StatementTooLong
from fiat.history import account as account_row
from fiat.history import last_sequence
from fiat.holder import OPERATOR
from fiat.record import Kind
from fiat.statement import LINES_MAX, POSTS_NOTHING, By, Movement, Side, Statement, effective_at, make
from fiat.tables import records, transfers
from fiat.transfer import NANOSECONDS, TransferFlags

_BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
_BANK = int(SourceKind.BANK_STATEMENT)
PAGE = 500


class AsOf(NamedTuple):
    """An account right after its movement number `version` (0: before the first), in minor units."""

    version: int = 0
    timestamp: int = 0
    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0

    @property
    def booked_minor(self) -> int:
        return self.credits_posted - self.debits_posted

    @property
    def available_minor(self) -> int:
        return self.booked_minor - self.debits_pending


async def as_of(conn: AsyncConnection, account_id: int, instant: int) -> AsOf:
    """The account's balances at an instant (Unix ns): after its last movement recorded at or before it."""
    row = await account_row(conn, account_id)
    if row is None or row.version == 0:
        return AsOf()
    newest = await _at_version(conn, account_id, row.version)
    if newest.timestamp <= instant:
        return newest
    found, above = AsOf(), row.version
    while above - found.version > 1:
        middle = await _at_version(conn, account_id, (found.version + above) // 2)
        if middle.timestamp <= instant:
            found = middle
        else:
            above = middle.version
    return found


async def booked_as_of(conn: AsyncConnection, account_id: int, instant: int, by: By) -> int:
    """The booked balance in minor units after all that is recorded, or effective, at or before the instant (ns)."""
    return await _booked_before(conn, account_id, instant + 1, by)


async def statement(
    conn: AsyncConnection, account_id: int, currency: Currency, start: int, end: int, by: By
) -> Statement:
    """The account's statement over `[start, end)` (Unix ns). Raises StatementTooLong.

    An account that is not there yet has an empty one: nothing came, nothing left.
    """
    found = await movements(conn, account_id, start, end, by, LINES_MAX)
    opening = await _booked_before(conn, account_id, start, by)
    return make(account_id, currency, by, start, end, opening, found, await last_sequence(conn))


async def movements(conn: AsyncConnection, account_id: int, start: int, end: int, by: By, limit: int) -> list[Movement]:
    """What changed the booked balance in `[start, end)` (Unix ns), in no order. Raises StatementTooLong."""
    first, last = await as_of(conn, account_id, start - 1), await as_of(conn, account_id, end - 1)
    within = _versions(account_id, first.version, last.version)
    wanted = [within] if by is By.RECORDED else [_undated(within), _dated(account_id, start, end)]
    found: list[Movement] = []
    for sides in wanted:
        found += await _movements(conn, sides, limit + 1 - len(found))
        if len(found) > limit:
            raise StatementTooLong(limit)
    return found


async def movements_of_lines(conn: AsyncConnection, account_id: int, line_ids: Sequence[bytes]) -> list[Movement]:
    """The account's movements that were posted for these lines of bank statements, along the sources' index."""
    found: list[Movement] = []
    for at in range(0, len(line_ids), PAGE):
        of_lines = transfers.c.source_id.in_(line_ids[at : at + PAGE]), transfers.c.source_kind == _BANK
        sides = {side: [transfers.c[f"{side}_account_id"] == account_id, *of_lines] for side in Side}
        found += await _movements(conn, sides, 2 * PAGE)
    return found


async def bodies(conn: AsyncConnection, sequences: Sequence[int]) -> dict[int, bytes]:
    """The canonical bytes of these records, by sequence."""
    found: dict[int, bytes] = {}
    for at in range(0, len(sequences), PAGE):
        query = select(records.c.sequence, records.c.body).where(records.c.sequence.in_(sequences[at : at + PAGE]))
        found |= {row.sequence: row.body for row in await conn.execute(query)}
    return found


def posts() -> tuple[ColumnElement[bool], ...]:
    """The rows that changed booked balances."""
    flags = transfers.c.flags.op("&", precedence=6)(POSTS_NOTHING)
    return transfers.c.kind != int(Kind.EXPIRY), flags == 0, transfers.c.amount > 0


async def _at_version(conn: AsyncConnection, account_id: int, version: int) -> AsOf:
    sides = [
        select(transfers.c.timestamp, *(transfers.c[f"{side}_{name}"].label(name) for name in _BALANCES)).where(
            transfers.c[f"{side}_account_id"] == account_id, transfers.c[f"{side}_version"] == version
        )
        for side in Side
    ]
    return AsOf(version, *(await conn.execute(union_all(*sides))).one())


async def _booked_before(conn: AsyncConnection, account_id: int, instant: int, by: By) -> int:
    booked = (await as_of(conn, account_id, instant - 1)).booked_minor
    if by is By.RECORDED:
        return booked
    seconds = _seconds(instant)
    recorded = transfers.c.timestamp < instant
    early = await _sum(conn, account_id, transfers.c.user_data_64 >= seconds, recorded)
    late = await _sum(conn, account_id, transfers.c.user_data_64 < seconds, ~recorded)
    return booked - early + late


async def _sum(conn: AsyncConnection, account_id: int, *conditions: ColumnElement[bool]) -> int:
    """What the bank statement lines for which the conditions hold come to: credits less debits."""
    total = 0
    for side, sign in ((Side.CREDIT, 1), (Side.DEBIT, -1)):
        query = select(func.sum(transfers.c.amount)).where(
            transfers.c[f"{side}_account_id"] == account_id, *_is_dated(), *posts(), *conditions
        )
        total += sign * int(await conn.scalar(query) or 0)
    return total


Sides = dict[Side, list[ColumnElement[bool]]]


def _versions(account_id: int, after: int, upto: int) -> Sides:
    """The account's movements with these version numbers, along (account, version) on either side."""
    return {
        side: [
            transfers.c[f"{side}_account_id"] == account_id,
            transfers.c[f"{side}_version"] > after,
            transfers.c[f"{side}_version"] <= upto,
        ]
        for side in Side
    }


def _undated(sides: Sides) -> Sides:
    kind, date = transfers.c.source_kind, transfers.c.user_data_64
    return {side: [*found, or_(kind.is_(None), kind != _BANK, date == 0)] for side, found in sides.items()}


def _dated(account_id: int, start: int, end: int) -> Sides:
    """Bank statement lines by value date, along (account, value date)."""
    dates = and_(transfers.c.user_data_64 >= _seconds(start), transfers.c.user_data_64 < _seconds(end))
    return {side: [transfers.c[f"{side}_account_id"] == account_id, dates, *_is_dated()] for side in Side}


def _is_dated() -> tuple[ColumnElement[bool], ...]:
    # As a literal, so that the index over these rows alone can be chosen.
    return transfers.c.source_kind == literal_column(str(_BANK)), transfers.c.user_data_64 > 0


async def _movements(conn: AsyncConnection, sides: Sides, limit: int) -> list[Movement]:
    found: list[Movement] = []
    for side, conditions in sides.items():
        if (rest := limit - len(found)) > 0:
            found += _read(side, (await conn.execute(_query(conditions, rest))).mappings())
    return found


def _query(conditions: Sequence[ColumnElement[bool]], limit: int) -> Select[Any]:
    return select(transfers).where(*conditions, *posts()).limit(limit)


def _read(side: Side, rows: Iterable[RowMapping]) -> list[Movement]:
    other = Side.CREDIT if side is Side.DEBIT else Side.DEBIT
    return [
        Movement(
            sequence=row["sequence"],
            timestamp=row["timestamp"],
            effective_at=effective_at(row["timestamp"], row["source_kind"], row["user_data_64"]),
            id=row["id"],
            side=side,
            amount_minor=row["amount"],
            code=_code(row),
            other_account=row[f"{other}_account_id"],
            other_holder=row[f"{other}_holder"] or OPERATOR,
            order_holder=row["order_holder"],
            order_nonce=row["order_nonce"],
            leg=row["leg"],
            line_id=row["source_id"] if row["source_kind"] == _BANK else None,
        )
        for row in rows
    ]


def _code(row: RowMapping) -> int:
    """What a hold's post takes is a capture to people, though the machine has it keep the hold's code."""
    captured = row["code"] == TransferCode.HOLD and row["flags"] & TransferFlags.POST_PENDING_TRANSFER
    return int(TransferCode.CAPTURE) if captured else int(row["code"])


def _seconds(instant: int) -> int:
    """The first whole second at or after an instant (ns): value dates are whole seconds."""
    return -(-instant // NANOSECONDS)
