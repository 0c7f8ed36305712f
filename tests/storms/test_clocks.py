"""Clocks that jump, and two processes whose clocks differ: the journal's time only grows, on PostgreSQL it stays with
the database's, and what expires does so at its instant of that time, once.
"""

from __future__ import annotations

import functools
import random
import time
from collections import Counter
from itertools import groupby

import pytest
from sqlalchemy import select

from fiat import journal_committer
from fiat.errors import JournalClockWrong
from fiat.history_check import verify
from fiat.holder import OPERATOR
from fiat.journal import DRIFT_MAX_NS, Journal
from fiat.record import ExpiryRecord, TransferRecord, decode
from fiat.tables import records
from fiat.transfer import NANOSECONDS, Transfer, TransferFlags, TransferStatus
from tests.storms.town import EUR, OPERATOR_KEY, answered, move

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
BATCH_NS = 10_000
"""More than the timestamps of one batch take up."""
JUMPS = (-3600, -60, -1, 0, 0, 0, 1, 20, 60, 3600)


class Clock:
    """A process's clock: true time with an offset that the storm moves (ns)."""

    def __init__(self):
        self.offset = 0

    def __call__(self):
        return time.time_ns() + self.offset


@pytest.fixture
async def clocked(engine, request):
    """Two processes' journals with a clock each; on PostgreSQL the database's clock counts too."""
    clocks = [Clock(), Clock()]
    drift = None if engine.dialect.name == "sqlite" else getattr(request, "param", DRIFT_MAX_NS)
    journals = [await Journal.open(engine, OPERATOR_KEY, clock, drift) for clock in clocks]
    yield list(zip(journals, clocks, strict=True))
    for one in journals:
        await one.close()


async def story(engine):
    """Every record in order, with its seal's number."""
    async with engine.connect() as conn:
        rows = await conn.execute(select(records.c.seal_number, records.c.body).order_by(records.c.sequence))
        return [(seal, decode(body)) for seal, body in rows]


def verdicts(told):
    """What is wrong with time in a journal that was told so."""
    wrong, last, waiting, resolved = [], 0, {}, Counter()
    for seal, batch in groupby(told, key=lambda pair: pair[0]):
        together = [record for _, record in batch]
        expired = {record.pending_id for record in together if isinstance(record, ExpiryRecord)}
        begins = together[0].timestamp - BATCH_NS
        late = [i for i, expires_at in waiting.items() if expires_at <= begins and i not in expired]
        wrong += [f"seal {seal}: {i:x} was due and is not released" for i in late]
        for record in together:
            if record.timestamp <= last:
                wrong.append(f"record {record.sequence} is not younger than the one before it")
            last = max(last, record.timestamp)
            wrong += _resolve(record, waiting, resolved)
    return wrong + [f"{i:x} was resolved {n} times" for i, n in resolved.items() if n > 1]


def _resolve(record, waiting, resolved):
    """Take one record over: a pending transfer, or the end of one."""
    if isinstance(record, ExpiryRecord):
        resolved[record.pending_id] += 1
        if record.timestamp < waiting.pop(record.pending_id, 1 << 63):
            yield f"{record.pending_id:x} was released before its instant"
    elif isinstance(record, TransferRecord) and record.flags & TransferFlags.PENDING and record.timeout:
        waiting[record.id] = record.timestamp + record.timeout * NANOSECONDS
    elif isinstance(record, TransferRecord) and record.pending_id:
        resolved[record.pending_id] += 1
        if record.timestamp >= waiting.pop(record.pending_id, 1 << 63):
            yield f"{record.pending_id:x} was captured after its instant"


async def accounts(journal):
    return [(await journal.open_account(OPERATOR, EUR, f"suspense:{name}")).id for name in ("one", "other")]


def pending(debit, credit, seconds):
    plain = move(debit, credit, 1)
    return Transfer(plain.id, debit, credit, 1, timeout=seconds, ledger=EUR.ledger, code=8, flags=TransferFlags.PENDING)


def capture(of):
    return Transfer(move(0, 0, 0).id, amount=1, pending_id=of.id, flags=TransferFlags.POST_PENDING_TRANSFER)


