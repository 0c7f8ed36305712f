"""What to offer for gas, from what blocks took lately (eth_feeHistory). Pure.

    speed   tip, the median of blocks that are not empty   room for the base fee   one price (without EIP-1559)
    slow    of their cheapest tenth                        a quarter more          a tenth less
    normal  of their middle                                twice                   as the node says
    fast    of their dearest tenth                         three times             a quarter more

A base fee rises by at most an eighth a block: a quarter more is nearly two full blocks in a row, twice is six, three
times is nine. Room is not paid where it is not needed; the tip always is, so a node's word for it counts no further
than TIP_MAX. What needs more than the cap is refused; room that would pass the cap ends there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from chain.block import listed, members
from chain.errors import AnswerMalformed, FeeTooHigh
from chain.quantity import quantity

GWEI = 10**9
FEE_CAP = 500 * GWEI
TIP_MAX = 50 * GWEI
TIP_OF_NOBODY = GWEI
"""Where no block took a tip, as on a test chain."""
BLOCKS = 20
PERCENTILES = (10, 50, 90)


class Speed(StrEnum):
    """How soon it should be in a block."""

    SLOW = "slow"
    NORMAL = "normal"
    FAST = "fast"


_PLACE = {Speed.SLOW: 0, Speed.NORMAL: 1, Speed.FAST: 2}
_ROOM = {Speed.SLOW: (5, 4), Speed.NORMAL: (2, 1), Speed.FAST: (3, 1)}
_ONE_PRICE = {Speed.SLOW: (9, 10), Speed.NORMAL: (1, 1), Speed.FAST: (5, 4)}


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei per gas. `base` is the next block's, `priority` the tip, `max_fee_per_gas` the most that may be paid."""

    base: int
    priority: int
    max_fee_per_gas: int

    @property
    def one_price(self) -> int:
        """For a transaction that knows no tip: it pays all of it, so the room is a quarter of the base fee at most."""
        return min(self.base + self.base // 4 + self.priority, self.max_fee_per_gas)


@dataclass(frozen=True, slots=True)
class FeeHistory:
    """`base` of the next block; `tips` of each block that had something in it, one for each of PERCENTILES."""

    base: int
    tips: tuple[tuple[int, ...], ...]

    @classmethod
    def parse(cls, answer: object) -> FeeHistory:
        """Of eth_feeHistory. Raises AnswerMalformed."""
        fields = members(answer)
        bases = [quantity(base) for base in listed(fields.get("baseFeePerGas"), BLOCKS + 1)]
        if not bases:
            raise AnswerMalformed("no base fee")
        used = listed(fields.get("gasUsedRatio") or [], BLOCKS)
        rewards = [listed(block, len(PERCENTILES)) for block in listed(fields.get("reward") or [], BLOCKS)]
        if any(len(block) != len(PERCENTILES) for block in rewards):
            raise AnswerMalformed("a reward for each percentile expected")
        tips = [tuple(quantity(reward) for reward in block) for block in rewards]
        is_empty = [number in (0, "0x0") for number in used] + [False] * (len(tips) - len(used))
        return cls(bases[-1], tuple(block for block, empty in zip(tips, is_empty, strict=False) if not empty))


def fees_of(history: FeeHistory, speed: Speed = Speed.NORMAL, cap: int = FEE_CAP) -> Fees:
    """Raises FeeTooHigh where base fee and tip alone pass `cap`."""
    tip = min(_tip(history, speed), TIP_MAX)
    needed = history.base + tip
    if needed > cap:
        raise FeeTooHigh(needed, cap)
    times, parts = _ROOM[speed]
    return Fees(history.base, tip, min(history.base * times // parts + tip, cap))


def price_of(price: int, speed: Speed = Speed.NORMAL, cap: int = FEE_CAP) -> int:
    """Of a chain whose blocks have no base fee, from eth_gasPrice; wei per gas. Raises FeeTooHigh."""
    times, parts = _ONE_PRICE[speed]
    wanted = price * times // parts
    if wanted > cap:
        raise FeeTooHigh(wanted, cap)
    return wanted


def _tip(history: FeeHistory, speed: Speed) -> int:
    """The median over blocks; never less than for a slower speed."""
    middles = [_median([block[place] for block in history.tips]) for place in range(_PLACE[speed] + 1)]
    return max(middles) or TIP_OF_NOBODY


def _median(numbers: Sequence[int]) -> int:
    """Of those above zero: where somebody paid nothing, the miner paid himself."""
    paid = sorted(number for number in numbers if number)
    return paid[len(paid) // 2] if paid else 0
