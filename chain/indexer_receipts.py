"""Whole blocks' receipts from a node, proven: asked block by block where it knows that question, else one by one.

`eth_getBlockReceipts` answers with what `eth_getTransactionReceipt` says of each transaction, at a fifth of the cost.
Blocks are asked for by their hash, so that what a chain that turned back has at that height is never taken for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chain.block import Block
from chain.errors import AnswerTooLarge, NodeRefused
from chain.node import Node
from chain.quantity import to_hex
from chain.receipt_proof import ProvenReceipt, proven_receipts

RECEIPTS_TOGETHER = 1000
"""So many are asked for in one go where a block has no more: they are in memory together."""
_UNSUPPORTED = (-32601, -32602, -32004)  # method not found (EIP-1474: not supported), or not by a block's hash


@dataclass(frozen=True, slots=True)
class ReceiptReader:
    """Of one node. `lacking` are the URLs behind it that do not know the question for a whole block."""

    node: Node
    lacking: set[str] = field(default_factory=set)

    async def read(self, blocks: Sequence[Block]) -> dict[int, list[ProvenReceipt]] | None:
        """By number. None where one is missing or of another block: the block it was in is gone.

        Raises AnswerMalformed for what a header disproves, AnswerTooLarge, NodeError.
        """
        proven: dict[int, list[ProvenReceipt]] = {}
        for group in _groups(blocks):
            for block, answers in zip(group, await self._answers(group), strict=True):
                if answers is None:
                    return None
                proven[block.number] = proven_receipts(block, answers)
        return proven

    async def _answers(self, blocks: Sequence[Block]) -> list[list[object] | None]:
        """Each block's receipts as the node tells them; None where it has no such block."""
        if self.node.provider.url in self.lacking:
            return [await self._one_by_one(block) for block in blocks]
        calls = [("eth_getBlockReceipts", (to_hex(block.hash),)) for block in blocks]
        try:
            outcomes = await self.node.outcomes(calls)
        except AnswerTooLarge:
            if len(blocks) == 1:
                return [await self._one_by_one(blocks[0])]
            half = len(blocks) // 2
            return [*await self._answers(blocks[:half]), *await self._answers(blocks[half:])]
        return [await self._told(block, outcome) for block, outcome in zip(blocks, outcomes, strict=True)]

    async def _told(self, block: Block, outcome: object | NodeRefused) -> list[object] | None:
        if isinstance(outcome, NodeRefused):
            if outcome.code in _UNSUPPORTED:
                self.lacking.add(self.node.provider.url)
            return await self._one_by_one(block)
        return outcome if isinstance(outcome, list) else None

    async def _one_by_one(self, block: Block) -> list[object] | None:
        calls = [("eth_getTransactionReceipt", (to_hex(one),)) for one in block.transaction_hashes]
        answers, ours = await self.node.batch(calls), to_hex(block.hash)
        moved = any(not isinstance(answer, dict) or answer.get("blockHash") != ours for answer in answers)
        return None if moved else answers


def _groups(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    group: list[Block] = []
    count = 0
    for block in blocks:
        if group and count + len(block.transaction_hashes) > RECEIPTS_TOGETHER:
            yield group
            group, count = [], 0
        group.append(block)
        count += len(block.transaction_hashes)
    if group:
        yield group
