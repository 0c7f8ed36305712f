"""Amounts are grouped and cut, never rounded; times are UTC; a share is to the tenth."""

from __future__ import annotations

from fractions import Fraction

import pytest

from wallet.web.amounts import clock, day, fraction, grouped, minute, moment, percent, short


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0", "0"), ("12.50", "12.50"), ("1234567.5", "1,234,567.5"), ("-1000", "-1,000"), ("+1000.10", "+1,000.10"),
        ("1" + "0" * 60, "1" + ",000" * 20),
        ("1e5", "1e5"), ("<b>", "<b>"), ("", ""), ("١٢", "١٢"),
    ],
)  # fmt: skip
def test_grouping(text, shown):
    assert grouped(text) == shown


def test_what_is_cut_is_marked_and_not_rounded():
    assert short("1.999999999", 8) == "1.99999999…"
    assert short("1234.5", 8) == "1,234.5"
    assert short("0.123456", 2) == "0.12…"


def test_shares():
    assert percent(Fraction(1), Fraction(3)) == "33.3 %"
    assert percent(Fraction(-1), Fraction(8), signed=True) == "−12.5 %"
    assert percent(Fraction(1), Fraction(2000), signed=True) == "+0.1 %"
    assert percent(Fraction(-1), Fraction(10**6), signed=True) == "0.0 %"
    assert percent(Fraction(1), Fraction(0)) == ""


def test_times():
    assert day("2026-11-27T23:30:00+02:00", "en") == "27 Nov 2026"
    assert day("2026-11-27T23:30:00Z", "zh") == "2026年11月27日"
    assert clock("2026-11-27T23:30:00+02:00") == "21:30"
    assert day("soon", "en") == clock("") == ""
    assert moment("2026-11-27T23:30:00") is None, "a time without its zone is no time"
    assert minute(0) == "1970-01-01 00:00"


def test_a_fraction_is_of_plain_decimals_alone():
    assert fraction("1.5") == Fraction(3, 2)
    assert fraction("1e5") is None and fraction("NaN") is None
