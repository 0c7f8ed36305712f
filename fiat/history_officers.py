"""Officers, operator entries, counters and reserves as the tables have them, held against the replay. Reads only."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.history_replay_officers import OfficerReplay
from fiat.journal_officers import read_counters, read_officer_changes, read_totals
from fiat.journal_rows import entry_row
from fiat.officer import Officers
from fiat.reserves import Totals
from fiat.tables import operator_records


async def officers(conn: AsyncConnection) -> Officers:
    """Who the operator's officers are."""
    return Officers(await read_officer_changes(conn))


async def differences(conn: AsyncConnection, replay: OfficerReplay) -> list[str]:
    """What the tables say otherwise than the records."""
    stored = {row["sequence"]: dict(row) for row in (await conn.execute(select(operator_records))).mappings()}
    totals, counters = await read_totals(conn), await read_counters(conn)
    return list(_differences(replay, stored, totals, counters, Officers(await read_officer_changes(conn))))


def _differences(
    replay: OfficerReplay,
    stored: dict[int, dict[str, object]],
    totals: dict[int, Totals],
    counters: dict[tuple[int, int], tuple[int, int]],
    found: Officers,
) -> Iterator[str]:
    if stored != {sequence: entry_row(record) for sequence, record in replay.records.items()}:
        yield "the operator records differ from the replay"
    if (found.standing, found.named) != (replay.officers.standing, replay.officers.named):
        yield "the officers differ from the replay"
    if counters != replay.counters:
        yield "the counters of operator records differ from the replay"
    if {ledger: sums for ledger, sums in totals.items() if any(sums)} != {
        ledger: sums for ledger, sums in replay.totals.items() if any(sums)
    }:
        yield "the sums of people's balances and reserves differ from the replay"
