"""Power loss, replayed: what SQLite wrote is traced, and the disk is rebuilt as a power cut at any moment may leave it.

Whatever subset of the writes that no sync had covered is there, torn at sectors: every payment that was acknowledged
before that moment is in the journal, and the journal is intact. With `synchronous=NORMAL` that must not hold.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess

import pytest

from fiat.journal_engine import open_engine
from tests.storms import crew
from tests.storms.load import OPENING, PEOPLE, verdicts
from tests.storms.sectors import CALLS, Disk, read_trace, write_files
from tests.storms.town import found

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
STRING_MAX = 1 << 20


class Traced:
    """A journal's folder before a writer, and what the writer did to it."""

    def __init__(self, log, trace, before):
        with trace.open() as lines:
            effects = read_trace(lines)
        self.log = [effect for effect in effects if effect.path == str(log)]
        self.ends = [effect.begin for effect in effects]
        self.acknowledgements = [e.begin for e in self.log if e.data.startswith(b"acknowledged")]
        self.disk = Disk(before, [e for e in effects if e.path != str(log)])

    def moment(self, dice):
        """Any line after the first acknowledgement; every other time one right after an acknowledgement."""
        if dice.random() < 0.5:
            return dice.choice(self.acknowledgements)
        return dice.choice([line for line in self.ends if line >= self.acknowledgements[0]])


async def traced(engine, database_url, tmp_path, payments, synchronous="FULL", checkpoint=40):
    """Run a writer under strace over a journal that is closed and synced."""
    await engine.dispose()
    database = tmp_path / "ledger.db"
    before = {str(path): path.read_bytes() for path in tmp_path.glob("ledger.db*") if not path.name.endswith("-shm")}
    assert before.keys() == {str(database)}, "the journal was closed, so its WAL is gone"
    log, trace = tmp_path / "log", tmp_path / "trace"
    config = {"url": database_url, "log": str(log), "payments": payments, "workers": 3}
    config |= {"synchronous": synchronous, "checkpoint": checkpoint}
    paths = [tmp_path, database, f"{database}-wal", f"{database}-journal", log]
    watch = ["strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", str(STRING_MAX), "-e", f"trace={CALLS}", "-o", trace]
    watch += [word for path in paths for word in ("-P", str(path))]
    command = [*watch, *crew.command("writer", config)]
    await asyncio.to_thread(subprocess.run, command, cwd=crew.ROOT, check=True, timeout=300)
    seen = Traced(log, trace, before)
    assert seen.disk.last() == {str(database): database.read_bytes()}, "the trace tells all that was written"
    return seen


async def check(traced, at, dice, folder):
    """Cut the power at that line of the trace and say what is wrong with what is left."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_files(folder, traced.disk.crash(at, dice))
    log = folder / "log"
    log.write_bytes(b"".join(effect.data for effect in traced.log if effect.begin <= at))
    engine = open_engine(f"sqlite:///{folder}/ledger.db")
    try:
        async with engine.connect() as conn:
            sound = (await conn.exec_driver_sql("PRAGMA integrity_check")).scalars().all()
        wrong = [] if sound == ["ok"] else [f"the file is not sound: {sound[:3]}"]
        return wrong + await verdicts(engine, log)
    except Exception as error:  # whatever a file that is not sound makes of the reader
        return [f"the journal cannot be read: {error!r}"]
    finally:
        await engine.dispose()


async def storm(engine, journal, database_url, tmp_path, states, *, payments=45, seed=11, **settings):
    await found(journal, PEOPLE, OPENING)
    await journal.close()
    seen = await traced(engine, database_url, tmp_path, payments, **settings)
    assert len(seen.acknowledgements) == payments
    dice = random.Random(seed)
    wrong = []
    for number in range(states):
        at = seen.moment(dice)
        wrong += [f"state {number}, line {at}: {what}" for what in await check(seen, at, dice, tmp_path / "state")]
    assert seen.disk.lost > states, "the power was cut while something was on its way"
    return wrong


async def test_power_loss_loses_nothing(engine, journal, database_url, tmp_path):
    assert not await storm(engine, journal, database_url, tmp_path, 80)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
async def test_power_loss_loses_nothing_in_5000_states(engine, journal, database_url, tmp_path, seed):
    sizes = {"payments": 300, "checkpoint": 1000} if seed == 9 else {}
    assert not await storm(engine, journal, database_url, tmp_path, 500, seed=seed, **sizes)


@pytest.mark.parametrize(
    ("synchronous", "words"), [("NORMAL", "was acknowledged and is not in the journal"), ("OFF", "cannot be read")]
)
async def test_less_than_full_is_seen_to_lose(engine, journal, database_url, tmp_path, synchronous, words):
    wrong = await storm(engine, journal, database_url, tmp_path, 30, synchronous=synchronous)
    assert any(words in sentence for sentence in wrong), wrong
