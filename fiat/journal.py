"""The journal: the only writer of money. Group commit with compare-and-swap over a durable, sealed order of records.

One committer takes whatever waits, decides it in memory and writes it in one transaction: records, balances, and the
head moved from the version that was read. There is no timer: a lone call waits for nobody. If another process moved
the head, nothing is written and everything is decided again; bounded, then JournalBusy and the ids stay free.

Nothing is answered, a refusal neither, before the commit it rests on. Where a commit's outcome is not known the
journal looks for its own token in the head; only when it cannot does it raise JournalUnknown, and the same id asked
again finds out. It checks no signatures: that is `authority`, before it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from fiat import history
from fiat.authority import Keys, SaltedText
from fiat.currency import Currency
from fiat.errors import HolderUnknown, JournalBroken, OrderHeadUnknown
from fiat.head import Head
from fiat.holder import Holder, HolderGenesis, account_id
from fiat.journal_accept import Accept
from fiat.journal_cache import Cache
from fiat.journal_commit import settle
from fiat.journal_committer import Committer
from fiat.journal_control import Control
from fiat.journal_engine import writing
from fiat.journal_genesis import open_genesis
from fiat.journal_proofs import SealedBatch, signed_head
from fiat.journal_requests import OpenAccount, OpenHolder, Post, Request, Submit, answer
from fiat.journal_store import erase, forget_dead, was_head
from fiat.journal_values import OrderResult, Source, new_account
from fiat.limit import NO_POLICY, Policy
from fiat.order import LedgerControl, SignedOrder
from fiat.record import ledger_id
from fiat.seal import Receipt
from fiat.signature import OperatorKey
from fiat.transfer import NANOSECONDS, Account, Outcome, Transfer

DRIFT_MAX_NS = 2_000_000_000

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
        sequence: int,
    ) -> None:
        self._engine = engine
        self._writing = writing(engine)
        self._key = key
        self._clock = clock
        self.genesis = genesis
        """The canonical bytes of record 0."""
        self.ledger_id = ledger_id(genesis)
        self._committer = Committer(engine, key, self.ledger_id, clock, drift_max_ns, Cache(policy), sequence)

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
        return cls(engine, operator_key, genesis, clock, drift_max_ns, policy, sequence)

    @property
    def sequence(self) -> int:
        """The last record's sequence, as far as this process has seen."""
        return self._committer.sequence

    @property
    def operator_address(self) -> bytes:
        """20 bytes."""
        return self._key.address

    @property
    def policy(self) -> Policy:
        """The operator's limits."""
        return self._committer.cache.policy

    async def close(self) -> None:
        """Write what waits, then stop. The engine stays its owner's."""
        await self._committer.close()

    async def ask(self, request: Request[T]) -> T:
        """Have a request decided and written with whatever else waits; its answer, once the commit stands.

        Raises what the request raises, JournalBusy (nothing was written) and JournalUnknown (ask the same again).
        """
        answered: T = await self._committer.ask(request)
        return answered

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

    async def accept(
        self,
        signed: SignedOrder,
        signer: bytes,
        legs: Sequence[Transfer] = (),
        texts: Mapping[str, SaltedText] | None = None,
        receivers: Sequence[tuple[bytes, Currency]] = (),
    ) -> OrderResult:
        """Carry out an order of which only the signature was looked at: `signer` is whose it is. A control has no legs.

        Raises what `authorise` does, OrderHeadUnknown, PayeeUnknown where one of the receivers (holder, currency) has
        no main account, and what `submit` and `control` raise.
        """
        digest = signed.order.digest(self.ledger_id)
        asked: Submit | Control
        if isinstance(signed.order, LedgerControl):
            asked = Control(signed, digest)
        else:
            asked = Submit(signed, digest, tuple(legs), dict(texts or {}), signer)
        accounts = tuple((holder, account_id(holder, currency)) for holder, currency in receivers)
        try:
            result = await self.ask(Accept(asked, signer, accounts))
        except OrderHeadUnknown:
            # Only the last heads are looked through while others wait.
            async with self._engine.connect() as conn:
                if not await was_head(conn, signed.order.holder, signed.order.seen_head):
                    raise
            result = await self.ask(Accept(asked, signer, accounts, knows_head=True))
        return await self._with_receipt(result)

    async def control(self, signed: SignedOrder) -> OrderResult:
        """Carry out a control order, once; a known nonce gives its first answer. Checks who signed it.

        Raises OrderRefused's kinds (its nonce stays free), NonceConflict, HolderUnknown, JournalBusy, JournalUnknown.
        """
        return await self._with_receipt(await self.ask(Control(signed, signed.order.digest(self.ledger_id))))

    async def order_result(self, holder_id: bytes, nonce: bytes, digest: bytes | None = None) -> OrderResult | None:
        """The first answer to this nonce; None when it is free. With `digest`: NonceConflict for other content.

        Raises JournalUnknown after a failed commit, as long as what can be read may not be on the disk.
        """
        await self._committer.certain()
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
        for batch in reversed(self._committer.recent):
            if sequence in batch:
                return batch.receipt(sequence)
        async with self._engine.connect() as conn:
            found = await history.seal_of(conn, sequence)
        if found is None:
            raise JournalBroken(sequence, "no such record")
        batch = SealedBatch(*found)
        self._committer.recent.append(batch)
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
        return result._replace(receipt=await self.receipt(result.sequence))
