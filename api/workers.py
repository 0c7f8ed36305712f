"""Workers: loops that do what is due, wait a little, and outlive failures. Health tells which of them do not get on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping

from chain.indexer import Indexer, Progress
from chain.node_heads import HeadsListener
from fiat.journal import Journal

log = logging.getLogger(__name__)
FAILURE_PAUSE_SECONDS_MAX = 10.0
INDEXER_PAUSE_SECONDS = 0.25
TOLD_FROM_BLOCKS, TOLD_EACH_SECONDS = 200, 3.0
"""Catching up is told from so many blocks on, and not more often than this."""


class Worker:
    """Calls `step` again and again. `step` answers how many things it did; 0 means wait (or be woken)."""

    def __init__(
        self,
        name: str,
        step: Callable[[], Awaitable[int]],
        pause_seconds: float,
        failures: MutableMapping[str, str],
    ) -> None:
        self.name = name
        self._step = step
        self._pause = pause_seconds
        self._failures = failures
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do now."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        failed = 0
        while True:
            self._woken.clear()
            try:
                done = await self._step()
            except Exception as error:  # one failure must not end the loop: it is told, and tried again
                failed += 1
                self._failures[self.name] = type(error).__name__
                log.warning("worker %s: %r", self.name, error)
                log.debug("worker %s", self.name, exc_info=True)
                await asyncio.sleep(min(self._pause * 2**failed, FAILURE_PAUSE_SECONDS_MAX))
                continue
            failed = 0
            self._failures.pop(self.name, None)
            if not done:
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._pause):
                await self._woken.wait()
        except TimeoutError:
            return


def upkeep(journal: Journal) -> Callable[[], Awaitable[int]]:
    """Releases what is due when nobody posts, and forgets refusals of orders that are dead."""

    async def step() -> int:
        await journal.release_expired()
        await journal.forget_dead()
        return 0

    return step


def chain_workers(
    indexer: Indexer, heads: str | None, failures: MutableMapping[str, str], begin: Callable[[], Awaitable[None]]
) -> list[Worker | HeadsListener]:
    """The indexer, polling, and the WebSocket that wakes it sooner, where there is one.

    `begin` is called when the chain began anew or was set back.
    """
    following = Worker("indexer", following_of(indexer, begin), INDEXER_PAUSE_SECONDS, failures)
    return [following] if heads is None else [following, HeadsListener(heads, following.wake)]


def following_of(indexer: Indexer, begin: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[int]]:
    """The indexer's steps as a worker takes them: goes on at once while the index moves, and says how far it is."""
    last: Progress | None = None
    told = 0.0

    async def step() -> int:
        nonlocal last, told
        before, last = last, await indexer.step()
        indexer.progress = last
        if last.restarted or (last.rolled_back_to is not None and (before is None or before.lives != last.lives)):
            await begin()
        left = last.lag + last.unsearched
        if left > TOLD_FROM_BLOCKS and time.monotonic() - told > TOLD_EACH_SECONDS:
            told = time.monotonic()
            log.warning("The chain's index is at block %d of %d; %d are left.", last.height, last.head, left)
        return 0 if last.is_caught_up or last == before else 1

    return step
