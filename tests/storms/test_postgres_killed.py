"""PostgreSQL goes down at once, under load, and comes back; and a PostgreSQL whose disk fails. What was acknowledged
is there once; what was not known is resolved by asking for the same again.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from pathlib import Path

import pytest

from fiat.journal import Journal
from fiat.journal_engine import open_engine
from fiat.tables import metadata
from tests.storms.cluster import Cluster
from tests.storms.load import OPENING, PEOPLE, Load, Log, Noted, verdicts
from tests.storms.town import OPERATOR_KEY, found

WORKERS = 12
JOURNALS = 2
BETWEEN = 30
"""Payments that are acknowledged between one failure and the next."""
SECONDS_MAX = 180


@pytest.fixture
def cluster():
    with tempfile.TemporaryDirectory(prefix="tandem-pg-", ignore_cleanup_errors=True) as folder:
        # What commits without a sync stays in memory for long, so that an immediate end is sure to lose it.
        cluster = Cluster(Path(folder), wal_writer_delay="10s", wal_writer_flush_after="1GB")
        cluster.start()
        yield cluster
        if cluster.process is not None and cluster.process.poll() is None:
            cluster.stop_at_once()


class Service:
    """Journals that stay open whatever becomes of their database, and pay on until they are told to stop."""

    def __init__(self, cluster, log):
        self.cluster, self.log, self.numbers = cluster, log, itertools.count(1)
        self.engines = [open_engine(cluster.url) for _ in range(JOURNALS)]
        self.working = True

    async def open(self):
        async with self.engines[0].begin() as conn:
            await conn.run_sync(metadata.create_all)
        self.journals = [await Journal.open(engine, OPERATOR_KEY) for engine in self.engines]
        town = await found(self.journals[0], PEOPLE, OPENING)
        self.loads = [Load(journal, town, Log(self.log)) for journal in self.journals]
        self.tasks = [asyncio.create_task(self._work(self.loads[at % JOURNALS])) for at in range(WORKERS)]

    async def _work(self, load):
        while self.working:
            await load.pay(next(self.numbers))

    async def until_acknowledged(self, more):
        """Wait for so many more acknowledgements."""
        wanted = len(Noted(self.log).acknowledged) + more
        async with asyncio.timeout(SECONDS_MAX):
            while len(Noted(self.log).acknowledged) < wanted:
                await asyncio.sleep(0.01)
                for task in self.tasks:
                    assert not task.done(), task.result()

    async def close(self):
        """Every payment that is on its way gets its answer. Says what is wrong then."""
        self.working = False
        async with asyncio.timeout(SECONDS_MAX):
            await asyncio.gather(*self.tasks)
        wrong = await verdicts(self.engines[0], self.log)
        for journal, engine in zip(self.journals, self.engines, strict=True):
            await journal.close()
            await engine.dispose()
        assert not Noted(self.log).unknown
        return wrong


async def storm(cluster, log, kills):
    service = Service(cluster, log)
    await service.open()
    for _ in range(kills):
        await service.until_acknowledged(BETWEEN)
        cluster.stop_at_once()
        await asyncio.sleep(0.05)
        cluster.start()
    await service.until_acknowledged(BETWEEN)
    return await service.close()


async def test_killed_and_restarted(cluster, tmp_path):
    assert not await storm(cluster, tmp_path / "log", 4)


@pytest.mark.slow
async def test_killed_and_restarted_a_hundred_times(cluster, tmp_path):
    assert not await storm(cluster, tmp_path / "log", 100)


async def test_commits_that_are_not_synced_are_seen_to_be_lost(cluster, tmp_path):
    """The server is made unsafe behind the journals' backs, after they looked."""
    service = Service(cluster, tmp_path / "log")
    await service.open()
    cluster.psql("ALTER SYSTEM SET synchronous_commit = off;")
    cluster.psql("SELECT pg_reload_conf();")
    while "off" not in cluster.psql("SHOW synchronous_commit;"):  # noqa: ASYNC110  # until the server has come to it
        await asyncio.sleep(0.02)
    await service.until_acknowledged(10 * BETWEEN)
    cluster.stop_at_once()
    cluster.start()
    wrong = await service.close()
    assert any("was acknowledged and is not in the journal" in what for what in wrong), wrong


async def faulty(cluster, log, fault, failures):
    """The server runs under strace, which lets some of its calls fail: it panics and recovers, several times."""
    service = Service(cluster, log)
    await service.open()
    cluster.stop_at_once()
    trace = cluster.folder / "trace"
    watch = ["strace", "-f", "--seccomp-bpf", "-o", str(trace), "-e", f"trace={fault.split(':')[0]}"]
    cluster.start(*watch, "-e", f"inject={fault}")
    for _ in range(failures):
        await asyncio.to_thread(one_more, trace, trace.read_text().count("(INJECTED)"))
    cluster.stop_at_once()
    cluster.start()
    await service.until_acknowledged(BETWEEN)
    return await service.close()


def one_more(trace, before):
    """Wait for another fault."""
    deadline = time.monotonic() + SECONDS_MAX
    while trace.read_text().count("(INJECTED)") == before:
        assert time.monotonic() < deadline, "the fault was not met"
        time.sleep(0.05)


async def test_a_disk_that_fails_to_sync(cluster, tmp_path):
    assert not await faulty(cluster, tmp_path / "log", "fdatasync:error=EIO:when=15", 2)


@pytest.mark.slow
@pytest.mark.parametrize("when", range(12, 44, 4))
async def test_a_disk_that_fails_to_sync_anywhere(cluster, tmp_path, when):
    """Not among a process's first syncs, which recovery itself needs."""
    assert not await faulty(cluster, tmp_path / "log", f"fdatasync:error=EIO:when={when}", 3)
