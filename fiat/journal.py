"""The journal: the only writer of money. Group commit with compare-and-swap over a durable, sealed order of records.

One committer takes whatever waits, decides it in memory and writes it in one transaction: records, balances, and the
head moved from the version that was read. There is no timer: a lone call waits for nobody. If another process moved
the head, nothing is written and everything is decided again; bounded, then JournalBusy and the ids stay free.

Nothing is answered, a refusal neither, before the commit it rests on. Where a commit's outcome is not known the
journal looks for its own token in the head; only when it cannot does it raise JournalUnknown, and the same id asked
again finds out. It checks no signatures: that is `authority`, before it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, cast

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fiat import history
from fiat.authority import Keys, SaltedText
from fiat.currency import Currency
from fiat.errors import FiatError, HolderUnknown, JournalBroken, JournalBusy, JournalClockWrong, JournalUnknown
from fiat.head import Head
from fiat.holder import Holder, HolderGenesis
from fiat.journal_agreed import load_uses
from fiat.journal_batch import Batch
from fiat.journal_cache import Cache, Wanted
from fiat.journal_commit import CommitFailed, cause, check_unmoved, find_out, settle
from fiat.journal_control import Control
from fiat.journal_engine import committing, writing
from fiat.journal_genesis import open_genesis
from fiat.journal_proofs import SealedBatch, signed_head
from fiat.journal_requests import OpenAccount, OpenHolder, Post, Request, Submit, Waiting, answer, decide
from fiat.journal_store import (
    HeadMoved,
    erase,
    forget_dead,
    load,
    load_due,
    read_head,
    swap_head,
    write,
)
from fiat.journal_values import JournalHead, OrderResult, Source, new_account
from fiat.limit import NO_POLICY, Policy
from fiat.order import SignedOrder
from fiat.record import ledger_id
from fiat.seal import MerkleTree, Receipt, Seal, seal_batch
from fiat.signature import OperatorKey
from fiat.transfer import NANOSECONDS, Account, Outcome, Transfer

ATTEMPTS_MAX = 8
"""Decisions over again before a batch gives up."""
BATCH_EVENTS_MAX = 2000
WAITING_MAX = 20_000
DRIFT_MAX_NS = 2_000_000_000
RECENT_SEALS = 32

T = TypeVar("T")


class Journal:
    """An open journal. Make one with `Journal.open`; one process may have several, and several processes one each."""

    def __init__(
        self,
        engine: AsyncEngine,
        key: OperatorKey,
        genesis: bytes,
        clock: Callable[[], int],
        drift_max_ns: int | None,
        policy: Policy,
    ) -> None:
        self._engine = engine
        self._committing = committing(engine)
        self._writing = writing(engine)
        self._key = key
        self._clock = clock
        self._drift_max_ns = drift_max_ns
        self._cache = Cache(policy)
        self._due_next: int | None = 0  # unknown until the first look
        self._queue: deque[Waiting] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._doubtful = False
        """Did a commit fail, and is it not yet certain that what can be read is on the disk?"""
        self._recent: deque[SealedBatch] = deque(maxlen=RECENT_SEALS)
        self.genesis = genesis
        """The canonical bytes of record 0."""
        self.ledger_id = ledger_id(genesis)
        self.sequence = 0
        """The last record's sequence, as far as this process has seen."""
        self._committer = asyncio.create_task(self._run(), name="journal committer")

    @classmethod
    async def open(
        cls,
        engine: AsyncEngine,
        operator_key: OperatorKey,
        clock: Callable[[], int] = time.time_ns,
        drift_max_ns: int | None = DRIFT_MAX_NS,
        policy: Policy = NO_POLICY,
    ) -> Journal:
        """Open the journal whose tables are in `engine`; write its genesis when they are empty.

        `clock` gives Unix nanoseconds, `policy` are the operator's limits. Raises JournalBroken when the genesis
        pins another operator key, and JournalUnsafe on a server that may lose what it acknowledged.
        """
        await settle(engine, "PASSIVE")  # a process before this one may have left what never reached the disk
        genesis, sequence = await open_genesis(engine, operator_key, clock())
        journal = cls(engine, operator_key, genesis, clock, drift_max_ns, policy)
        journal.sequence = sequence
        return journal

    @property
    def operator_address(self) -> bytes:
        """20 bytes."""
        return self._key.address

    @property
    def policy(self) -> Policy:
        """The operator's limits."""
        return self._cache.policy

    async def close(self) -> None:
        """Write what waits, then stop. The engine stays its owner's."""
        self._closing = True
        self._wake.set()
        await self._committer

    async def ask(self, request: Request[T]) -> T:
        """Have a request decided and written with whatever else waits; its answer, once the commit stands.

        Raises what the request raises, JournalBusy (nothing was written) and JournalUnknown (ask the same again).
        """
        if self._closing or len(self._queue) >= WAITING_MAX:
            raise JournalBusy
        waiting = Waiting(request)
        self._queue.append(waiting)
        self._wake.set()
        return cast(T, await waiting.future)

    async def open_holder(self, genesis: HolderGenesis, accounts: Sequence[tuple[Currency, str]] = ()) -> Holder:
        """Open a holder and accounts of theirs. The same document again gives the same holder."""
        rows = tuple(new_account(genesis.holder_id, currency, purpose) for currency, purpose in accounts)
        return await self.ask(OpenHolder(genesis, os.urandom(32), rows))

    async def open_account(self, holder_id: bytes, currency: Currency, purpose: str) -> Account:
        """Open an account of a holder, or of the operator (32 zero bytes). Idempotent. Raises HolderUnknown."""
        row = await self.ask(OpenAccount(new_account(holder_id, currency, purpose)))
        return row.account

    async def post(self, transfers: Sequence[Transfer], source: Source | None = None) -> list[Outcome]:
        """Post operator-side transfers. With a source they are one chain, posted once for that outside event.

        Raises DebitUnauthorised for a plain debit of a person's account, NonceConflict for a source that was posted
        with another id, JournalBusy, JournalUnknown.
        """
        return await self.ask(Post(tuple(transfers), source))

    async def submit(
        self,
        signed: SignedOrder,
        legs: Sequence[Transfer],
        texts: Mapping[str, SaltedText] | None = None,
        signer: bytes | None = None,
    ) -> OrderResult:
        """Carry out an order whose authority was checked: `signer` is what `authorise` gave. A known nonce gives its
        first answer.

        Raises NonceConflict (other content), OrderRefused's kinds, HolderUnknown, JournalBusy, JournalUnknown.
        """
        request = Submit(signed, signed.order.digest(self.ledger_id), tuple(legs), dict(texts or {}), signer)
        return await self._with_receipt(await self.ask(request))

    async def control(self, signed: SignedOrder) -> OrderResult:
        """Carry out a control order, once; a known nonce gives its first answer. Checks who signed it.

        Raises OrderRefused's kinds (its nonce stays free), NonceConflict, HolderUnknown, JournalBusy, JournalUnknown.
        """
        return await self._with_receipt(await self.ask(Control(signed, signed.order.digest(self.ledger_id))))

    async def order_result(self, holder_id: bytes, nonce: bytes, digest: bytes | None = None) -> OrderResult | None:
        """The first answer to this nonce; None when it is free. With `digest`: NonceConflict for other content.

        Raises JournalUnknown after a failed commit, as long as what can be read may not be on the disk.
        """
        await self._certain()
        async with self._engine.connect() as conn:
            known = await history.known_order_by_nonce(conn, holder_id, nonce)
        if known is None:
            return None
        return await self._with_receipt(answer(known, known.digest if digest is None else digest, nonce))

    async def release_expired(self) -> None:
        """Write expiries for what is due, as every batch does before it: for a worker, when nobody posts."""
        await self.ask(Post(()))

    async def forget_dead(self) -> None:
        """Forget recorded refusals of orders that can never be accepted any more: for a worker, once an hour."""
        async with self._writing.begin() as conn:
            await forget_dead(conn, self._clock() // NANOSECONDS)

    async def erase_texts(self, hashes: Sequence[bytes]) -> None:
        """Erase what people were shown, with its salts. Every proof stays valid; the hashes no longer tell anything."""
        async with self._writing.begin() as conn:
            await erase(conn, hashes)

    async def keys(self, holder_id: bytes) -> Keys:
        """Who may sign for the holder now. Raises HolderUnknown."""
        async with self._engine.connect() as conn:
            found = await history.keys_of(conn, holder_id, self._clock())
        if found is None:
            raise HolderUnknown("0x" + holder_id.hex())
        return found

    async def receipt(self, sequence: int) -> Receipt:
        """The record, its path and its seal. Raises JournalBroken for a sequence that is not there."""
        for batch in reversed(self._recent):
            if sequence in batch:
                return batch.receipt(sequence)
        async with self._engine.connect() as conn:
            found = await history.seal_of(conn, sequence)
        if found is None:
            raise JournalBroken(sequence, "no such record")
        batch = SealedBatch(*found)
        self._recent.append(batch)
        return batch.receipt(sequence)

    async def signed_head(self, holder_id: bytes) -> Head:
        """The holder's count, head and balances at one point of the journal, signed. Raises HolderUnknown."""
        async with self._engine.connect() as conn:
            return await signed_head(conn, self._key, self.ledger_id, holder_id, self._clock())

    async def leaves(self, holder_id: bytes, since_count: int, limit: int = 1000) -> list[bytes]:
        """Leaf hashes of the holder's records after their first `since_count`, oldest first; see `record.follow`."""
        async with self._engine.connect() as conn:
            return await history.leaves(conn, holder_id, since_count, limit)

    async def _with_receipt(self, result: OrderResult) -> OrderResult:
        if result.sequence is None:
            return result
        receipt = await self.receipt(result.sequence)
        return OrderResult(result.status, result.sequence, receipt, result.first, result.recorded)

    async def _run(self) -> None:
        """The committer: one batch after the other, each of all that waits."""
        while self._queue or not self._closing:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
                continue
            batch, events = [self._queue.popleft()], 0
            while self._queue and events < BATCH_EVENTS_MAX:
                events += batch[-1].request.size
                batch.append(self._queue.popleft())
            await self._settle(batch)

    async def _settle(self, waiting: list[Waiting]) -> None:
        """Commit a batch and answer it. One that the database refuses is tried again request by request."""
        error: Exception | None = None
        try:
            await self._commit(waiting)
        except Exception as caught:  # whatever it is, it is an answer: nobody may wait for ever
            error = caught
        if error is not None and not isinstance(error, FiatError) and len(waiting) > 1:
            for one in waiting:
                await self._settle([one])
            return
        for one in waiting:
            if error is not None:
                one.error = error if isinstance(error, FiatError) else _busy(error)
            one.settle()

    async def _commit(self, waiting: list[Waiting]) -> None:
        failed = False
        for attempt in range(ATTEMPTS_MAX):
            try:
                await self._certain()
                # Whoever lost once takes the head's lock, so that two busy processes take turns.
                return await self._attempt(waiting, lock=attempt > 0)
            except HeadMoved as moved:
                failed = failed or isinstance(moved, CommitFailed)
            except Exception as error:
                if failed:
                    raise JournalUnknown from error
                raise
            finally:
                self._cache.forget_batch()
        # A commit that failed may yet come to stand: "nothing was written" is then more than anybody knows.
        raise JournalUnknown if failed else JournalBusy

    async def _certain(self) -> None:
        """After a failed commit: nothing is answered before what can be read is on the disk. Raises JournalUnknown."""
        if self._doubtful:
            await settle(self._engine)
            self._doubtful = False

    async def _attempt(self, waiting: list[Waiting], *, lock: bool) -> None:
        """Decide everything over one snapshot and write it. Raises HeadMoved when another writer was first."""
        try:
            async with self._committing.connect() as conn:
                transaction = await conn.begin()
                batch = await self._decided(conn, waiting, lock=lock)
                self.sequence = max(self.sequence, batch.head.sequence)
                if batch.empty:
                    await check_unmoved(conn, batch.head)
                    return
                new_head, sealed = self._sealed(batch)
                try:
                    await self._write(conn, batch, new_head, sealed.seal if sealed else None)
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
            self._cache.clear(-1)  # nothing of a batch that failed may be believed
            raise
        self._written(batch, sealed)

    async def _decided(self, conn: AsyncConnection, waiting: list[Waiting], *, lock: bool) -> Batch:
        head = await read_head(conn, lock=lock)
        if head is None:
            raise JournalBroken(0, "the head is gone")
        if head.version != self._cache.version:
            self._cache.clear(head.version)
            self._due_next = 0
        batch = Batch(self._cache, head, self._clock())
        await self._prepare(conn, batch, waiting)
        decide(batch, waiting)
        return batch

    async def _write(self, conn: AsyncConnection, batch: Batch, new_head: JournalHead, seal: Seal | None) -> None:
        clock_us = await swap_head(conn, batch.head, new_head)
        if clock_us is not None and self._drift_max_ns is not None:
            drift_ns = batch.cursor - clock_us * 1000
            if abs(drift_ns) > self._drift_max_ns:
                raise JournalClockWrong(drift_ns // 1_000_000)
        await write(conn, batch, seal)

    async def _prepare(self, conn: AsyncConnection, batch: Batch, waiting: list[Waiting]) -> None:
        """Load what the batch needs, and release first what is due."""
        wanted = Wanted()
        due: list[Transfer] = []
        for one in waiting:
            one.request.want(wanted)
        if self._due_next is not None and self._due_next <= batch.cursor:
            due, self._due_next = await load_due(conn, self._cache, batch.cursor)
            wanted.accounts.update(i for t in due for i in (t.debit_account_id, t.credit_account_id))
        await load_uses(conn, self._cache, wanted)
        await load(conn, self._cache, wanted)
        if due:
            batch.release(due)

    def _sealed(self, batch: Batch) -> tuple[JournalHead, SealedBatch | None]:
        """The head that the batch moves to and, where it has records, their seal."""
        old, sealed = batch.head, None
        number, digest = old.seal_number, old.seal_digest
        if batch.bodies:
            number += 1
            tree = MerkleTree(batch.leaves)
            seal = seal_batch(
                self._key,
                self.ledger_id,
                number=number,
                previous=old.seal_digest,
                first_sequence=old.sequence + 1,
                tree=tree,
                timestamp=batch.cursor,
                counters=batch.counters_hash,
            )
            digest = seal.digest(self.ledger_id)
            sealed = SealedBatch(seal, batch.bodies, tree)
        return JournalHead(old.version + 1, batch.sequence, batch.cursor, number, digest, os.urandom(16)), sealed

    def _written(self, batch: Batch, sealed: SealedBatch | None) -> None:
        batch.keep()
        self.sequence = batch.sequence
        if batch.due_next is not None:
            self._due_next = min(self._due_next or batch.due_next, batch.due_next)
        if sealed is not None:
            self._recent.append(sealed)


def _busy(error: Exception) -> JournalBusy:
    busy = JournalBusy()
    busy.__cause__ = error
    return busy
