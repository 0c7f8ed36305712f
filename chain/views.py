"""Many reads of contracts in one call: the question, and what its answers say. Pure.

The code is contracts/Views.sol, run as if to create a contract, so that nothing has to live on the chain. Each call
within has its own bound of gas and of bytes: a contract that spends for ever, reverts with a megabyte or answers with
one spoils only its own answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from chain.address import Address
from chain.errors import AnswerMalformed

CODE = bytes.fromhex(
    "608060405234801561000f575f5ffd5b50602038601f19015f395f51608081601f19833803018239818101815160e01c60845160e01c6088"
    "9350600183534360c01b608186015260898501603f830483015b8486101561010e57855160601c601487015160f01c601688018189016016"
    "810199508361009e576001865350600160e51b60018601525160601c3160058501525050602590910190610051565b60c88b8703828d0389"
    "01016015190102850161c350015a10156100d457600286535f600187015260058601955050505050610051565b505f5f8383868bfa925050"
    "503d80858211156100ee578591505b82855360e01b6001850152805f600586013e929092016005019150610051565b50858103607f190184"
    "f3fe"
)
"""What Views.sol compiles to; a test holds them equal."""
CALL_GAS_MAX = 15_000_000
"""What all calls of one question may spend together: within the 2^24 of EIP-7825 and the usual caps of nodes."""
QUESTION_BYTES_MAX = 40_000
"""Within EIP-3860's bound of code that creates (49,152 bytes)."""
ANSWERS_BYTES_MAX = 20_000
"""Within EIP-170's bound of code that is created (24,576 bytes)."""
_HEAD_BYTES = 9
_VERSION = 1
_STATES = frozenset(range(3))


class AnswerState(IntEnum):
    """What became of one call. UNTRIED: the node gave too little gas for all of them."""

    REVERTED = 0
    ANSWERED = 1
    UNTRIED = 2


@dataclass(frozen=True, slots=True)
class View:
    """One read: calldata for a contract. `to` None asks how many coins the owner in `data` (20 bytes) has."""

    to: Address | None
    data: bytes

    @classmethod
    def coins(cls, owner: Address) -> View:
        return cls(None, owner.raw)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one call: gas that it may spend, bytes of its answer that are kept."""

    gas: int = 200_000
    answer_bytes: int = 160

    def __post_init__(self) -> None:
        if not (32 <= self.answer_bytes <= 1024 and 30_000 <= self.gas <= CALL_GAS_MAX):
            raise ValueError("bounds out of bounds")


@dataclass(frozen=True, slots=True)
class Answer:
    """`data` are the first bytes of what came, as many as the bound allows; `size` is how many came."""

    state: AnswerState
    size: int = 0
    data: bytes = b""

    def word(self) -> int | None:
        """The one word that was answered; None for everything else, so for an address without code too."""
        fits = self.state is AnswerState.ANSWERED and self.size == len(self.data) == 32
        return int.from_bytes(self.data, "big") if fits else None

    def whole(self) -> bytes | None:
        """Everything that was answered; None where it reverted, was not tried, or is longer than what is kept."""
        return self.data if self.state is AnswerState.ANSWERED and self.size == len(self.data) else None


def chunks(views: Sequence[View], bounds: Bounds) -> list[Sequence[View]]:
    """In their order, so many together as fit one question."""
    found: list[Sequence[View]] = []
    begin = size = 0
    count_max = min(CALL_GAS_MAX // bounds.gas, (ANSWERS_BYTES_MAX - _HEAD_BYTES) // (bounds.answer_bytes + 5))
    for place, view in enumerate(views):
        size += 22 + len(view.data)
        if place > begin and (place - begin >= count_max or size > QUESTION_BYTES_MAX):
            found.append(views[begin:place])
            begin, size = place, 22 + len(view.data)
    return [*found, views[begin:]] if views else []


def question(views: Sequence[View], bounds: Bounds) -> bytes:
    """The code to run: what an eth_call without `to` takes as its data."""
    parts = [bounds.gas.to_bytes(4, "big"), bounds.answer_bytes.to_bytes(4, "big")]
    for view in views:
        to = bytes(20) if view.to is None else view.to.raw
        parts += [to, len(view.data).to_bytes(2, "big"), view.data]
    asked = b"".join(parts)
    return CODE + asked + len(asked).to_bytes(32, "big")


def answers(raw: bytes, count: int, bounds: Bounds) -> tuple[int, list[Answer]]:
    """The number of the block that was asked, and as many answers as views were asked for. Raises AnswerMalformed."""
    if len(raw) < _HEAD_BYTES or raw[0] != _VERSION:
        raise AnswerMalformed("answers to views expected")
    found, at = [], _HEAD_BYTES
    for _ in range(count):
        answer, at = _answer(raw, at, bounds.answer_bytes)
        found.append(answer)
    if at != len(raw):
        raise AnswerMalformed("more answers than views")
    return int.from_bytes(raw[1:_HEAD_BYTES], "big"), found


def _answer(raw: bytes, at: int, kept_max: int) -> tuple[Answer, int]:
    head = raw[at : at + 5]
    if len(head) < 5 or head[0] not in _STATES:
        raise AnswerMalformed("a view without its answer")
    size = int.from_bytes(head[1:], "big")
    end = at + 5 + min(size, kept_max)
    if end > len(raw):
        raise AnswerMalformed("an answer cut short")
    return Answer(AnswerState(head[0]), size, raw[at + 5 : end]), end
