"""A full disk and a disk that fails: the journal stops or refuses, and never acknowledges what is lost.

The faults are injected into the process's own system calls (strace), or are a limit of the operating system. While
they last nothing may be told wrongly; when they are gone the same process works on, and so does one that starts after
a kill. What was answered with "nothing was written" is never found written.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from pathlib import Path

import pytest

from fiat.journal import Journal
from fiat.journal_engine import open_engine
from tests.storms import crew
from tests.storms.load import OPENING, PEOPLE, Load, Log, Noted, verdicts
from tests.storms.town import OPERATOR_KEY, found, people

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PAYMENTS = 60
MANY = 10**6
SECONDS_MAX = 180

# Which file, which call fails how, and from which to which of a thread's calls (a connection has a thread).
PASSING = [
    ("-wal", "pwrite64:error=ENOSPC:when=300..320"),
    ("-wal", "fdatasync:error=EIO:when=5..7"),
    ("", "pwrite64:error=ENOSPC:when=3..6"),
    ("", "fdatasync:error=EIO:when=2..3"),
]
LASTING = ["pwrite64:error=ENOSPC", "pwrite64:error=EIO", "fdatasync:error=EIO"]


class Stand:
    """A journal with people in it, and a writer process over it whose system calls can be made to fail."""

    def __init__(self, database_url, folder):
        self.url, self.database, self.log = database_url, folder / "ledger.db", folder / "log"
        self.trace = folder / "trace"

    def writer(self, **settings):
        config = {"url": self.url, "log": str(self.log), "payments": PAYMENTS, "workers": 4}
        return crew.command("writer", config | {"synchronous": "FULL", "checkpoint": 40} | settings)

    def strace(self, fault, *files):
        watch = ["strace", "-f", "-o", str(self.trace), "-e", f"trace={fault.split(':')[0]}", "-e", f"inject={fault}"]
        return watch + [word for file in files for word in ("-P", f"{self.database}{file}")]

    def noted(self):
        return Noted(self.log)

    def hurt(self):
        return self.trace.exists() and "(INJECTED)" in self.trace.read_text()

    def acknowledged_since(self, before):
        later = sorted(self.noted().acknowledged - before.acknowledged)
        return [f"payment {number} was acknowledged while nothing could be synced" for number in later]

    async def until(self, reached, process):
        """Wait until what the writer noted is so."""
        deadline = time.monotonic() + SECONDS_MAX
        while not reached(self.noted()):
            assert process.poll() is None and time.monotonic() < deadline, "the writer did not come so far"
            await asyncio.sleep(0.02)

    async def verdicts(self):
        """What is wrong; then, the fault being gone, everything without an answer is asked again, and one more."""
        engine, noted = open_engine(self.url), self.noted()
        wrong = await verdicts(engine, self.log)
        journal = await Journal.open(engine, OPERATOR_KEY)
        load = Load(journal, people(PEOPLE), Log(self.log))
        again = {number: now for number, now in noted.unknown.items() if number not in noted.refused}
        await asyncio.gather(*(load.pay(number, now) for number, now in again.items()), load.pay(MANY + 1))
        await journal.close()
        wrong += await verdicts(engine, self.log)
        await engine.dispose()
        return wrong


@pytest.fixture
async def stand(engine, journal, database_url, tmp_path):
    await found(journal, PEOPLE, OPENING)
    await journal.close()
    await engine.dispose()
    return Stand(database_url, tmp_path)


@pytest.mark.parametrize(("file", "fault"), PASSING)
async def test_a_fault_that_passes(stand, file, fault):
    await passing(stand, file, fault)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, 60, 3))
@pytest.mark.parametrize(("file", "fault"), PASSING)
async def test_a_fault_that_passes_anywhere(stand, file, fault, first):
    """Not among a connection's first calls: each new connection would fail again, for ever."""
    call, _, _ = fault.partition(":when")
    when = f"{240 + 10 * first}..{250 + 10 * first}" if file and "pwrite" in call else str(first + 3)
    await passing(stand, file, f"{call}:when={when}")


