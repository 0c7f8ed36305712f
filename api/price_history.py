"""What prices were: rounds of the feeds that counted, kept as they are seen, and reference rates that were imported.

A price at a time is made of the newest rounds until then. Where they were older than their heartbeat, or nobody looked,
there is none: a value that is not known is said to be missing, never guessed from before or after.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.activity import Placed
from api.database import recording
from api.price_line import Kept, PriceLine, pairs_of
from api.prices import HEARTBEAT_SECONDS
from api.reference_rates import Reference
from api.tables import price_rounds, reference_rates
from chain.price_feed import Round
from fiat.currency import Currency

ROUNDS_MAX = 20_000
"""So many rounds are read for one answer; a chart of more is one of the newest."""
SPAN_SECONDS_MAX = 30 * 24 * 3600
"""The rounds of a shorter time are read at once; in a longer one they are looked up one by one."""
_ROUND_BYTES, _ANSWER_BYTES = 10, 24


class PriceHistory:
    """Reads and writes both tables; rounds are of one chain's feeds."""

    def __init__(self, engine: AsyncEngine, chain_id: int) -> None:
        self._engine, self._chain_id = engine, chain_id
        self._here = price_rounds.c.chain_id == chain_id

    async def keep(self, rounds: Iterable[tuple[str, Round]]) -> None:
        """Rounds that counted, by their pairs; what is there already stays."""
        rows = [
            {
                "chain_id": self._chain_id,
                "pair": pair,
                "updated_at": taken.updated_at,
                "round": taken.id.to_bytes(_ROUND_BYTES, "big"),
                "answer": taken.answer.to_bytes(_ANSWER_BYTES, "big"),
                "decimals": taken.decimals,
            }
            for pair, taken in rounds
        ]
        if rows:
            async with recording(self._engine).begin() as conn:
                await conn.run_sync(_insert_new, price_rounds, rows)

    async def newest(self) -> dict[str, Round]:
        """The round that counted last, of every pair."""
        table = price_rounds.c
        newest = select(table.pair, func.max(table.updated_at).label("at")).where(self._here).group_by(table.pair)
        last = newest.subquery()
        query = select(price_rounds).join(last, (table.pair == last.c.pair) & (table.updated_at == last.c.at))
        async with self._engine.connect() as conn:
            return {row.pair: _round(row) for row in await conn.execute(query.where(self._here).order_by(table.round))}

    async def line(self, pairs: Collection[str], first: int, last: int) -> list[Kept]:
        """Rounds of these pairs that counted at some time from `first` to `last` (Unix seconds), oldest first."""
        since = first - HEARTBEAT_SECONDS
        query = select(price_rounds).where(
            self._here,
            price_rounds.c.pair.in_(pairs),
            price_rounds.c.updated_at >= since,
            price_rounds.c.updated_at <= last,
        )
        newest_first = query.order_by(price_rounds.c.updated_at.desc(), price_rounds.c.round.desc()).limit(ROUNDS_MAX)
        async with self._engine.connect() as conn:
            rows = (await conn.execute(newest_first)).all()
        return [Kept(row.pair, _round(row)) for row in reversed(rows)]

    async def at(self, pairs: Collection[str], times: Sequence[int]) -> list[Kept]:
        """What is needed to price any of these times (Unix seconds), oldest first; a look-up for each pair and time."""
        found: dict[tuple[str, int, int], Kept] = {}
        async with self._engine.connect() as conn:
            for pair in sorted(pairs):
                for time in sorted(set(times)):
                    row = await self._at(conn, pair, time)
                    if row is not None:
                        taken = _round(row)
                        found[pair, taken.updated_at, taken.id] = Kept(pair, taken)
        return [found[key] for key in sorted(found, key=lambda key: key[1:])]

    async def line_for(self, placed: Sequence[Placed], currency: Currency) -> PriceLine:
        """Whatever is needed to price these items at their times."""
        assets = {each.item.asset for each in placed if each.item is not None}
        pairs = pairs_of(*assets, currency.code) if assets - {currency.code} else frozenset()
        times = [each.at_ns // 10**9 for each in placed if each.item is not None]
        if not pairs:
            return PriceLine(())
        first, last = min(times), max(times)
        is_short = last - first <= SPAN_SECONDS_MAX
        return PriceLine(await self.line(pairs, first, last) if is_short else await self.at(pairs, times))

    async def import_rates(self, references: Sequence[Reference], now: int) -> int:
        """Keeps what is new of a file's days; how many rates that were. A day's rates that are there already stay."""
        rows = [
            {"day": each.day.isoformat(), "currency": code, "rate": rate, "imported_at": now}
            for each in references
            for code, rate in sorted(each.rates.items())
        ]
        count = select(func.count()).select_from(reference_rates)
        async with recording(self._engine).begin() as conn:
            before = int((await conn.execute(count)).scalar_one())
            for start in range(0, len(rows), 1000):
                await conn.run_sync(_insert_new, reference_rates, rows[start : start + 1000])
            return int((await conn.execute(count)).scalar_one()) - before

    async def reference(self) -> Reference | None:
        """The newest day's rates."""
        newest = select(func.max(reference_rates.c.day)).scalar_subquery()
        query = select(reference_rates).where(reference_rates.c.day == newest)
        async with self._engine.connect() as conn:
            rows = (await conn.execute(query)).all()
        return Reference(date.fromisoformat(rows[0].day), {row.currency: row.rate for row in rows}) if rows else None

    async def _at(self, conn: AsyncConnection, pair: str, time: int) -> Row[Any] | None:
        at = price_rounds.c.updated_at
        query = select(price_rounds).where(
            self._here, price_rounds.c.pair == pair, at <= time, at >= time - HEARTBEAT_SECONDS
        )
        return (await conn.execute(query.order_by(at.desc(), price_rounds.c.round.desc()).limit(1))).one_or_none()


def _insert_new(conn: Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    dialect_insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(dialect_insert(table).on_conflict_do_nothing(), list(rows))


def _round(row: Row[Any]) -> Round:
    identity, answer = int.from_bytes(row.round, "big"), int.from_bytes(row.answer, "big")
    return Round(identity, answer, row.updated_at, row.updated_at, identity, row.decimals)
