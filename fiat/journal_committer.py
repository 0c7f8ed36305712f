"""The committer: the one task of a journal that decides and writes. Group commit with compare-and-swap.

It takes whatever waits, decides it in memory and writes it in one transaction: records, balances, and the head moved
from the version that was read. There is no timer: a lone call waits for nobody. If another process moved the head,
nothing is written and everything is decided again; bounded, then JournalBusy and the ids stay free.

While a batch is being written the next one is decided over what the first will have made of the journal
(docs/adr/0010): it is written only from the head that the first moved to, so if that does not come to stand, neither
does the second, which is then decided again. Nobody is answered before the commit that the answer rests on.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fiat.errors import FiatError, JournalBroken, JournalBusy, JournalClockWrong, JournalUnknown
from fiat.journal_agreed import load_uses
from fiat.journal_batch import Batch
from fiat.journal_cache import Cache, Wanted
from fiat.journal_commit import CommitFailed, cause, check_unmoved, find_out, settle
from fiat.journal_engine import committing
from fiat.journal_proofs import SealedBatch
from fiat.journal_requests import Request, Waiting, decide
from fiat.journal_store import HeadMoved, load, load_due, read_head, swap_head, write
from fiat.journal_values import JournalHead
from fiat.seal import MerkleTree, seal_batch
from fiat.signature import OperatorKey
from fiat.transfer import Transfer

ATTEMPTS_MAX = 8
"""Decisions over again before a batch gives up."""
BATCH_EVENTS_MAX = 512
"""Bigger ones save little more, and leave nothing to decide while one is being written."""
WAITING_MAX = 20_000
RECENT_SEALS = 32
_SLICE, _ANSWERS = 4, 16
"""Requests decided, and answered, at a stretch while a batch is being written, so that the database does not wait."""


class Decided(NamedTuple):
    """Requests whose batch is decided, sealed and not written yet, and the head that it moves to."""

    waiting: list[Waiting]
    batch: Batch
    head: JournalHead
    sealed: SealedBatch | None


Ahead = asyncio.Task[Decided | None]


class Committer:
    """Decides and writes what it is asked, until it is closed."""

    def __init__(
        self,
        engine: AsyncEngine,
        key: OperatorKey,
        ledger_id: bytes,
        clock: Callable[[], int],
        drift_max_ns: int | None,
        cache: Cache,
        sequence: int,
    ) -> None:
        self._engine = engine
        self._committing = committing(engine)
        self._key = key
        self._ledger_id = ledger_id
        self._clock = clock
        self._drift_max_ns = drift_max_ns
        self.cache = cache
        self.sequence = sequence
        """The last record's sequence, as far as this process has seen."""
        self.recent: deque[SealedBatch] = deque(maxlen=RECENT_SEALS)
        self._due_next: int | None = 0  # unknown until the first look
        self._queue: deque[Waiting] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._doubtful = False
        """Did a commit fail, and is it not yet certain that what can be read is on the disk?"""
        self._answering: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._run(), name="journal committer")

    async def ask(self, request: Request[Any]) -> Any:
        """The request's answer, once the commit stands. Raises what the request raises, JournalBusy, JournalUnknown."""
        if self._closing or len(self._queue) >= WAITING_MAX:
            raise JournalBusy
        waiting = Waiting(request)
        self._queue.append(waiting)
        self._wake.set()
        return await waiting.future

    async def close(self) -> None:
        """Write what waits, then stop."""
        self._closing = True
        self._wake.set()
        await self._task

    async def certain(self) -> None:
        """After a failed commit: nothing is answered before what can be read is on the disk. Raises JournalUnknown."""
        if self._doubtful:
            await settle(self._engine)
            self._doubtful = False

    async def _run(self) -> None:
        decided: Decided | None = None
        while decided or self._queue or not self._closing:
            if decided is None and not self._queue:
                self._wake.clear()
                await self._wake.wait()
                continue
            ahead = await self._settle(decided.waiting if decided else self._take(), decided)
            decided = await ahead if ahead is not None else None
            if decided is None:
                self.cache.forget_batch()
        await asyncio.gather(*self._answering)

    def _take(self) -> list[Waiting]:
        """The next batch's requests, of those that wait."""
        taken, events = [self._queue.popleft()], 0
        while self._queue and events < BATCH_EVENTS_MAX:
            events += taken[-1].request.size
            taken.append(self._queue.popleft())
        return taken

    async def _settle(
        self, waiting: list[Waiting], decided: Decided | None = None, *, looks_ahead: bool = True
    ) -> Ahead | None:
        """Commit a batch and answer it. One that the database refuses is tried again request by request.

        Returns the deciding of the next batch, which may go on.
        """
        error: Exception | None = None
        ahead = None
        try:
            ahead = await self._commit(waiting, decided, looks_ahead=looks_ahead)
        except Exception as caught:  # whatever it is, it is an answer: nobody may wait for ever
            error = caught
        if error is not None and not isinstance(error, FiatError) and len(waiting) > 1:
            for one in waiting:
                await self._settle([one], looks_ahead=False)
            return None
        if error is not None:
            for one in waiting:
                one.error = error if isinstance(error, FiatError) else _busy(error)
        answering = asyncio.create_task(_answer(waiting), name="journal answering")
        self._answering.add(answering)
        answering.add_done_callback(self._answering.discard)
        return ahead

    async def _commit(self, waiting: list[Waiting], decided: Decided | None, *, looks_ahead: bool) -> Ahead | None:
        failed = False
        for attempt in range(ATTEMPTS_MAX):
            try:
                await self.certain()
                # Whoever lost once takes the head's lock, so that two busy processes take turns.
                return await self._attempt(waiting, decided, lock=attempt > 0, looks_ahead=looks_ahead)
            except HeadMoved as moved:
                failed = failed or isinstance(moved, CommitFailed)
            except Exception as error:
                if failed:
                    raise JournalUnknown from error
                raise
            decided = None
        # A commit that failed may yet come to stand: "nothing was written" is then more than anybody knows.
        raise JournalUnknown if failed else JournalBusy

    async def _attempt(
        self, waiting: list[Waiting], decided: Decided | None, *, lock: bool, looks_ahead: bool
    ) -> Ahead | None:
        """Decide everything over one snapshot, unless it was decided ahead, and write it.

        Raises HeadMoved when another writer was first.
        """
        ahead: Ahead | None = None
        try:
            async with self._committing.connect() as conn:
                transaction = await conn.begin()
                decided = decided or self._finished(waiting, await self._decide(conn, waiting, lock=lock))
                _, batch, new_head, sealed = decided
                self.sequence = max(self.sequence, batch.head.sequence)
                if batch.empty:
                    await check_unmoved(conn, batch.head)
                    return None
                if looks_ahead and (self._queue or self._answering):
                    ahead = asyncio.create_task(self._decide_ahead(batch, new_head), name="journal deciding ahead")
                try:
                    await self._write(conn, batch, new_head, sealed)
                except DBAPIError as error:
                    raise await cause(self._engine, batch.head, error) from error
                try:
                    await transaction.commit()
                except Exception as error:
                    # The pool would take a connection back as it is after a failed commit, its locks with it.
                    await conn.invalidate()
                    self._doubtful = True
                    await find_out(self._engine, batch.head, new_head, error)
        except BaseException:
            if ahead is not None:
                await self._drop(ahead)
            self.cache.clear(-1)  # nothing of a batch that failed may be believed
            raise
        self.sequence = batch.sequence
        if sealed is not None:
            self.recent.append(sealed)
        return ahead

    async def _decide(self, conn: AsyncConnection, waiting: list[Waiting], *, lock: bool) -> Batch:
        head = await read_head(conn, lock=lock)
        if head is None:
            raise JournalBroken(0, "the head is gone")
        self.cache.forget_batch()
        if head.version != self.cache.version:
            self.cache.clear(head.version)
            self._due_next = 0
        batch = Batch(self.cache, head, self._clock())
        wanted = _wanted(waiting)
        due: list[Transfer] = []
        if self._due_next is not None and self._due_next <= batch.cursor:
            due, self._due_next = await load_due(conn, self.cache, batch.cursor)
            wanted.accounts.update(i for t in due for i in (t.debit_account_id, t.credit_account_id))
        await load_uses(conn, self.cache, wanted)
        await load(conn, self.cache, wanted)
        if due:
            batch.release(due)
        decide(batch, waiting)
        return batch

    async def _decide_ahead(self, before: Batch, head: JournalHead) -> Decided | None:
        """Decide what waits over what `before` makes of the journal; None where that has to be written first.

        Whoever is answered meanwhile asks again at once, and is waited for. Whatever goes wrong here is met again, and
        answered, when these requests are decided in their turn.
        """
        if self._answering:
            await asyncio.wait(self._answering)
        if not self._queue:
            return None
        waiting = self._take()
        try:
            wanted = _wanted(waiting)
            self.cache.forget_batch()
            batch = Batch(self.cache, head, self._clock())
            is_due = self._due_next is not None and self._due_next <= batch.cursor
            if not is_due and before.leaves_alone(wanted):
                async with self._engine.connect() as conn:
                    await load(conn, self.cache, wanted)
                for start in range(0, len(waiting), _SLICE):
                    decide(batch, waiting[start : start + _SLICE])
                    await asyncio.sleep(0)
                return self._finished(waiting, batch)
        except asyncio.CancelledError:
            self._queue.extendleft(reversed(waiting))
            raise
        except Exception:
            self.cache.clear(-1)
        self._queue.extendleft(reversed(waiting))
        return None

    async def _drop(self, ahead: Ahead) -> None:
        """Forget what was decided ahead; those who asked wait again, before all others."""
        ahead.cancel()
        (found,) = await asyncio.gather(ahead, return_exceptions=True)
        if isinstance(found, Decided):
            self._queue.extendleft(reversed(found.waiting))

    def _finished(self, waiting: list[Waiting], batch: Batch) -> Decided:
        """A batch that is decided, with its seal; what it makes of the journal is in the cache from now on.

        If it fails, or the one before it, all of the cache is forgotten.
        """
        head, sealed = self._seal(batch)
        if not batch.empty:
            self._keep(batch)
        return Decided(waiting, batch, head, sealed)

    def _seal(self, batch: Batch) -> tuple[JournalHead, SealedBatch | None]:
        """The head that the batch moves to and, where it has records, their seal."""
        old, sealed = batch.head, None
        number, digest = old.seal_number, old.seal_digest
        if batch.bodies:
            number += 1
            tree = MerkleTree(batch.leaves)
            seal = seal_batch(
                self._key,
                self._ledger_id,
                number=number,
                previous=old.seal_digest,
                first_sequence=old.sequence + 1,
                tree=tree,
                timestamp=batch.cursor,
                counters=batch.counters_hash,
            )
            digest = seal.digest(self._ledger_id)
            sealed = SealedBatch(seal, batch.bodies, tree)
        return JournalHead(old.version + 1, batch.sequence, batch.cursor, number, digest, os.urandom(16)), sealed

    async def _write(
        self, conn: AsyncConnection, batch: Batch, new_head: JournalHead, sealed: SealedBatch | None
    ) -> None:
        clock_us = await swap_head(conn, batch.head, new_head)
        if clock_us is not None and self._drift_max_ns is not None:
            drift_ns = batch.cursor - clock_us * 1000
            if abs(drift_ns) > self._drift_max_ns:
                if abs(self._clock() - clock_us * 1000) <= self._drift_max_ns:
                    raise HeadMoved  # the clock is right, the batch is late (a busy machine): decide it anew
                raise JournalClockWrong(drift_ns // 1_000_000)
        await write(conn, batch, sealed.seal if sealed is not None else None)

    def _keep(self, batch: Batch) -> None:
        batch.keep()
        if batch.due_next is not None:
            self._due_next = min(self._due_next or batch.due_next, batch.due_next)


def _wanted(waiting: list[Waiting]) -> Wanted:
    wanted = Wanted()
    for one in waiting:
        one.request.want(wanted)
    return wanted


async def _answer(waiting: list[Waiting]) -> None:
    """In slices, between which the next batch is written: whoever is answered asks again at once."""
    for start in range(0, len(waiting), _ANSWERS):
        for one in waiting[start : start + _ANSWERS]:
            one.settle()
        await asyncio.sleep(0)


def _busy(error: Exception) -> JournalBusy:
    busy = JournalBusy()
    busy.__cause__ = error
    return busy
