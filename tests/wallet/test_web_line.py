"""The line of what everything was worth: amounts are taken back item by item; what is not known is a gap."""

from __future__ import annotations

from fractions import Fraction

from wallet.web.line import Point, changes, moments, worth

F = Fraction


def item(at, asset="EUR", amount="10", direction="in", kind="transfer", state="done", received=None):
    stamp = f"2026-01-01T00:{at // 60:02}:{at % 60:02}Z"
    return {
        "at": stamp,
        "asset": asset,
        "amount": amount,
        "direction": direction,
        "kind": kind,
        "state": state,
        "received": received,
    }


START = 1767225600  # 2026-01-01


def line(amounts, items, prices, times=(0, 60, 120), **more):
    return worth(amounts, items, prices, [START + t for t in times], 2, **more).minor


def test_what_came_in_was_not_there_before():
    assert line({"EUR": F(30)}, [item(90), item(30)], {"EUR": [Point(0, F(1))]}) == (1000, 2000, 3000)


def test_what_went_out_was_there_before_and_prices_move():
    prices = {"ETH": [Point(START - 9, F(2)), Point(START + 100, F(3))]}
    assert line({"ETH": F(5)}, [item(90, "ETH", "1", "out")], prices) == (1200, 1200, 1500)


def test_a_price_that_is_not_known_is_a_gap_and_no_zero():
    assert line({"ETH": F(5), "EUR": F(1)}, [], {"ETH": [Point(START + 50, F(2))], "EUR": [Point(0, F(1))]}) == (
        None,
        1100,
        1100,
    )


def test_what_has_no_price_at_all_is_left_out():
    assert line({"XYZ": F(5), "EUR": F(1)}, [], {"EUR": [Point(0, F(1))]}) == (100, 100, 100)


def test_fees_that_are_no_items_make_no_gap():
    """1 ETH came and a little of it went for gas: before that there was nothing, and nothing needs no price."""
    prices = {"ETH": [Point(START + 100, F(2))]}
    assert line({"ETH": F(999, 1000)}, [item(100, "ETH", "1")], prices) == (0, 0, 199)


def test_before_the_items_are_complete_nothing_is_known():
    assert line({"EUR": F(1)}, [], {"EUR": [Point(0, F(1))]}, known_from=START + 60) == (None, 100, 100)


def test_a_conversion_changes_two_assets():
    one = item(90, "EUR", "10", "out", "conversion", received={"asset": "USD", "amount": "11"})
    assert changes(one) == [("EUR", F(-10)), ("USD", F(11))]


def test_what_moved_nothing_changes_nothing():
    for odd in (
        item(1, kind="hold", state="reserved"), item(1, state="failed"), item(1, state="archived"),
        item(1, direction="self"), item(1, kind="mandate"), item(1, amount="many"),
    ):  # fmt: skip
        assert changes(odd) == []


def test_the_ends_are_what_is_known():
    drawn = worth(
        {"ETH": F(1)},
        [],
        {"ETH": [Point(START + 50, F(2)), Point(START + 100, F(3))]},
        [START, START + 60, START + 120],
        2,
    )
    assert drawn.ends == (200, 300) and drawn.texts() == [None, "2.00", "3.00"]
    assert worth({}, [], {}, [START], 2).ends is None


def test_moments_reach_from_first_to_last():
    found = moments(0, 100, 11)
    assert found[0] == 0 and found[-1] == 100 and len(found) == 11
