"""Logs as an indexer reads them: quickly, into bytes, and what they say of tokens (EIP-20, EIP-721, EIP-1155). Pure.

A log may say anything. One that does not have the shape of its event is no event; nothing here raises for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from chain.calldata import decode
from chain.errors import AnswerMalformed, CalldataMalformed
from chain.keccak import keccak256
from chain.quantity import data, quantity
from chain.recorded import Kind

TRANSFER = keccak256(b"Transfer(address,address,uint256)")
TRANSFER_SINGLE = keccak256(b"TransferSingle(address,address,address,uint256,uint256)")
TRANSFER_BATCH = keccak256(b"TransferBatch(address,address,address,uint256[],uint256[])")
APPROVAL = keccak256(b"Approval(address,address,uint256)")
APPROVAL_FOR_ALL = keccak256(b"ApprovalForAll(address,address,bool)")
TOPICS = (TRANSFER, TRANSFER_SINGLE, TRANSFER_BATCH, APPROVAL, APPROVAL_FOR_ALL)
PARTS_MAX = 4096
"""Of one TransferBatch; a block's gas allows no more that move anything."""
_PADDING, _ONE = bytes(12), (1).to_bytes(32, "big")


class RawLog(NamedTuple):
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_hash: bytes
    block_number: int
    transaction_hash: bytes
    transaction_index: int
    log_index: int


class Moved(NamedTuple):
    """`units` and `token_id` are 32 bytes, big endian; a piece of ERC-721 is one unit."""

    kind: Kind
    sender: bytes
    receiver: bytes
    units: bytes
    token_id: bytes | None


class Approved(NamedTuple):
    """`number` is the allowance (ERC-20), the piece's id (ERC-721), or 1 and 0 for everything of a collection."""

    kind: Kind
    owner: bytes
    spender: bytes
    number: bytes


def read_log(answer: object) -> RawLog:
    """Raises AnswerMalformed, also for a log that a reorganisation removed."""
    if not isinstance(answer, Mapping) or answer.get("removed") is True:
        raise AnswerMalformed("a log that stands expected")
    topics = answer.get("topics")
    if not isinstance(topics, list) or len(topics) > 4:
        raise AnswerMalformed("topics expected")
    return RawLog(
        data(answer.get("address"), 20),
        tuple(data(topic, 32) for topic in topics),
        data(answer.get("data")),
        data(answer.get("blockHash"), 32),
        quantity(answer.get("blockNumber"), 63),
        data(answer.get("transactionHash"), 32),
        quantity(answer.get("transactionIndex"), 63),
        quantity(answer.get("logIndex"), 63),
    )


def read_event(log: RawLog) -> list[Moved] | Approved | None:
    """None for what has no shape of these events."""
    topics = log.topics
    if not topics:
        return None
    kind = topics[0]
    if kind == TRANSFER:
        return _transfer(topics, log.data)
    if kind in (TRANSFER_SINGLE, TRANSFER_BATCH):
        return _multi(topics, log.data, single=kind == TRANSFER_SINGLE)
    if kind == APPROVAL:
        return _approval(topics, log.data)
    return _approval_for_all(topics, log.data) if kind == APPROVAL_FOR_ALL else None


def padded(address: bytes) -> bytes:
    """An address as a topic holds it."""
    return _PADDING + address


def _are_addresses(first: bytes, second: bytes) -> bool:
    return first[:12] == _PADDING == second[:12]


def _transfer(topics: tuple[bytes, ...], body: bytes) -> list[Moved] | None:
    if not 3 <= len(topics) <= 4 or not _are_addresses(topics[1], topics[2]):
        return None
    sender, receiver = topics[1][12:], topics[2][12:]
    if len(topics) == 3:
        return [Moved(Kind.ERC20, sender, receiver, body, None)] if len(body) == 32 else None
    return [Moved(Kind.ERC721, sender, receiver, _ONE, topics[3])] if not body else None


def _multi(topics: tuple[bytes, ...], body: bytes, *, single: bool) -> list[Moved] | None:
    if len(topics) != 4 or not (_are_addresses(topics[1], topics[2]) and _are_addresses(topics[2], topics[3])):
        return None
    sender, receiver = topics[2][12:], topics[3][12:]
    if single:
        return [Moved(Kind.ERC1155, sender, receiver, body[32:], body[:32])] if len(body) == 64 else None
    if len(body) > 64 * (PARTS_MAX + 2):
        return None
    try:
        ids, amounts = decode("(uint256[],uint256[])", body)
    except CalldataMalformed:
        return None
    assert isinstance(ids, (list, tuple)) and isinstance(amounts, (list, tuple))
    if len(ids) != len(amounts):
        return None
    words = zip(_words(ids), _words(amounts), strict=True)
    return [Moved(Kind.ERC1155, sender, receiver, units, token_id) for token_id, units in words]


def _words(numbers: list[object] | tuple[object, ...]) -> list[bytes]:
    return [number.to_bytes(32, "big") for number in numbers if isinstance(number, int)]


def _approval(topics: tuple[bytes, ...], body: bytes) -> Approved | None:
    if not 3 <= len(topics) <= 4 or not _are_addresses(topics[1], topics[2]):
        return None
    owner, spender = topics[1][12:], topics[2][12:]
    if len(topics) == 3:
        return Approved(Kind.ERC20, owner, spender, body) if len(body) == 32 else None
    return Approved(Kind.ERC721, owner, spender, topics[3]) if not body else None


def _approval_for_all(topics: tuple[bytes, ...], body: bytes) -> Approved | None:
    if len(topics) != 3 or not _are_addresses(topics[1], topics[2]) or len(body) != 32:
        return None
    if int.from_bytes(body, "big") > 1:
        return None
    return Approved(Kind.ALL, topics[1][12:], topics[2][12:], body)
