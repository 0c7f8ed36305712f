"""Prices over time: what was known then, never guessed from before or after."""

from __future__ import annotations

from fractions import Fraction

import pytest

from api.activity import Counterparty, Item, Placed, valued
from api.price_line import Kept, Point, PriceLine, thinned
from api.prices import HEARTBEAT_SECONDS
from chain.price_feed import Round
from fiat.currency import currency

T = 1_800_000_000


def kept(pair, at, answer):
    return Kept(pair, Round(1, answer, at, at, 1, 8))


LINE = PriceLine(
    [
        kept("EUR/USD", T, 108_000_000),
        kept("ETH/USD", T + 10, 3000 * 10**8),
        kept("ETH/USD", T + 20, 3300 * 10**8),
        kept("EUR/USD", T + 30, 110_000_000),
    ]
)


@pytest.mark.parametrize(
    ("at", "rate"),
    [
        (T + 9, None),
        (T + 10, Fraction(300000, 108)),
        (T + 19, Fraction(300000, 108)),
        (T + 20, Fraction(330000, 108)),
        (T + 30, Fraction(3000)),
        (T + 20 + HEARTBEAT_SECONDS, Fraction(3000)),
        (T + 21 + HEARTBEAT_SECONDS, None),
    ],
)
def test_a_price_is_of_the_newest_rounds_until_then(at, rate):
    assert LINE.rate("ETH", "EUR", at) == rate


def test_what_needs_no_feed_and_what_has_none():
    assert LINE.rate("EUR", "EUR", 0) == LINE.rate("USD", "USD", 0) == 1
    assert LINE.rate("USD", "EUR", T) == Fraction(100, 108)
    assert LINE.rate("DOGE", "EUR", T + 30) is None and LINE.rate("ETH", "CHF", T + 30) is None


def test_points_are_where_the_price_moved():
    assert LINE.points("ETH", "EUR", T + 15, T + 40) == [
        Point(T + 15, Fraction(300000, 108)),
        Point(T + 20, Fraction(330000, 108)),
        Point(T + 30, Fraction(3000)),
    ]
    assert LINE.points("ETH", "EUR", T - 5, T + 12) == [Point(T + 10, Fraction(300000, 108))], "a gap is no point"
    assert LINE.points("EUR", "EUR", T, T + 99) == [Point(T, Fraction(1))]


def test_a_chart_keeps_its_ends():
    points = [Point(T + n, Fraction(n + 1)) for n in range(1001)]
    few = thinned(points, 11)
    assert [point.at - T for point in few] == list(range(0, 1001, 100))
    assert thinned(points[:5], 11) == points[:5]


def item(asset, minor, decimals, **changes):
    fields = {"id": "x", "at": "", "kind": "chain_transfer", "rail": "chain", "direction": "in", "state": "done"}
    fields |= {"asset": asset, "amount": "", "amount_minor": str(minor), "decimals": decimals}
    return Item(counterparty=Counterparty(), **(fields | changes))


def test_items_carry_what_they_were_worth_then_or_nothing():
    cases = [
        (item("ETH", 10**18, 18), T + 10, ("2777.77", "ETH/USD EUR/USD")),
        (item("ETH", 1, 18), T + 10, ("0.00", "ETH/USD EUR/USD")),
        (item("EUR", 1250, 2, rail="ledger"), T - 10**6, ("12.50", "")),
        (item("ETH", 10**18, 18), T + 9, None),
        (item("CHF", 100, 2, rail="ledger"), T + 30, None),
        (item("ETH", 5, 0, marks=["unlisted"]), T + 30, None),
    ]
    placed = [Placed(at * 10**9, n, it) for n, (it, at, _) in enumerate(cases)] + [Placed(0, 9, None)]
    found = valued(placed, LINE, currency("EUR"))
    told = [each.item.value and (each.item.value.amount, each.item.value.source) for each in found[:-1]]
    assert told == [expected for _, _, expected in cases]
    assert found[-1].item is None
