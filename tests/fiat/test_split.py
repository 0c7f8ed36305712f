"""Splits and conversions (THREATS A-8): the parts are the whole, and nobody gains by asking often."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiat.conversion import convert, less_spread, minor_rate, rounded_down
from fiat.currency import currency
from fiat.errors import AmountNotPositive, AmountTooLarge, CurrencyMismatch, FeeExceedsAmount
from fiat.fee import FREE, FeeSchedule, PaidBy
from fiat.money import AMOUNT_MINOR_MAX
from fiat.split import split

EUR, USD, JPY, KWD = map(currency, ("EUR", "USD", "JPY", "KWD"))
CURRENCIES = (EUR, USD, JPY, KWD)
SAMPLE, WHOLE = 20_000, 1_000_000


def test_the_remainder_goes_where_it_is_named():
    found = split(100, {"alice": 1, "bob": 1, "carol": 1}, "rounding")
    assert (found.parts, found.remainder_minor) == ({"alice": 33, "bob": 33, "carol": 33}, 1)
    assert found.postings == {"alice": 33, "bob": 33, "carol": 33, "rounding": 1}
    assert split(100, {"alice": 2, "bob": 1}, "bob").postings == {"alice": 66, "bob": 34}
    assert split(0, {"alice": 1}, "rounding").postings == {}


@pytest.mark.parametrize(
    "arguments", [(-1, {"a": 1}), (1, {}), (1, {"a": 0}), (1, {"a": -1, "b": 2}), (1, {"a": 10**19})]
)
def test_shares_that_make_no_sense(arguments):
    with pytest.raises(ValueError):
        split(*arguments, "rounding")


def parts_are_the_whole(splitting, whole, shares):
    """All of it, never more to a part than its exact share, and less than one minor unit a part left over."""
    found = splitting(whole, shares, "rounding")
    total = sum(shares.values())
    never_more = all(minor * total <= whole * shares[name] for name, minor in found.parts.items())
    remainder = found.remainder_minor
    return never_more and sum(found.postings.values()) == whole and 0 <= remainder < len(shares)


shares_of = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 10**18), min_size=1).filter(
    lambda shares: sum(shares.values()) > 0
)


@given(st.integers(0, AMOUNT_MINOR_MAX), shares_of)
def test_the_parts_and_the_remainder_are_the_whole(whole, shares):
    assert parts_are_the_whole(split, whole, shares)


def test_a_split_that_rounds_to_the_nearest_is_seen():
    class HalfUp:
        def __init__(self, whole, shares):
            total = sum(shares.values())
            self.parts = {name: (2 * whole * share + total) // (2 * total) for name, share in shares.items()}
            self.remainder_minor = whole - sum(self.parts.values())
            self.postings = {**self.parts, "rounding": self.remainder_minor}

    assert not parts_are_the_whole(lambda whole, shares, _to: HalfUp(whole, shares), 200, {"a": 1, "b": 1, "c": 1})


def test_a_conversion_says_all_its_items():
    found = convert(EUR, USD, 10_000, Fraction("1.0837"), spread_ppm=5_000, schedule=FeeSchedule(fixed_minor=50))
    assert (found.charge.leaves_minor, found.charge.fee_minor, found.receive_minor) == (10_050, 50, 10_782)
    assert (found.rate, found.net_rate) == (Fraction("1.0837"), Fraction("1.0782815"))
    assert (found.spread, found.fraction) == (Fraction("54.185"), Fraction("0.815"))
    assert found.fraction_stays_in == "liquidity"
    out_of = FeeSchedule(fixed_minor=50, paid_by=PaidBy.PAYEE)
    assert convert(EUR, USD, 10_000, Fraction(1), schedule=out_of).receive_minor == 9_950


def test_exponents_are_in_the_minor_rate():
    assert convert(EUR, JPY, 1_00, Fraction(160)).receive_minor == 160
    assert convert(JPY, KWD, 1000, Fraction(1, 500)).receive_minor == 2_000


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((EUR, EUR, 100, Fraction(1)), CurrencyMismatch),
        ((EUR, JPY, 1, Fraction(1)), AmountNotPositive),
        ((JPY, EUR, AMOUNT_MINOR_MAX, Fraction(1)), AmountTooLarge),
        ((EUR, USD, 100, Fraction(0)), ValueError),
        ((EUR, USD, 100, Fraction(-1)), ValueError),
        ((EUR, USD, 100, Fraction(1, 10**18 + 1)), ValueError),
        ((EUR, USD, 0, Fraction(1)), ValueError),
    ],
)
def test_what_is_not_converted(arguments, error):
    with pytest.raises(error):
        convert(*arguments)


def test_a_spread_is_below_one_and_a_fee_leaves_something():
    with pytest.raises(ValueError):
        convert(EUR, USD, 1, Fraction(1), spread_ppm=1_000_000)
    with pytest.raises(FeeExceedsAmount):
        convert(EUR, USD, 50, Fraction(1), schedule=FeeSchedule(fixed_minor=50, paid_by=PaidBy.PAYEE))


rates = st.fractions(Fraction(1, 10**6), 10**6, max_denominator=10**9)
pairs = st.permutations(CURRENCIES).map(lambda found: found[:2])


@given(pairs, st.integers(1, 10**9), rates, st.integers(0, 50_000), st.sampled_from([FREE, FeeSchedule(rate_ppm=700)]))
def test_give_is_receive_spread_and_fraction(pair, amount, rate, spread_ppm, schedule):
    try:
        found = convert(*pair, amount, rate, spread_ppm=spread_ppm, schedule=schedule)
    except (AmountNotPositive, AmountTooLarge):
        return
    exchanged = minor_rate(rate, *pair) * found.charge.arrives_minor
    assert found.receive_minor + found.spread + found.fraction == exchanged
    assert 0 <= found.fraction < 1 and found.spread >= 0
    assert found.charge.leaves_minor == found.charge.arrives_minor + found.charge.fee_minor


def half_up(exact):
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


def there_and_back(rounding, rounds, seed=8, spread_ppm=0):
    """What somebody gains who converts one minor unit and back, again and again, at many rates and no cost."""
    drawn = random.Random(seed)
    gained = worst = 0
    for _ in range(rounds):
        give, receive = drawn.sample(CURRENCIES, 2)
        rate = Fraction(drawn.randrange(1, 10**6), drawn.randrange(1, 10**6))
        there = rounding(less_spread(minor_rate(rate, give, receive), spread_ppm))
        back = rounding(less_spread(there * minor_rate(1 / rate, receive, give), spread_ppm))
        gained += back - 1
        worst = max(worst, back - 1)
    return gained, worst


def test_a8_one_minor_unit_there_and_back_gains_nothing():
    gained, worst = there_and_back(rounded_down, SAMPLE)
    assert (gained <= 0, worst) == (True, 0)


def test_a8_rounding_half_up_is_caught():
    gained, worst = there_and_back(half_up, 2_000)
    assert worst > 0, gained


@pytest.mark.slow
def test_a8_a_million_conversions_there_and_back_gain_nothing():
    gained, worst = there_and_back(rounded_down, WHOLE)
    assert (gained <= 0, worst) == (True, 0)
    gained, worst = there_and_back(rounded_down, WHOLE // 10, seed=9, spread_ppm=300)
    assert (gained < 0, worst <= 0) == (True, True)


@pytest.mark.slow
def test_a8_a_million_splits_lose_nothing():
    drawn = random.Random(88)
    for _ in range(WHOLE):
        shares = {name: drawn.randrange(1, 1000) for name in range(drawn.randrange(1, 6))}
        whole = drawn.randrange(0, 10**6)
        assert sum(split(whole, shares, "rounding").postings.values()) == whole
