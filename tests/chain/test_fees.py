"""What is offered for gas: tables, and properties of every history that a node could tell."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.errors import AnswerMalformed, FeeTooHigh
from chain.fees import GWEI, TIP_MAX, TIP_OF_NOBODY, FeeHistory, Fees, Speed, fees_of, price_of

SLOW, NORMAL, FAST = Speed.SLOW, Speed.NORMAL, Speed.FAST
CALM = ((1, 2, 3),) * 5


def history(base: int, *tips: tuple[int, int, int]) -> FeeHistory:
    """In gwei."""
    return FeeHistory(base * GWEI, tuple(tuple(tip * GWEI for tip in block) for block in tips))


def gwei(base: int, tip: int, most: int) -> Fees:
    return Fees(base * GWEI, tip * GWEI, most * GWEI)


TABLE = {
    "calm, slow": (history(20, *CALM), SLOW, gwei(20, 1, 26)),
    "calm": (history(20, *CALM), NORMAL, gwei(20, 2, 42)),
    "calm, fast": (history(20, *CALM), FAST, gwei(20, 3, 63)),
    "one block went mad": (history(20, *CALM, (400, 400, 400)), NORMAL, gwei(20, 2, 42)),
    "half of them did": (history(20, *CALM[:2], *((30, 40, 45),) * 3), NORMAL, gwei(20, 40, 80)),
    "tips beyond reason": (history(20, *((90, 90, 90),) * 5), FAST, gwei(20, 50, 110)),
    "a base fee after a spike": (history(200, *CALM), NORMAL, gwei(200, 2, 402)),
    "room ends at the cap": (history(200, *CALM), FAST, gwei(200, 3, 500)),
    "nobody sent anything": (history(20), NORMAL, gwei(20, 1, 41)),
    "nobody paid a tip": (history(20, (0, 0, 0), (0, 0, 0)), FAST, gwei(20, 1, 61)),
    "faster is never cheaper": (history(20, (5, 1, 1)), FAST, gwei(20, 5, 65)),
    "a free chain": (history(0), NORMAL, gwei(0, 1, 1)),
}


@pytest.mark.parametrize(("told", "speed", "expected"), TABLE.values(), ids=TABLE)
def test_table(told: FeeHistory, speed: Speed, expected: Fees) -> None:
    assert fees_of(told, speed) == expected


def test_one_price_where_there_is_a_base_fee() -> None:
    assert fees_of(history(20, *CALM), FAST).one_price == 28 * GWEI, "what is offered is paid, all of it"
    assert fees_of(history(20, *CALM), NORMAL, 23 * GWEI).one_price == 23 * GWEI


@pytest.mark.parametrize(("speed", "expected"), [(SLOW, 90), (NORMAL, 100), (FAST, 125)])
def test_one_price(speed: Speed, expected: int) -> None:
    assert price_of(100, speed) == expected


def test_what_is_above_the_cap_is_refused() -> None:
    with pytest.raises(FeeTooHigh) as caught:
        fees_of(history(499, *CALM), NORMAL)
    assert (caught.value.max_fee_per_gas, caught.value.cap) == (501 * GWEI, 500 * GWEI)
    assert fees_of(history(498, *CALM), NORMAL) == gwei(498, 2, 500)
    with pytest.raises(FeeTooHigh):
        fees_of(history(20, *CALM), SLOW, 20 * GWEI)
    with pytest.raises(FeeTooHigh):
        price_of(401 * GWEI, FAST)


GAS = st.integers(0, 2**40)


@given(GAS, st.lists(st.tuples(GAS, GAS, GAS), max_size=20), st.integers(0, 2**42))
def test_properties(base: int, tips: list[tuple[int, int, int]], cap: int) -> None:
    told = FeeHistory(base, tuple(tips))
    found = []
    for speed in Speed:
        try:
            fees = fees_of(told, speed, cap)
        except FeeTooHigh as error:
            assert error.max_fee_per_gas > cap
            continue
        assert base + fees.priority <= fees.max_fee_per_gas <= cap
        assert 0 < fees.priority <= max(TIP_MAX, TIP_OF_NOBODY)
        found.append(fees)
    assert found == sorted(found, key=lambda fees: (fees.priority, fees.max_fee_per_gas)), "slow, normal, fast"


def answer(**more: Any) -> dict[str, Any]:
    told = {"oldestBlock": "0x1", "baseFeePerGas": ["0x5", "0x6", "0x7", "0x8"], "gasUsedRatio": [0.5, 0, 0.0]}
    return {**told, "reward": [["0x1", "0x2", "0x3"], ["0x9", "0x9", "0x9"], ["0x9", "0x9", "0x9"]], **more}


def test_empty_blocks_say_nothing() -> None:
    assert FeeHistory.parse(answer()) == FeeHistory(8, ((1, 2, 3),))
    assert FeeHistory.parse(answer(reward=None)) == FeeHistory(8, ())
    assert FeeHistory.parse(answer(gasUsedRatio=None)).tips == ((1, 2, 3), (9, 9, 9), (9, 9, 9))


LIES: list[dict[str, Any]] = [
    {"baseFeePerGas": []},
    {"baseFeePerGas": None},
    {"baseFeePerGas": [5]},
    {"baseFeePerGas": ["0x1"] * 1000},
    {"reward": [["0x1"]]},
    {"reward": [["0x1", "0x2", 3]]},
    {"reward": [["0x1", "0x2", "0x3"]] * 1000},
    {"reward": "0x1"},
    {"gasUsedRatio": {"0": 1}},
]


@pytest.mark.parametrize("lie", LIES)
def test_what_no_node_answers(lie: dict[str, Any]) -> None:
    with pytest.raises(AnswerMalformed):
        FeeHistory.parse(answer(**lie))
