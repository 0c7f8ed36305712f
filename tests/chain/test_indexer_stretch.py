"""Parts of a stretch: in order however they arrive, a few at a time, and what came before a failure is kept."""

from __future__ import annotations

import asyncio

import pytest

from chain import indexer_stretch
from chain.block import Block
from chain.errors import NodeUnreachable, StretchTooLong
from chain.indexer_rows import Rows, TransferRow
from chain.indexer_stretch import PARTS_AHEAD, StretchReader


def block(number: int, branch: int = 0) -> Block:
    before = bytes([branch if number else 0]) + (number - 1).to_bytes(31, "big", signed=True)
    return Block(number, bytes([branch]) + number.to_bytes(31, "big"), before, 0, (), (), None, None)


def moves(count: int) -> Rows:
    return Rows([TransferRow(0, 0, 0, 0, 0, b"", 0, None, None, b"", b"", b"", 1)] * count)


class Chain:
    """What a node would tell; remembers what was asked for and written, and how much was on its way at once."""

    def __init__(self, rows_a_block: int = 0) -> None:
        self.asked: list[tuple[int, int]] = []
        self.written: list[list[int]] = []
        self.rows = 0
        self.most_at_once = 0
        self.now = 0
        self.branch_from = 10**9
        self.missing_from = 10**9
        self.fails_from = 10**9
        self.blocks_max = 10**9
        self.takes = 10**9
        self._rows_a_block = rows_a_block

    async def read(self, first: int, last: int) -> tuple[list[Block], Rows] | None:
        self.asked.append((first, last))
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            for _ in range(1 + 7 * len(self.asked) % 5):  # the later may well be there before the earlier
                await asyncio.sleep(0)
        finally:
            self.now -= 1
        if last - first + 1 > self.blocks_max:
            raise StretchTooLong(last - first + 1)
        if last >= self.fails_from:
            raise NodeUnreachable("here", "timeout")
        if last >= self.missing_from:
            return None
        found = [block(n, int(n >= self.branch_from)) for n in range(first, last + 1)]
        return found, moves(self._rows_a_block * len(found))

    async def write(self, blocks: list[Block], rows: Rows) -> bool:
        self.written.append([one.number for one in blocks])
        self.rows += rows.count
        self.takes -= 1
        return self.takes >= 0

    @property
    def numbers(self) -> list[int]:
        return [number for some in self.written for number in some]


async def test_parts_come_in_order_and_a_few_at_a_time() -> None:
    chain = Chain(rows_a_block=500)
    assert await StretchReader(size=4).read(3, 102, chain.read, chain.write)
    assert chain.numbers == list(range(3, 103))
    assert chain.rows == 100 * 500
    assert chain.most_at_once == PARTS_AHEAD
    assert len(chain.written) > 5, "rows are written some at a time"


async def test_what_is_little_is_written_once() -> None:
    chain = Chain()
    assert await StretchReader(size=1).read(0, 40, chain.read, chain.write)
    assert chain.written == [list(range(41))]


async def test_parts_that_are_too_long_are_halved_and_grow_again() -> None:
    chain, reader = Chain(), StretchReader(size=16)
    chain.blocks_max = 3
    assert await reader.read(0, 19, chain.read, chain.write)
    assert chain.numbers == list(range(20))
    chain.blocks_max = 10**9
    assert await reader.read(20, 300, chain.read, chain.write)
    assert chain.numbers == list(range(301)) and reader.size == indexer_stretch.PART_BLOCKS


async def test_a_single_block_that_is_too_long_is_not_asked_for_without_end() -> None:
    chain = Chain()
    chain.fails_from = 7

    async def read(first: int, last: int) -> tuple[list[Block], Rows] | None:
        if first < last:
            raise StretchTooLong(last - first + 1)
        return await chain.read(first, last)  # as indexer_scan has it, the node's own word stands for one block

    with pytest.raises(NodeUnreachable):
        await StretchReader(size=8).read(0, 9, read, chain.write)
    assert chain.numbers == list(range(7))


@pytest.mark.parametrize("what", ["missing_from", "fails_from", "branch_from"])
async def test_what_came_before_is_written(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer_stretch, "PART_BLOCKS", 5)  # no part is of both branches: who reads it looks into it
    chain = Chain()
    setattr(chain, what, 20)
    reading = StretchReader(size=5).read(0, 99, chain.read, chain.write)
    if what == "fails_from":
        with pytest.raises(NodeUnreachable):
            await reading
    else:
        assert not await reading, "the answers did not hang together"
    assert chain.numbers == list(range(20))
    assert chain.now == 0, "nothing is on its way any more"


async def test_who_has_no_use_for_it_stops_the_reading() -> None:
    chain = Chain(rows_a_block=indexer_stretch.ROWS_TOGETHER)
    chain.takes = 2
    assert await StretchReader(size=2).read(0, 99, chain.read, chain.write), "that is no fault of the answers"
    assert len(chain.written) == 3 and len(chain.asked) < 10
    assert chain.now == 0
