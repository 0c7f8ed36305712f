"""A stretch of blocks, read in parts that are asked for ahead of their turn and come in the chain's order.

While one part is on its way or being written, the next are fetched, so node, indexer and database work at once. What
is in memory is bounded: a few parts, and as many rows as are written together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

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
        except ChainError:
            await held.flush()
            raise
        await held.flush()
        return whole

    async def _through(self, first: int, last: int, read: Read, held: _Held) -> bool:
        ahead: deque[tuple[int, int, asyncio.Task[Found | None]]] = deque()
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
    """What was read and is not written yet."""

    write: Write
    blocks: list[Block] = field(default_factory=list)
    rows: Rows = field(default_factory=Rows)

    def fits(self, blocks: list[Block]) -> bool:
        return not self.blocks or blocks[0].parent_hash == self.blocks[-1].hash

    async def take(self, blocks: list[Block], rows: Rows) -> bool:
        self.blocks += blocks
        self.rows.add(rows)
        return self.rows.count < ROWS_TOGETHER or await self.flush()

    async def flush(self) -> bool:
        blocks, rows = self.blocks, self.rows
        self.blocks, self.rows = [], Rows()
        return not blocks or await self.write(blocks, rows)


async def _give_up(ahead: deque[tuple[int, int, asyncio.Task[Found | None]]]) -> None:
    tasks = [task for _, _, task in ahead]
    ahead.clear()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
