"""Keeps what the feeds said, and takes up reference rates that were imported: a worker's step."""

from __future__ import annotations

from api.feeds import PriceFeeds
from api.head_reader import HeadReader
from api.price_history import PriceHistory

REFERENCE_STEPS = 5
"""The second source is looked up every so many steps: another process may import a file."""


class PriceKeeper:
    """`asks` says whether the feeds are asked when nobody else does; else only what others asked for is kept."""

    def __init__(self, head: HeadReader, feeds: PriceFeeds, history: PriceHistory, *, asks: bool) -> None:
        self._head, self._feeds, self._history, self._asks = head, feeds, history, asks
        self._steps = 0

    async def begin(self) -> None:
        """What counted before this process began."""
        self._feeds.remember(await self._history.newest())
        self._feeds.reference = await self._history.reference()

    async def step(self) -> int:
        if self._asks:
            await self._head.tip()
        await self._history.keep(self._feeds.new_rounds())
        self._steps += 1
        if self._steps % REFERENCE_STEPS == 0:
            self._feeds.reference = await self._history.reference()
        return 0
