"""What a chain tells afterwards: blocks, receipts, logs, transfers, read strictly from a node's JSON.

Every `parse` raises AnswerMalformed for what no node of the execution API's specification answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chain.address import Address
from chain.errors import AddressMalformed, AnswerMalformed
from chain.quantity import data, quantity


@dataclass(frozen=True, slots=True)
class Log:
    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    index: int
    transaction_index: int
    transaction_hash: bytes
    block_hash: bytes
    block_number: int

    @classmethod
    def parse(cls, answer: object) -> Log:
        fields = members(answer)
        topics = listed(fields.get("topics"), 4)
        return cls(
            address=address(fields.get("address")),
            topics=tuple(data(topic, 32) for topic in topics),
            data=data(fields.get("data")),
            index=quantity(fields.get("logIndex"), 63),
            transaction_index=quantity(fields.get("transactionIndex"), 63),
            transaction_hash=data(fields.get("transactionHash"), 32),
            block_hash=data(fields.get("blockHash"), 32),
            block_number=quantity(fields.get("blockNumber"), 63),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction that a block includes. Gas price in wei; `succeeded` False means reverted.

    The price is None where a node of a chain without EIP-1559 does not tell it: it is the transaction's own.
    """

    transaction_hash: bytes
    succeeded: bool
    block_number: int
    block_hash: bytes
    gas_used: int
    effective_gas_price: int | None
    contract_address: Address | None
    logs: tuple[Log, ...]

    @property
    def fee(self) -> int | None:
        return None if self.effective_gas_price is None else self.gas_used * self.effective_gas_price

    @classmethod
    def parse(cls, answer: object) -> Receipt:
        fields = members(answer)
        created, price = fields.get("contractAddress"), fields.get("effectiveGasPrice")
        return cls(
            transaction_hash=data(fields.get("transactionHash"), 32),
            succeeded=quantity(fields.get("status"), 1) == 1,
            block_number=quantity(fields.get("blockNumber"), 63),
            block_hash=data(fields.get("blockHash"), 32),
            gas_used=quantity(fields.get("gasUsed"), 63),
            effective_gas_price=None if price is None else quantity(price),
            contract_address=None if created is None else address(created),
            logs=tuple(Log.parse(log) for log in listed(fields.get("logs"), 100_000)),
        )


@dataclass(frozen=True, slots=True)
class BlockTransaction:
    """A transaction of any type inside a block: only what a history needs."""

    hash: bytes
    index: int
    sender: Address
    to: Address | None
    value: int
    data: bytes
    gas: int

    @classmethod
    def parse(cls, answer: object) -> BlockTransaction:
        fields = members(answer)
        to = fields.get("to")
        return cls(
            hash=data(fields.get("hash"), 32),
            index=quantity(fields.get("transactionIndex"), 63),
            sender=address(fields.get("from")),
            to=None if to is None else address(to),
            value=quantity(fields.get("value")),
            data=data(fields.get("input")),
            gas=quantity(fields.get("gas"), 64),
        )


@dataclass(frozen=True, slots=True)
class Block:
    """`timestamp` in seconds since 1970; `transactions` empty where the node was asked for hashes only.

    `receipts_root` and `logs_bloom` are what the header says of the logs; not every kind of chain has them.
    """

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    transactions: tuple[BlockTransaction, ...]
    transaction_hashes: tuple[bytes, ...]
    receipts_root: bytes | None
    logs_bloom: int | None

    @classmethod
    def parse(cls, answer: object) -> Block:
        fields = members(answer)
        inside = listed(fields.get("transactions"), 100_000)
        whole = tuple(BlockTransaction.parse(t) for t in inside if not isinstance(t, str))
        root, bloom = fields.get("receiptsRoot"), fields.get("logsBloom")
        return cls(
            number=quantity(fields.get("number"), 63),
            hash=data(fields.get("hash"), 32),
            parent_hash=data(fields.get("parentHash"), 32),
            timestamp=quantity(fields.get("timestamp"), 63),
            transactions=whole,
            transaction_hashes=tuple(t.hash for t in whole) or tuple(data(t, 32) for t in inside),
            receipts_root=None if root is None else data(root, 32),
            logs_bloom=None if bloom is None else int.from_bytes(data(bloom, 256), "big"),
        )


@dataclass(frozen=True, slots=True)
class TokenTransfer:
    """One movement of an asset, as the chain recorded it; `token` None is the chain's own coin."""

    token: Address | None
    sender: Address
    receiver: Address
    units: int
    transaction_hash: bytes
    log_index: int | None


def members(answer: object) -> Mapping[str, object]:
    if not isinstance(answer, dict):
        raise AnswerMalformed("object expected")
    return answer


def listed(answer: object, length_max: int) -> list[object]:
    if not isinstance(answer, list) or len(answer) > length_max:
        raise AnswerMalformed("list expected")
    return answer


def address(answer: object) -> Address:
    if not isinstance(answer, str):
        raise AnswerMalformed("address expected")
    try:
        return Address(answer.lower())
    except AddressMalformed as error:
        raise AnswerMalformed("address expected") from error
