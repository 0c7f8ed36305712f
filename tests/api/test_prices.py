"""Prices: exact, never zero for want of one, and never fresher than they are."""

from __future__ import annotations

from fractions import Fraction

import pytest

from api.prices import PriceBook, PriceState, Reading, rate_text

NOW = 1_800_000_000
FRESH = {
    "ETH/USD": Reading(3000 * 10**8, 8, NOW - 10),
    "EUR/USD": Reading(108_000_000, 8, NOW - 20),
    "DUSD/USD": Reading(10**8, 8, NOW),
}


def book(**changed):
    return PriceBook(NOW, FRESH | {name.replace("_", "/"): reading for name, reading in changed.items()})


def test_cross_rates_are_exact_fractions():
    price = book().price("ETH", "EUR")
    assert (price.state, price.rate, price.at) == (PriceState.CURRENT, Fraction(3000 * 100, 108), NOW - 20)
    assert book().price("EUR", "USD").rate == Fraction(108, 100)
    assert book().price("EUR", "EUR").rate == 1
    assert book().price("ETH", "EUR").rate * book().price("EUR", "ETH").rate == 1


@pytest.mark.parametrize("age", [24 * 3600 + 1, 10**7])
def test_beyond_the_heartbeat_a_price_is_stale(age):
    stale = book(EUR_USD=Reading(108_000_000, 8, NOW - age))
    assert stale.price("ETH", "EUR").state is PriceState.STALE
    assert stale.price("ETH", "USD").state is PriceState.CURRENT
    assert book(EUR_USD=Reading(1, 8, NOW - 24 * 3600)).price("EUR", "USD").state is PriceState.CURRENT


@pytest.mark.parametrize(
    "reading",
    [
        Reading(0, 8, NOW),
        Reading(-1, 8, NOW),
        Reading(2**200, 8, NOW),
        Reading(1, 19, NOW),
        Reading(1, 8, 0),
        Reading(1, 8, NOW + 61),
    ],
)
def test_nonsense_is_missing_and_never_zero(reading):
    price = book(ETH_USD=reading).price("ETH", "EUR")
    assert (price.state, price.rate) == (PriceState.MISSING, None)


@pytest.mark.parametrize("asset", ["CHF", "DOGE", "ETH/USD", ""])
def test_an_asset_without_a_feed_has_no_price(asset):
    assert book().price(asset, "EUR").state is PriceState.MISSING
    assert book().price("ETH", asset).state is PriceState.MISSING


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (Fraction(1), "1"),
        (Fraction(1, 3), "0.3333333333"),
        (Fraction(25000, 9), "2777.7777777777"),
        (Fraction(3, 2), "1.5"),
    ],
)
def test_rates_are_shown_rounded_down(rate, text):
    assert rate_text(rate) == text
