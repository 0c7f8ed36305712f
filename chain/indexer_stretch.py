"""A stretch of blocks, read in parts that are asked for ahead of their turn and come in the chain's order.

While one part is on its way, the next are asked for; while rows are being written, more are read: node, indexer and
database work at once. What is in memory is bounded: a few parts, and twice as many rows as are written together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chain.block import Block
from chain.errors import ChainError, StretchTooLong
from chain.indexer_rows import Rows

PART_BLOCKS = 64
PARTS_AHEAD = 3
ROWS_TOGETHER = 4000
Found = tuple[list[Block], Rows]
Read = Callable[[int, int], Awaitable[Found | None]]
"""The blocks from one height to another and what is in them; None where the answers do not hang together."""
Write = Callable[[list[Block], Rows], Awaitable[bool]]
"""Some blocks in a row, each naming the one before it; False where they are of no use."""


@dataclass(slots=True)
class StretchReader:
    """`size` blocks are asked for in one go: half as many where a node finds them too many, twice where it did not."""

    size: int = PART_BLOCKS

    async def read(self, first: int, last: int, read: Read, write: Write) -> bool:
        """False where the answers did not hang together, since the chain moved meanwhile. What came before that, or
        before an error, is written. Raises what `read` and `write` raise, but StretchTooLong only for a single block.
        """
        held = _Held(write)
        try:
            whole = await self._through(first, last, read, held)
            await held.finish()
        except ChainError:
            await held.finish()
            raise
        finally:
            await _cancelled([held.writing] if held.writing else [])
        return whole

    async def _through(self, first: int, last: int, read: Read, held: _Held) -> bool:
        ahead: deque[tuple[int, int, asyncio.Future[Found | None]]] = deque()
        following = first
        try:
            while first <= last:
                while following <= last and len(ahead) < PARTS_AHEAD:
                    until = min(last, following + self.size - 1)
                    ahead.append((following, until, asyncio.ensure_future(read(following, until))))
                    following = until + 1
                first, until, part = ahead.popleft()
                try:
                    found = await part
                except StretchTooLong:
                    await _give_up(ahead)
                    following, self.size = first, max(1, (until - first + 1) // 2)
                    continue
                if found is None or not held.fits(found[0]):
                    return False
                if not await held.take(*found):
                    return True
                if until - first + 1 >= self.size:
                    self.size = min(PART_BLOCKS, 2 * self.size)
                first = until + 1
            return True
        finally:
            await _give_up(ahead)


@dataclass(slots=True)
class _Held:
    """What was read and is not written yet; `writing` is what was handed over before. Nothing is written once a write
    said that it is of no use.
    """

    write: Write
    blocks: list[Block] = field(default_factory=list)
    rows: Rows = field(default_factory=Rows)
    writing: asyncio.Future[bool] | None = None
    is_wanted: bool = True

    def fits(self, blocks: list[Block]) -> bool:
        return not self.blocks or blocks[0].parent_hash == self.blocks[-1].hash

    async def take(self, blocks: list[Block], rows: Rows) -> bool:
        """False where no more is wanted."""
        self.blocks += blocks
        self.rows.add(rows)
        if self.rows.count >= ROWS_TOGETHER:
            await self._hand_over()
        return self.is_wanted

    async def finish(self) -> None:
        await self._hand_over()
        await self._written()

    async def _hand_over(self) -> None:
        """One write after the other: each wants the one before it to be there."""
        await self._written()
        blocks, rows = self.blocks, self.rows
        self.blocks, self.rows = [], Rows()
        if blocks and self.is_wanted:
            self.writing = asyncio.ensure_future(self.write(blocks, rows))

    async def _written(self) -> None:
        writing, self.writing = self.writing, None
        if writing is not None and not await writing:
            self.is_wanted = False


async def _give_up(ahead: deque[tuple[int, int, asyncio.Future[Found | None]]]) -> None:
    waiting = [part for _, _, part in ahead]
    ahead.clear()
    await _cancelled(waiting)


async def _cancelled(waiting: Sequence[asyncio.Future[Any]]) -> None:
    """Ended, whatever they came to."""
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
