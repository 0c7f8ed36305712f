"""Receipts that the block's header proves: their trie's root stands in it (EIP-2718, EIP-658). Pure.

So whoever believes a block's hash need not believe what a node says of its logs and of what failed: an answer with a
log left out, added or changed, or with another status, has another root.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chain.block import Block, listed, members
from chain.bloom import BLOOM_BYTES
from chain.errors import AnswerMalformed
from chain.events import RawLog
from chain.quantity import data, quantity
from chain.rlp import Item, encode, encode_integer
from chain.trie import ordered_root

TYPE_MAX = 4
"""The newest kind of transaction whose receipt is encoded as here; others cannot be proven."""


class ProvenReceipt(NamedTuple):
    """`logs` carry places that follow from the block, not those that the node told."""

    succeeded: bool
    contract_address: bytes | None
    logs: tuple[RawLog, ...]


def proven_receipts(block: Block, answers: Sequence[object]) -> list[ProvenReceipt]:
    """Of every transaction of the block, in its order. Raises AnswerMalformed for what its header disproves.

    Where the header has no root, or a kind of receipt is unknown, only the shape is checked.
    """
    if len(answers) != len(block.transaction_hashes):
        raise AnswerMalformed("a receipt for each transaction expected")
    receipts = [members(answer) for answer in answers]
    for receipt, transaction_hash in zip(receipts, block.transaction_hashes, strict=True):
        told = data(receipt.get("transactionHash"), 32), data(receipt.get("blockHash"), 32)
        if told != (transaction_hash, block.hash):
            raise AnswerMalformed("a receipt of something else")
    kinds = [quantity(receipt.get("type", "0x0"), 63) for receipt in receipts]
    contents = [_content(receipt) for receipt in receipts]
    if block.receipts_root is not None and all(kind <= TYPE_MAX for kind in kinds):
        encoded = [_encoded(kind, content) for kind, content in zip(kinds, contents, strict=True)]
        if ordered_root(encoded) != block.receipts_root:
            raise AnswerMalformed("receipts that the block's header disproves")
    return _placed(block, receipts, contents)


class _Content(NamedTuple):
    status: int
    gas: int
    bloom: bytes
    logs: tuple[tuple[bytes, tuple[bytes, ...], bytes], ...]


def _content(receipt: Mapping[str, object]) -> _Content:
    bloom = data(receipt.get("logsBloom"), BLOOM_BYTES)
    logs = tuple(_log(members(log)) for log in listed(receipt.get("logs"), 100_000))
    return _Content(quantity(receipt.get("status"), 1), quantity(receipt.get("cumulativeGasUsed"), 63), bloom, logs)


def _log(log: Mapping[str, object]) -> tuple[bytes, tuple[bytes, ...], bytes]:
    topics = tuple(data(topic, 32) for topic in listed(log.get("topics"), 4))
    return data(log.get("address"), 20), topics, data(log.get("data"))


def _encoded(kind: int, content: _Content) -> bytes:
    logs: list[Item] = [[address, list(topics), body] for address, topics, body in content.logs]
    body = encode([encode_integer(content.status), encode_integer(content.gas), content.bloom, logs])
    return bytes([kind]) + body if kind else body


def _placed(
    block: Block, receipts: Sequence[Mapping[str, object]], contents: Sequence[_Content]
) -> list[ProvenReceipt]:
    found, index = [], 0
    for place, (receipt, content) in enumerate(zip(receipts, contents, strict=True)):
        transaction_hash = block.transaction_hashes[place]
        logs = []
        for address, topics, body in content.logs:
            where = (block.hash, block.number, transaction_hash, place, index)
            logs.append(RawLog(address, topics, body, *where))
            index += 1
        created = receipt.get("contractAddress")
        contract = None if created is None else data(created, 20)
        found.append(ProvenReceipt(content.status == 1, contract, tuple(logs)))
    return found
