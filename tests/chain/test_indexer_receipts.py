"""Receipts of whole blocks: by one question where a node knows it, else by one each, never too many at once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chain import indexer_receipts
from chain.address import Address
from chain.block import Block
from chain.devnet import fund
from chain.errors import AnswerMalformed, AnswerTooLarge, NodeRefused
from chain.indexer_receipts import ReceiptReader
from chain.node import Node
from chain.node_provider import Call

BOB = Address("0x" + 20 * "b0")


class Watching(Node):
    """A real node; remembers what was asked, and may not know the question for whole blocks."""

    asked: list[str]
    knows = True

    async def outcomes(self, calls: Sequence[Call]) -> list[object | NodeRefused]:
        self.asked += [method for method, _ in calls]
        if not self.knows:
            calls = [(method.replace("eth_getBlockReceipts", "eth_unheardOf"), params) for method, params in calls]
        return await super().outcomes(calls)


async def blocks_of(node: Node) -> list[Block]:
    found = await node.blocks(range(await node.height() + 1))
    return [block for block in found if block is not None]


async def test_one_question_a_block_or_one_a_receipt(chain_node: Node) -> None:
    await fund(chain_node, BOB, 1, 5)
    blocks = await blocks_of(chain_node)
    async with Watching(chain_node.url, 31337) as node:
        node.asked = []
        whole = await ReceiptReader(node).read(blocks)
        node.knows = False
        reader = ReceiptReader(node)
        node.asked = []
        assert await reader.read(blocks) == whole and reader.lacking == {node.url}
        node.asked = []
        assert await reader.read(blocks) == whole
        assert node.asked == [], "it is not asked for what it does not know"
    assert whole is not None and [len(whole[b.number]) for b in blocks] == [len(b.transaction_hashes) for b in blocks]
    assert any(log for receipts in whole.values() for one in receipts for log in one.logs)


async def test_a_block_that_is_gone_has_none(anvil: Node) -> None:
    snapshot = await anvil.call("evm_snapshot")
    await fund(anvil, BOB, 1, 5)
    blocks = await blocks_of(anvil)
    await anvil.call("evm_revert", [snapshot])
    for knows in (True, False):
        async with Watching(anvil.url, 31337) as node:
            node.asked, node.knows = [], knows
            assert await ReceiptReader(node).read(blocks) is None


async def test_answers_that_are_too_large_are_asked_for_in_smaller_parts(anvil: Node) -> None:
    for _ in range(6):
        await fund(anvil, BOB, 0, 5)
    blocks = await blocks_of(anvil)
    whole = await ReceiptReader(anvil).read(blocks)
    async with Node(anvil.url, 31337, answer_bytes_max=6_000) as narrow:
        assert await ReceiptReader(narrow).read(blocks[-6:]) == {b.number: (whole or {})[b.number] for b in blocks[-6:]}
    async with Node(anvil.url, 31337, answer_bytes_max=600) as narrow:
        with pytest.raises(AnswerTooLarge):
            await ReceiptReader(narrow).read(blocks)


async def test_groups_are_bounded(anvil: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer_receipts, "RECEIPTS_TOGETHER", 2)
    blocks = [block for block in await blocks_of(anvil) if block.transaction_hashes]
    trips: list[int] = []

    class Counted(Node):
        async def outcomes(self, calls: Sequence[Call]) -> list[object | NodeRefused]:
            trips.append(len(calls))
            return await super().outcomes(calls)

    async with Counted(anvil.url, 31337) as node:
        found = await ReceiptReader(node).read(blocks)
    assert set(found or {}) == {block.number for block in blocks}
    assert sum(trips) == len(blocks) and max(trips) <= 2


async def test_a_block_of_another_place_is_no_answer(anvil: Node) -> None:
    """Asked by its hash, a node that tells another block's receipts is not merely one whose chain moved."""
    await fund(anvil, BOB, 0, 5)
    blocks = [block for block in await blocks_of(anvil) if block.transaction_hashes]

    class Mixing(Node):
        async def outcomes(self, calls: Sequence[Call]) -> list[object | NodeRefused]:
            return list(reversed(await super().outcomes(calls)))

    async with Mixing(anvil.url, 31337) as node:
        with pytest.raises(AnswerMalformed):
            await ReceiptReader(node).read(blocks[-2:])
