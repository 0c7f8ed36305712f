"""Quotes: exact, never in favour of whoever asks, and one document has one id."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from fiat.errors import AmountTooLarge, OrderMalformed
from fiat.quote import Quote, received_minor

LEDGER = bytes(range(32))
QUOTE = Quote(
    holder=b"\1" * 32,
    salt=b"\2" * 32,
    currency="EUR",
    exponent=2,
    amount_minor=10_000,
    fee_minor=25,
    receive_asset="USD",
    receive_exponent=2,
    receive_minor=10_746,
    market=Fraction(108, 100),
    spread_ppm=5000,
    expires_at=1_800_000_060,
)
OTHER = {
    "holder": b"\3" * 32,
    "salt": b"\4" * 32,
    "currency": "GBP",
    "receive_asset": "JPY",
    "market": Fraction(109, 100),
}


def test_what_is_received_is_rounded_down():
    assert QUOTE.adds_up and QUOTE.total_minor == 10_025
    assert received_minor(1, 2, 2, Fraction(199, 100), 0) == 1
    assert received_minor(1, 2, 2, Fraction(99, 100), 0) == 0
    assert received_minor(100, 2, 0, Fraction(160), 0) == 160
    assert received_minor(160, 0, 3, Fraction(1, 500), 0) == 320
    assert not replace(QUOTE, receive_minor=10_747).adds_up


def test_every_field_is_under_the_id():
    for field in fields(Quote):
        value = getattr(QUOTE, field.name)
        changed = replace(QUOTE, **{field.name: OTHER.get(field.name) or value + 1})
        assert changed.digest(LEDGER) != QUOTE.digest(LEDGER), field.name
    assert QUOTE.digest(LEDGER) != QUOTE.digest(bytes(32))


@pytest.mark.parametrize(("market", "spread"), [(Fraction(0), 0), (Fraction(-1), 0), (Fraction(1), 10**6)])
def test_a_rate_of_nothing_is_refused(market, spread):
    with pytest.raises(OrderMalformed):
        received_minor(1, 2, 2, market, spread)


def test_more_than_one_posting_carries_is_refused():
    with pytest.raises(AmountTooLarge):
        received_minor(10**17, 0, 2, Fraction(1), 0)


@seed(20261122)
@settings(max_examples=2000, deadline=None, database=None)
@given(
    st.integers(1, 10**12),
    st.integers(0, 4),
    st.integers(0, 4),
    st.fractions(Fraction(1, 10**6), Fraction(10**6), max_denominator=10**9),
    st.integers(0, 100_000),
)
def test_there_and_back_gains_nothing(amount, exponent, other_exponent, market, spread):
    try:
        there = received_minor(amount, exponent, other_exponent, market, spread)
        back = received_minor(there, other_exponent, exponent, 1 / market, spread)
    except AmountTooLarge:
        return
    assert back <= amount
