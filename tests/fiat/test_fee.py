"""Fees: exact, rounded up once, and the parts are always the whole."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiat.errors import FeeExceedsAmount, FeeScheduleWrong
from fiat.fee import (
    FREE,
    MILLION,
    Charge,
    FeeSchedule,
    PaidBy,
    Tier,
    charge,
    fee_minor,
    schedule_from_json,
    schedule_to_json,
)
from fiat.money import AMOUNT_MINOR_MAX

TIERS = (Tier(10_000, 20_000), Tier(100_000, 10_000), Tier(None, 2_500))
CASES = [
    # schedule, amount, fee
    (FREE, 1, 0),
    (FeeSchedule(fixed_minor=25), 1, 25),
    (FeeSchedule(rate_ppm=15_000), 10_000, 150),
    (FeeSchedule(rate_ppm=15_000), 1, 1),  # 0.015 of a minor unit is one minor unit
    (FeeSchedule(rate_ppm=1), 1_000_000, 1),
    (FeeSchedule(rate_ppm=1), 1_000_001, 2),
    (FeeSchedule(fixed_minor=30, rate_ppm=29_000), 1_999, 88),  # 30 + 57.971
    (FeeSchedule(rate_ppm=10_000, minimum_minor=50), 100, 50),
    (FeeSchedule(rate_ppm=10_000, maximum_minor=500), 10**9, 500),
    (FeeSchedule(tiers=TIERS), 10_000, 200),
    (FeeSchedule(tiers=TIERS), 10_001, 201),
    (FeeSchedule(tiers=TIERS), 100_000, 1_100),
    (FeeSchedule(tiers=TIERS), 300_000, 1_600),
    (FeeSchedule(fixed_minor=5, tiers=TIERS, maximum_minor=1_000), 300_000, 1_000),
    (FeeSchedule(rate_ppm=MILLION), AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX),
]


@pytest.mark.parametrize(("schedule", "amount", "fee"), CASES)
def test_what_it_costs(schedule, amount, fee):
    assert fee_minor(schedule, amount) == fee


def test_who_pays():
    assert charge(FeeSchedule(fixed_minor=30), 100) == Charge(100, 30, 130, 100)
    assert charge(FeeSchedule(fixed_minor=30, paid_by=PaidBy.PAYEE), 100) == Charge(100, 30, 100, 70)
    with pytest.raises(FeeExceedsAmount) as refused:
        charge(FeeSchedule(fixed_minor=100, paid_by=PaidBy.PAYEE), 100)
    assert refused.value.fields() == {"amount_minor": 100, "fee_minor": 100}


@pytest.mark.parametrize("amount", [0, -1, AMOUNT_MINOR_MAX + 1])
def test_amounts_that_no_order_has_are_a_programmers_mistake(amount):
    with pytest.raises(ValueError):
        fee_minor(FREE, amount)


amounts = st.integers(1, AMOUNT_MINOR_MAX) | st.integers(1, 2000)
small = st.integers(0, 10**6)
tiers = st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, MILLION)), max_size=4, unique_by=lambda t: t[0]).map(
    lambda rows: (*(Tier(top, rate) for top, rate in sorted(rows)), Tier(None, 1234))
)
schedules = st.builds(
    lambda fixed, rate, steps, low, high, paid_by: FeeSchedule(
        fixed, 0 if steps else rate, steps, low, None if high is None else low + high, paid_by
    ),
    small, st.integers(0, MILLION), st.just(()) | tiers, small, st.none() | small, st.sampled_from(list(PaidBy)),
)  # fmt: skip


def exact(schedule, amount):
    """Another way to the same: minor unit by tier, as fractions."""
    total, below = Fraction(schedule.fixed_minor) + Fraction(amount * schedule.rate_ppm, MILLION), 0
    for tier in schedule.tiers:
        top = amount if tier.up_to_minor is None else tier.up_to_minor
        total += Fraction(max(0, min(amount, top) - below) * tier.rate_ppm, MILLION)
        below = max(below, min(amount, top))
    return total


def bounded(schedule, whole):
    whole = max(whole, schedule.minimum_minor)
    return whole if schedule.maximum_minor is None else min(whole, schedule.maximum_minor)


def never_below_exact(fee_of, schedule, amount):
    """The fraction never stays with whoever asked, and less than one minor unit is added."""
    parts = exact(schedule, amount)
    fee = fee_of(schedule, amount)
    return bounded(schedule, parts) <= fee < bounded(schedule, parts) + 1


@given(schedules, amounts)
def test_a_fee_is_the_exact_one_rounded_up_once(schedule, amount):
    assert never_below_exact(fee_minor, schedule, amount)


def test_rounding_to_the_nearest_is_seen():
    def half_up(schedule, amount):
        return bounded(schedule, int(exact(schedule, amount) + Fraction(1, 2)))

    assert not all(never_below_exact(half_up, FeeSchedule(rate_ppm=1000), amount) for amount in range(1, 100))


@given(schedules, amounts, st.integers(1, 10**6))
def test_a_fee_never_falls_as_the_amount_grows(schedule, amount, more):
    if amount + more <= AMOUNT_MINOR_MAX:
        assert fee_minor(schedule, amount) <= fee_minor(schedule, amount + more)


@given(schedules, amounts)
def test_what_leaves_is_what_arrives_and_the_fee(schedule, amount):
    try:
        found = charge(schedule, amount)
    except FeeExceedsAmount:
        assert schedule.paid_by is PaidBy.PAYEE and fee_minor(schedule, amount) >= amount
        return
    assert found.leaves_minor == found.arrives_minor + found.fee_minor
    assert found.amount_minor in (found.leaves_minor, found.arrives_minor)


@given(schedules)
def test_a_schedule_is_read_as_it_is_written(schedule):
    assert schedule_from_json(schedule_to_json(schedule)) == schedule


WRONG = [
    ([], "schedule"),
    ({"fixed": "1"}, "fixed"),
    ({"fixed_minor": 1}, "fixed_minor"),
    ({"fixed_minor": "01"}, "fixed_minor"),
    ({"fixed_minor": "-1"}, "fixed_minor"),
    ({"fixed_minor": "1.5"}, "fixed_minor"),
    ({"fixed_minor": "100000000000000001"}, "fixed_minor"),
    ({"rate_ppm": "5"}, "rate_ppm"),
    ({"rate_ppm": 1.5}, "rate_ppm"),
    ({"rate_ppm": True}, "rate_ppm"),
    ({"rate_ppm": -1}, "rate_ppm"),
    ({"rate_ppm": 1_000_001}, "rate_ppm"),
    ({"minimum_minor": "5", "maximum_minor": "4"}, "maximum_minor"),
    ({"paid_by": "bank"}, "paid_by"),
    ({"paid_by": ["payer"]}, "paid_by"),
    ({"tiers": {}}, "tiers"),
    ({"tiers": ["x"]}, "tiers"),
    ({"tiers": [{"up_to_minor": "5", "rate_ppm": 1}]}, "tiers"),
    ({"tiers": [{"up_to_minor": "5", "rate_ppm": 1}, {"up_to_minor": "5", "rate_ppm": 1}, {}]}, "up_to_minor"),
    ({"tiers": [{"rate_ppm": 1}, {"rate_ppm": 1}]}, "up_to_minor"),
    ({"tiers": [{"rate_ppm": 1}], "rate_ppm": 1}, "rate_ppm"),
    ({"tiers": [{"rate_ppm": 1}] * 33}, "tiers"),
]


@pytest.mark.parametrize(("document", "field"), WRONG)
def test_a_schedule_that_makes_no_sense_is_refused_by_name(document, field):
    with pytest.raises(FeeScheduleWrong) as refused:
        schedule_from_json(document)
    assert refused.value.fields()["field"] == field
