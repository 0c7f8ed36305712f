"""Amounts are exact, and only plain decimal numbers are amounts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.address import Address
from chain.errors import AmountMalformed, AmountTooLarge, AmountTooPrecise, TokensDiffer
from chain.token import UNITS_MAX, Token, TokenAmount

ETH = Token.native(31337)
DUSD = Token(31337, Address("0x" + 40 * "1"), "DUSD", "Demo Dollar", 6)
WHOLE = Token(31337, Address("0x" + 40 * "2"), "ONE", "Indivisible", 0)


@pytest.mark.parametrize(
    ("text", "token", "units"),
    [
        ("0", ETH, 0),
        ("0.25", ETH, 25 * 10**16),
        ("30", DUSD, 30_000_000),
        ("0.000001", DUSD, 1),
        ("9007199254740993", WHOLE, 9007199254740993),
        (str(UNITS_MAX), WHOLE, UNITS_MAX),
    ],
)
def test_amounts(text: str, token: Token, units: int) -> None:
    amount = TokenAmount.parse(text, token)
    assert amount.units == units
    assert amount.format() == text


A7 = ["-0", "-1", "+1", "1e3", "1e400", "NaN", "Infinity", "", " 1", "1 ", "01", "1,000", ".5", "5.", "1_000"]
A7 += ["١٢", "\uff11\uff12", "\u22121", "0x10", "1.0.0", "1\n", "1" * 4000]


@pytest.mark.parametrize("text", A7)
def test_a7_no_amount(text: str) -> None:
    with pytest.raises(AmountMalformed):
        TokenAmount.parse(text, ETH)


def test_too_precise_and_too_large_are_told_apart() -> None:
    with pytest.raises(AmountTooPrecise) as precise:
        TokenAmount.parse("1.0000000", DUSD)
    assert precise.value.decimals == 6
    with pytest.raises(AmountTooPrecise):
        TokenAmount.parse("1.0", WHOLE)
    with pytest.raises(AmountTooLarge):
        TokenAmount.parse(str(UNITS_MAX + 1), WHOLE)
    with pytest.raises(AmountTooLarge):
        TokenAmount(1, DUSD) - TokenAmount(2, DUSD)


@given(st.integers(0, UNITS_MAX), st.integers(0, 77))
def test_format_and_parse_are_inverse(units: int, decimals: int) -> None:
    token = Token(1, Address.ZERO, "T", "T", decimals)
    amount = TokenAmount(units, token)
    assert TokenAmount.parse(amount.format(), token) == amount
    assert TokenAmount.parse(amount.format(decimals_min=2), token) == amount


def test_sums_stay_within_one_token() -> None:
    assert (TokenAmount(1, DUSD) + TokenAmount(2, DUSD)).units == 3
    with pytest.raises(TokensDiffer):
        TokenAmount(1, DUSD) + TokenAmount(2, WHOLE)
    assert str(TokenAmount(1_500_000, DUSD)) == "1.5 DUSD"
    assert TokenAmount(1_500_000, DUSD).format(decimals_min=2) == "1.50"
