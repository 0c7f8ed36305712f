"""Officers, operator entries, counters and reserves as the tables have them, held against the replay. Reads only."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.history_replay_officers import OfficerReplay
from fiat.journal_officers import read_counters, read_officer_changes, read_totals
from fiat.journal_rows import entry_row
from fiat.officer import Counters, Officers
from fiat.reserves import Totals
from fiat.tables import operator_records


async def officers(conn: AsyncConnection) -> Officers:
    """Who the operator's officers are."""
    return Officers(await read_officer_changes(conn))


async def counters(conn: AsyncConnection) -> Counters:
    """What the newest seal's `counters` is the hash of."""
    return await read_counters(conn)


async def totals(conn: AsyncConnection) -> dict[int, Totals]:
    """People's and reserves' sums by ledger, as of the last commit."""
    return await read_totals(conn)


async def differences(conn: AsyncConnection, replay: OfficerReplay) -> list[str]:
    """What the tables say otherwise than the records."""
    stored = {row["sequence"]: dict(row) for row in (await conn.execute(select(operator_records))).mappings()}
    return list(_differences(replay, stored, await totals(conn), await counters(conn), await officers(conn)))


def _differences(
    replay: OfficerReplay,
    stored: dict[int, dict[str, object]],
    sums: dict[int, Totals],
    counted: Counters,
    found: Officers,
) -> Iterator[str]:
    if stored != {sequence: entry_row(record) for sequence, record in replay.records.items()}:
        yield "the operator records differ from the replay"
    if (found.standing, found.named) != (replay.officers.standing, replay.officers.named):
        yield "the officers differ from the replay"
    if counted != replay.counters:
        yield "the counters of operator records differ from the replay"
    if _some(sums) != _some(replay.totals):
        yield "the sums of people's balances and reserves differ from the replay"


def _some(sums: dict[int, Totals]) -> dict[int, Totals]:
    """A currency that nobody used yet may lack its row."""
    return {ledger: one for ledger, one in sums.items() if any(one)}
