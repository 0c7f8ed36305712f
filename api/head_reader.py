"""What the chain says at its head: the newest block, the feeds there, and what else is wanted, in one round trip.

The block is shared by all who ask within a quarter of a second. Whoever really asks takes their own views along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api.feeds import PriceFeeds
from api.prices import PriceBook
from chain.errors import NodeError
from chain.node import Node
from chain.node_views import read_views, views_at_head
from chain.views import Answer, Bounds, View

TIP_NS_MAX = 250_000_000
TIP_SECONDS_MAX = 5
BOUNDS = Bounds(gas=200_000, answer_bytes=160)
"""Of one read. A balance of the dearest tokens that are in use costs a tenth of that, a feed's round a fifth."""


@dataclass(frozen=True, slots=True)
class Tip:
    """The chain's newest block and the prices there, as asked at `at` (ns); `block` is None when no node answers.

    Its hash tells a restarted chain from the old one at the same height.
    """

    at: int
    block: int | None
    hash: bytes
    prices: PriceBook


@dataclass(frozen=True, slots=True)
class Told:
    """A tip, and the answers to one's own views if they were read with it. `is_of_tip`: not of an older block."""

    tip: Tip
    answers: tuple[Answer, ...] | None = None
    is_of_tip: bool = True


class HeadReader:
    """`clock` gives Unix nanoseconds."""

    def __init__(self, node: Node, feeds: PriceFeeds, clock: Callable[[], int]) -> None:
        self._node, self._feeds, self._clock = node, feeds, clock
        self._tip = Tip(0, None, b"", PriceBook(0))
        self._asking = asyncio.Lock()

    @property
    def fresh(self) -> Tip | None:
        """The tip, if somebody asked for it just now."""
        return self._tip if 0 <= self._clock() - self._tip.at <= TIP_NS_MAX else None

    async def tip(self, views: Sequence[View] = ()) -> Told:
        """The newest block, asked for at most four times a second however many wait for it."""
        if (fresh := self.fresh) is not None:
            return Told(fresh)
        async with self._asking:
            if (fresh := self.fresh) is not None:
                return Told(fresh)
            told = await self._ask(views)
            self._tip = told.tip
            return told

    async def read(self, views: Sequence[View]) -> tuple[Answer, ...] | None:
        """Answers to views at the head, in a round trip of their own; None when no node answers."""
        try:
            async with asyncio.timeout(TIP_SECONDS_MAX):
                return tuple(await read_views(self._node, views, BOUNDS))
        except (NodeError, TimeoutError):
            return None

    async def _ask(self, views: Sequence[View]) -> Told:
        now, asked = self._clock(), self._feeds.views()
        try:
            async with asyncio.timeout(TIP_SECONDS_MAX):
                found = await views_at_head(self._node, [*asked, *views], BOUNDS)
        except (NodeError, TimeoutError):
            return Told(Tip(self._clock(), None, b"", PriceBook(now // 10**9)))
        prices = self._feeds.book(found.answers[: len(asked)], now // 10**9)
        tip = Tip(now, found.block.number, found.block.hash, prices)
        return Told(tip, found.answers[len(asked) :], found.is_of_block)
