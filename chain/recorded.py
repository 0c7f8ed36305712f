"""What the indexer recorded, as its readers see it."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from chain.address import Address


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a chain's life a transfer stands; ordered as the chain is. `str` and `parse` make it a cursor."""

    generation: int
    block_number: int
    transaction_index: int
    log_index: int

    def __str__(self) -> str:
        return ".".join(str(number) for number in astuple(self))

    @classmethod
    def parse(cls, text: str) -> Position:
        """Raises ValueError."""
        numbers = [int(part) for part in text.split(".")]
        if len(numbers) != 4 or not all(-1 <= number < 2**63 for number in numbers):
            raise ValueError("no position")
        return cls(*numbers)


@dataclass(frozen=True, slots=True)
class RecordedTransfer:
    """A movement of a watched address. `timestamp` is the block's, in seconds; `token` None is the chain's own coin.

    `succeeded` False: the transaction was included and failed, nothing moved (its fee was paid all the same).
    """

    position: Position
    timestamp: int
    transaction_hash: bytes
    token: Address | None
    sender: Address
    receiver: Address
    units: int
    succeeded: bool
