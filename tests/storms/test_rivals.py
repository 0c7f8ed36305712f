"""Two server processes fight for one journal: both get on, nothing is lost or done twice, not even what
both are asked for at once.
"""

from __future__ import annotations

import asyncio
import time

import pytest
from sqlalchemy import select

from fiat.record import TransferRecord, decode
from fiat.tables import records
from tests.storms import crew
from tests.storms.load import OPENING, PEOPLE, Noted, verdicts
from tests.storms.town import found

FIRST = (10**6, 2 * 10**6)
"""Below these each process's own numbers; the shared ones are smaller."""
SHARED, WORKERS = 20, 6
SHARE_MIN = {"postgresql": 10, "sqlite": 0}
"""Percent of its own that the slower has to have done when the faster is done. PostgreSQL has them take turns; SQLite
gives its lock to whoever asks at the right moment, and may let one wait for the other's end: there all get answers."""


def progress(numbers, payments, share_min):
    """Did both get on? `numbers` of payments in the journal's order. A process alone on the field gets everything."""
    owners = [next((at for at, first in enumerate(FIRST) if first <= n < first + payments), None) for n in numbers]
    positions = [[place for place, owner in enumerate(owners) if owner == at] for at in range(len(FIRST))]
    done = min(max(places) for places in positions)
    counts = [sum(place <= done for place in places) for places in positions]
    return [
        f"process {at} had done {count} of {payments} when the other was done"
        for at, count in enumerate(counts)
        if count * 100 < payments * share_min
    ]


async def in_order(engine):
    async with engine.connect() as conn:
        bodies = (await conn.execute(select(records.c.body).order_by(records.c.sequence))).scalars()
        found = [decode(body) for body in bodies]
    orders = [record.order.order for record in found if isinstance(record, TransferRecord) and record.order is not None]
    return [int.from_bytes(order.reference, "big") for order in orders]


async def storm(engine, journal, database_url, tmp_path, payments, bug=None):
    await found(journal, PEOPLE, OPENING)
    logs = [tmp_path / f"log{at}" for at in range(len(FIRST))]
    config = {"url": database_url, "payments": payments, "shared": SHARED, "workers": WORKERS, "bug": bug}
    config |= {"now": time.time_ns() // 10**9, "lock": str(tmp_path / "lock"), "logs": list(map(str, logs))}
    configs = [config | {"first": first, "log": str(log)} for first, log in zip(FIRST, logs, strict=True)]
    await asyncio.to_thread(crew.run, "rival", configs)
    assert all(len(Noted(log).acknowledged) == payments + SHARED for log in logs)
    wrong = await verdicts(engine, *logs)
    return (
        wrong
        if wrong and bug != "leader"
        else wrong + progress(await in_order(engine), payments, SHARE_MIN[engine.dialect.name])
    )


async def test_rivals(engine, journal, database_url, tmp_path):
    assert not await storm(engine, journal, database_url, tmp_path, 150)


@pytest.mark.slow
async def test_rivals_for_long(engine, journal, database_url, tmp_path):
    assert not await storm(engine, journal, database_url, tmp_path, 20_000)


@pytest.mark.parametrize(
    ("database_url", "bug", "words"),
    [("postgresql", "hasty", "is not in the journal"), ("postgresql", "leader", "when the other was done")],
    indirect=["database_url"],
)
async def test_a_seeded_bug_is_seen(engine, journal, database_url, tmp_path, bug, words):
    wrong = await storm(engine, journal, database_url, tmp_path, 100, bug)
    assert any(words in what for what in wrong), wrong
