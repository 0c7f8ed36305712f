"""What the indexer recorded, as its readers see it."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from enum import IntEnum

from chain.address import Address


class Kind(IntEnum):
    """What moves, or what may be taken. Stored: numbers stay."""

    NATIVE = 0  # the chain's own coin, by the transaction itself
    INNER = 1  # the chain's own coin, inside a contract's call
    ERC20 = 2
    ERC721 = 3
    ERC1155 = 4
    ALL = 5  # an approval for everything of a collection (ERC-721, ERC-1155)


@dataclass(frozen=True, slots=True)
class Position:
    """Where in time and in a chain's life a transfer stands; ordered as it happened. `str` and `parse` make a cursor.

    `log_index` is -1 for the chain's own coin; `part` counts within a log of several (ERC-1155) or a transaction's
    inner calls (from 1 on).
    """

    timestamp: int
    generation: int
    block_number: int
    transaction_index: int
    log_index: int
    part: int

    def __str__(self) -> str:
        return ".".join(str(number) for number in astuple(self))

    @property
    def place(self) -> str:
        """Without the time: the transfer's name within its chain."""
        return ".".join(str(number) for number in astuple(self)[1:])

    @classmethod
    def parse(cls, text: str) -> Position:
        """Raises ValueError."""
        numbers = [int(part) for part in text.split(".")]
        if len(numbers) != 6 or not all(-1 <= number < 2**63 for number in numbers):
            raise ValueError("no position")
        return cls(*numbers)


@dataclass(frozen=True, slots=True)
class RecordedTransfer:
    """A movement of a watched address. `token` None is the chain's own coin; `token_id` a piece's, or a class's.

    `succeeded` False: the transaction was included and failed, nothing moved (its fee was paid all the same).
    `archived`: it was on a chain, or a branch of it, that is gone.
    """

    position: Position
    transaction_hash: bytes
    kind: Kind
    token: Address | None
    token_id: int | None
    sender: Address
    receiver: Address
    units: int
    succeeded: bool
    archived: bool

    @property
    def timestamp(self) -> int:
        """The block's, in seconds."""
        return self.position.timestamp


@dataclass(frozen=True, slots=True)
class RecordedApproval:
    """What an owner said last of a spender: `number` is the allowance (ERC-20), the piece's id (ERC-721), or 1 and 0
    for everything of a collection. What was taken of an allowance since is not in it: ask the token.
    """

    position: Position
    transaction_hash: bytes
    kind: Kind
    token: Address
    owner: Address
    spender: Address
    number: int