async def storm(clocked, engine, steps, seed=5):
    """Jumps, plain transfers, pending ones and captures, by either process. Says what is wrong."""
    dice, open_, answers = random.Random(seed), [], Counter()
    debit, credit = await accounts(clocked[0][0])
    for _ in range(steps):
        journal, clock = dice.choice(clocked)
        clock.offset += dice.choice(JUMPS) * NANOSECONDS
        act = dice.random()
        if act < 0.4:
            open_.append(pending(debit, credit, dice.randint(1, 90)))
            (outcome,) = await journal.post([open_[-1]])
        elif act < 0.7 and open_:
            (outcome,) = await journal.post([capture(open_.pop(dice.randrange(len(open_))))])
        else:
            (outcome,) = await journal.post([move(debit, credit, 1)])
        answers[outcome.status] += 1
    assert answers.keys() == {TransferStatus.CREATED, TransferStatus.PENDING_TRANSFER_EXPIRED}, answers
    wrong = verdicts(await story(engine))
    return wrong + [f"{problem.sequence}: {problem.reason}" for problem in (await verify(engine)).problems]


@SQLITE
async def test_clocks_that_jump(clocked, engine):
    assert not await storm(clocked, engine, 300)


@SQLITE
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
async def test_clocks_that_jump_for_long(clocked, engine, seed):
    assert not await storm(clocked, engine, 5_000, seed)


@SQLITE
async def test_a_committer_that_forgets_the_last_batch_s_time_is_seen(clocked, engine, monkeypatch):
    honest = journal_committer.read_head

    async def forgetful(conn, **options):
        return (await honest(conn, **options))._replace(timestamp=0)

    monkeypatch.setattr(journal_committer, "read_head", forgetful)
    wrong = await storm(clocked, engine, 100)
    assert any("is not younger than the one before it" in what for what in wrong), wrong


@SQLITE
async def test_a_committer_that_releases_nothing_is_seen(clocked, engine, monkeypatch):
    async def nothing(*_):
        return [], None

    monkeypatch.setattr(journal_committer, "load_due", nothing)
    wrong = await storm(clocked, engine, 100)
    assert any("was due and is not released" in what for what in wrong), wrong


async def beside_the_database(clocked, engine, steps):
    """Processes whose clocks are off by up to an hour, beside a database whose clock is right."""
    dice, refused = random.Random(3), Counter()
    debit, credit = await accounts(clocked[0][0])
    wrong = []
    for _ in range(steps):
        journal, clock = dice.choice(clocked)
        clock.offset = dice.choice((-3600, -10, -3, -1, 0, 0, 1, 3, 10, 3600)) * NANOSECONDS
        asked, before = move(debit, credit, 1), time.time_ns()
        try:
            (outcome,) = await journal.post([asked])
        except JournalClockWrong as error:
            refused[error.drift_ms > 0] += 1
            if abs(error.drift_ms) < DRIFT_MAX_NS // 10**6:
                wrong.append(f"a drift of {error.drift_ms} ms was refused")
            clock.offset = 0
            (outcome,) = await answered(functools.partial(journal.post, [asked]))
        if outcome.status is not TransferStatus.CREATED:
            wrong.append(f"the id was not free: {outcome.status.name}")
        # The database's clock read between `before` and now.
        if not before - DRIFT_MAX_NS - BATCH_NS <= outcome.timestamp <= time.time_ns() + DRIFT_MAX_NS + BATCH_NS:
            wrong.append(f"a record stands {outcome.timestamp - before} ns from the database's clock")
    return wrong + verdicts(await story(engine)), refused


@POSTGRESQL
async def test_clocks_that_differ_from_the_database_s(clocked, engine):
    wrong, refused = await beside_the_database(clocked, engine, 60)
    assert not wrong
    assert refused[True]
    assert (await verify(engine)).intact


@POSTGRESQL
@pytest.mark.parametrize("clocked", [None], indirect=True)
async def test_a_committer_that_asks_no_database_is_seen(clocked, engine):
    wrong, _ = await beside_the_database(clocked, engine, 20)
    assert any("from the database's clock" in what for what in wrong), wrong


@POSTGRESQL
async def test_expiries_with_two_skewed_processes(clocked, engine):
    """One process a second behind, one a second before: what is due is released by whoever comes first, once."""
    (slow, behind), (fast, ahead) = clocked
    behind.offset, ahead.offset = -NANOSECONDS, NANOSECONDS
    debit, credit = await accounts(slow)
    waiting = [pending(debit, credit, seconds) for seconds in (1, 1, 1, 3600)]
    await answered(lambda: slow.post(waiting[:2]))
    await answered(lambda: fast.post(waiting[2:]))
    released, told, end = [], [], time.monotonic() + 60
    while len(released) < 3 and time.monotonic() < end:
        for journal, _ in clocked:
            await answered(functools.partial(journal.post, [move(debit, credit, 1)]))
            await answered(journal.release_expired)
        told = await story(engine)
        released = [record.pending_id for _, record in told if isinstance(record, ExpiryRecord)]
    assert not verdicts(told)
    assert sorted(released) == sorted(one.id for one in waiting[:3])
    assert (await verify(engine)).intact
