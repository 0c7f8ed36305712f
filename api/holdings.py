"""Reads what a person holds, on both sides, and keeps the answer while neither side has moved.

An answer is kept by block and journal sequence, and for a few seconds at most: prices grow stale, and another process
may register an address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.feeds import PriceFeeds
from api.freshness import Latest, Recent
from api.portfolio import ChainState, Holdings, Waiting, portfolio
from api.prices import PriceBook
from api.tables import addresses
from chain.address import Address
from chain.errors import NodeError
from chain.indexer_store import IndexerStore
from chain.node import Node
from chain.token import Token, TokenAmount
from fiat import history
from fiat.control import added_keys
from fiat.currency import Currency
from fiat.history_notices import active
from fiat.journal import Journal
from fiat.limit import own_limits

TIP_NS_MAX = 250_000_000
TIP_SECONDS_MAX = 5
KEPT_NS_MAX = 5_000_000_000
KEPT_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Tip:
    """The chain's newest block and the feeds there, as asked at `at` (ns); `block` is None when no node answers.

    Its hash tells a restarted chain from the old one at the same height.
    """

    at: int
    block: int | None
    hash: bytes
    prices: PriceBook


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, and what it holds for."""

    sequence: int
    block: bytes
    body: bytes


class HoldingsReader:
    """Answers GET /portfolio, as the bytes to send. `clock` gives Unix nanoseconds."""

    def __init__(
        self,
        engine: AsyncEngine,
        journal: Journal,
        node: Node,
        chain_id: int,
        feeds: PriceFeeds,
        tokens: Sequence[Token],
        index: IndexerStore,
        clock: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._node = node
        self._chain_id = chain_id
        self._feeds = feeds
        self._tokens = tuple(tokens)
        self._index = index
        self._clock = clock
        self._tip = Tip(0, None, b"", PriceBook(0))
        self._asking = asyncio.Lock()
        self._sequence = Latest(self._read_sequence)
        self._kept: Recent[tuple[bytes, str], _Kept] = Recent(KEPT_NS_MAX, KEPT_MAX)

    def forget(self, holder: bytes) -> None:
        """Something else than block or journal has changed for this holder."""
        self._kept.forget(lambda key: key[0] == holder)

    async def portfolio(self, holder: bytes, currency: Currency) -> bytes:
        """The JSON of the holder's portfolio, valued in `currency`."""
        key, now = (holder, currency.code), self._clock()
        tip, sequence = await self.tip(), await self._sequence.get()
        kept = self._kept.get(key, now)
        if kept is not None and (kept.sequence, kept.block) == (sequence, tip.hash):
            return kept.body
        holdings = await self._read(holder, tip)
        body = portfolio(holdings, currency, now).model_dump_json(by_alias=True).encode()
        self._kept.put(key, _Kept(sequence, tip.hash, body), now)
        return body

    async def prices(self) -> PriceBook:
        """The feeds as last read, a few seconds old at most."""
        return (await self.tip()).prices

    async def _read_sequence(self) -> int:
        async with self._engine.connect() as conn:
            return await history.last_sequence(conn)

    async def tip(self) -> Tip:
        """The newest block, asked for at most four times a second however many wait for it."""
        if 0 <= self._clock() - self._tip.at <= TIP_NS_MAX:
            return self._tip
        async with self._asking:
            now = self._clock()
            if not 0 <= now - self._tip.at <= TIP_NS_MAX:
                self._tip = await self._ask_tip(now)
            return self._tip

    async def _ask_tip(self, now: int) -> Tip:
        try:
            async with asyncio.timeout(TIP_SECONDS_MAX):
                block = await self._node.latest()
                if block.hash == self._tip.hash and now - self._tip.prices.now * 10**9 < KEPT_NS_MAX:
                    return Tip(now, block.number, block.hash, self._tip.prices)
                return Tip(now, block.number, block.hash, await self._feeds.read(now // 10**9))
        except (NodeError, TimeoutError):
            return Tip(self._clock(), None, b"", PriceBook(now // 10**9))

    async def _read(self, holder: bytes, tip: Tip) -> Holdings:
        head = await self._journal.signed_head(holder)
        tokens = await self._tokens_of(holder) if tip.block is not None else None
        indexed = await self._index.tip()
        state = ChainState(
            chain_id=self._chain_id,
            state="unreachable" if tokens is None else "current",
            block=tip.block,
            lag_blocks=None if tokens is None else 0,
            generation=None if indexed is None else indexed.lives,
            untraced_from=None if indexed is None else indexed.untraced_from,
        )
        return Holdings(head, await self._waiting(holder), tokens, state, tip.prices)

    async def _waiting(self, holder_id: bytes) -> Waiting:
        async with self._engine.connect() as conn:
            holds = await active(conn, holder_id)
            holder = await history.holder(conn, holder_id)
        assert holder is not None, "its head was signed just now"
        now = self._clock()
        changes = sum(each.effective_at > now for each in added_keys(holder.keyring))
        changes += sum(own.pending(now) is not None for own in own_limits(holder.limits).values())
        return Waiting(operator_holds=holds, pending_changes=changes, frozen=holder.frozen)

    async def _tokens_of(self, holder: bytes) -> list[TokenAmount] | None:
        """The sums over the holder's addresses; a token whose contract does not answer is left out."""
        async with self._engine.connect() as conn:
            query = select(addresses.c.address).where(
                addresses.c.holder == holder, addresses.c.chain_id == self._chain_id
            )
            owners = [Address.from_bytes(raw) for raw in (await conn.execute(query)).scalars()]
        units = dict.fromkeys(self._tokens, 0)
        try:
            for owner in owners:
                for amount in await self._node.balances(owner, self._tokens):
                    if amount is not None:
                        units[amount.token] += amount.units
        except NodeError:
            return None
        return [TokenAmount(total, token) for token, total in units.items()]