async def passing(stand, file, fault):
    """The calls with these numbers fail: the writer asks again, and in the end everything is carried out."""
    command = [*stand.strace(fault, file), *stand.writer()]
    await asyncio.to_thread(subprocess.run, command, cwd=crew.ROOT, timeout=SECONDS_MAX, check=True)
    assert stand.hurt(), "the fault was met"
    assert len(stand.noted().acknowledged) == PAYMENTS, "the process worked on"
    assert not await stand.verdicts()


async def lasting(stand, fault, *, recovers=False, told=8, **settings):
    """From some moment on every such call fails, and maybe they stop failing again; then the writer is killed.

    `told` is for how many payments the writer has to learn that they were refused.
    """
    command = stand.writer(**({"payments": MANY, "attempts": 2, "halt": 20} | settings))
    writer = subprocess.Popen(command, cwd=crew.ROOT)  # noqa: ASYNC220  # it has to outlive this call
    try:
        await stand.until(lambda noted: len(noted.acknowledged) >= 20, writer)
        tracing = [*stand.strace(fault, "", "-wal"), "-p", str(writer.pid)]
        tracer = subprocess.Popen(tracing)  # noqa: ASYNC220  # it has to outlive this call
        await stand.until(lambda _: is_traced(writer.pid), writer)
        writer.send_signal(signal.SIGCONT)
        await stand.until(lambda _: stand.hurt(), writer)
        before = stand.noted()
        if told:
            await stand.until(lambda noted: len(noted.asked) > len(before.asked) + told, writer)
        else:
            await asyncio.to_thread(writer.wait, SECONDS_MAX)
        wrong = stand.acknowledged_since(before) if settings.get("workers") == 1 else []
        if recovers:
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
            before = stand.noted()
            await stand.until(lambda noted: len(noted.acknowledged) > len(before.acknowledged) + 20, writer)
    finally:
        writer.kill()
        writer.wait()
    tracer.wait()
    return wrong + await stand.verdicts()


def is_traced(pid):
    """Does somebody watch every thread of the process?"""
    told = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return not any("TracerPid:\t0\n" in status for status in told)


@pytest.mark.parametrize(("fault", "recovers"), [(LASTING[0], True), (LASTING[2], False)])
async def test_a_fault_that_lasts(stand, fault, recovers):
    assert not await lasting(stand, fault, recovers=recovers)


@pytest.mark.slow
@pytest.mark.parametrize("fault", LASTING)
@pytest.mark.parametrize("recovers", [True, False])
@pytest.mark.parametrize("told", range(2, 40, 4))
async def test_a_fault_that_lasts_and_lasts(stand, fault, recovers, told):
    assert not await lasting(stand, fault, recovers=recovers, told=told)


async def test_a_file_that_may_not_grow(stand):
    size = stand.database.stat().st_size + 100_000
    command = stand.writer(payments=200, attempts=2, end="kill", file_size_max=size)
    ended = await asyncio.to_thread(subprocess.run, command, cwd=crew.ROOT, timeout=SECONDS_MAX)
    assert ended.returncode == -signal.SIGKILL
    assert stand.noted().acknowledged and stand.noted().unknown
    assert not await stand.verdicts()


@pytest.mark.parametrize("companions", [0, 1])
async def test_a_commit_that_failed_is_told_as_it_is(stand, companions):
    """Neither is it acknowledged because the file can still be read, nor is it called unwritten and found later: what
    a failed sync left in the WAL is there for whoever opens the file next, and need not be after a power cut."""
    settings = {"workers": 1, "checkpoint": 1000, "attempts": 1, "companions": companions}
    wrong = await lasting(stand, "fdatasync:error=EIO", payments=40, told=0, end="kill", **settings)
    assert not wrong


async def test_a_driver_that_hides_a_failed_commit_is_seen(stand):
    wrong = await lasting(stand, "fdatasync:error=EIO", swallow=True)
    assert any("was acknowledged and is not in the journal" in what for what in wrong), wrong
