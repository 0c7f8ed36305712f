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
from chain.quantity import data, quantity, to_hex
from chain.rlp import encode, encode_integer, header
from chain.trie import ordered_root

TYPE_MAX = 4
"""The newest kind of transaction whose receipt is encoded as here; others cannot be proven."""
_BLOOM_HEADER = header(BLOOM_BYTES, 0x80)
_TOPICS_HEADERS = tuple(header(33 * count, 0xC0) for count in range(5))
_LogContent = tuple[bytes, tuple[bytes, ...], bytes]


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
    block_hash = to_hex(block.hash)
    for receipt, transaction_hash in zip(receipts, block.transaction_hashes, strict=True):
        if receipt.get("transactionHash") != to_hex(transaction_hash) or receipt.get("blockHash") != block_hash:
            raise AnswerMalformed("a receipt of something else")
    contents = [_content(receipt) for receipt in receipts]
    can_be_proven = block.receipts_root is not None and all(content.kind <= TYPE_MAX for content in contents)
    if can_be_proven and ordered_root([_encoded(content) for content in contents]) != block.receipts_root:
        raise AnswerMalformed("receipts that the block's header disproves")
    return _placed(block, contents)


class _Content(NamedTuple):
    kind: int
    succeeded: bool
    gas: int
    bloom: bytes
    logs: list[_LogContent]
    contract_address: bytes | None


def _content(receipt: Mapping[str, object]) -> _Content:
    created = receipt.get("contractAddress")
    return _Content(
        quantity(receipt.get("type", "0x0"), 63),
        quantity(receipt.get("status"), 1) == 1,
        quantity(receipt.get("cumulativeGasUsed"), 63),
        data(receipt.get("logsBloom"), BLOOM_BYTES),
        [_log(members(log)) for log in listed(receipt.get("logs"), 100_000)],
        None if created is None else data(created, 20),
    )


def _log(log: Mapping[str, object]) -> _LogContent:
    topics = tuple([data(topic, 32) for topic in listed(log.get("topics"), 4)])
    return data(log.get("address"), 20), topics, data(log.get("data"))


def _encoded(content: _Content) -> bytes:
    """In RLP, written out: the general encoder looks at each item's type, and there are a dozen in a receipt."""
    logs = b"".join([_encoded_log(*log) for log in content.logs])
    status = b"\x01" if content.succeeded else b"\x80"
    gas = encode(encode_integer(content.gas))
    body = b"".join((status, gas, _BLOOM_HEADER, content.bloom, header(len(logs), 0xC0), logs))
    whole = header(len(body), 0xC0) + body
    return bytes([content.kind]) + whole if content.kind else whole


def _encoded_log(address: bytes, topics: tuple[bytes, ...], body: bytes) -> bytes:
    """Address and topics have the one width that they can have: 20 bytes after 0x94, 32 after 0xa0."""
    parts = [b"\x94", address, _TOPICS_HEADERS[len(topics)]]
    for topic in topics:
        parts += (b"\xa0", topic)
    parts.append(encode(body))
    whole = b"".join(parts)
    return header(len(whole), 0xC0) + whole


def _placed(block: Block, contents: Sequence[_Content]) -> list[ProvenReceipt]:
    found, index = [], 0
    for place, content in enumerate(contents):
        transaction_hash = block.transaction_hashes[place]
        logs = []
        for log in content.logs:
            logs.append(RawLog._make((*log, block.hash, block.number, transaction_hash, place, index)))
            index += 1
        found.append(ProvenReceipt(content.succeeded, content.contract_address, tuple(logs)))
    return found
