"""Amounts are integers; what people type is read strictly or refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiat.currency import ISO_4217, Currency, currency, currency_of_ledger
from fiat.errors import (
    AmountMalformed,
    AmountNotPositive,
    AmountRefused,
    AmountTooLarge,
    AmountTooPrecise,
    CurrencyMismatch,
    CurrencyUnknown,
)
from fiat.money import AMOUNT_MINOR_MAX, Money, decimal_text, parse_minor

EUR, JPY, KWD = currency("EUR"), currency("JPY"), currency("KWD")

REFUSED = {
    "0": AmountNotPositive,
    "0.00": AmountNotPositive,
    "-1": AmountNotPositive,
    "-0": AmountNotPositive,
    "1.001": AmountTooPrecise,
    "1e3": AmountMalformed,
    "NaN": AmountMalformed,
    "Infinity": AmountMalformed,
    "1,000": AmountMalformed,
    "１２": AmountMalformed,
    "١٢": AmountMalformed,
    "1.": AmountMalformed,
    ".5": AmountMalformed,
    "01": AmountMalformed,
    "+1": AmountMalformed,
    " 1": AmountMalformed,
    "1 ": AmountMalformed,
    "1\n": AmountMalformed,
    "\u22121": AmountMalformed,
    "": AmountMalformed,
    "0x10": AmountMalformed,
    str(2**63): AmountTooLarge,
    "9" * 64: AmountTooLarge,
    "9" * 4000: AmountMalformed,
}


@pytest.mark.parametrize(("text", "error"), REFUSED.items(), ids=lambda v: repr(v)[:24])
def test_refuses_what_is_not_a_plain_amount(text: str, error: type[AmountRefused]) -> None:
    with pytest.raises(error):
        Money.parse(text, EUR)


@pytest.mark.parametrize(
    ("text", "unit", "minor"),
    [("12.50", EUR, 1250), ("12.5", EUR, 1250), ("0.01", EUR, 1), ("7", JPY, 7), ("1.234", KWD, 1234)],
)
def test_reads_amounts(text: str, unit: Currency, minor: int) -> None:
    assert Money.parse(text, unit).minor == minor


def test_a_yen_has_no_decimals() -> None:
    with pytest.raises(AmountTooPrecise) as refused:
        Money.parse("7.0", JPY)
    assert refused.value.fields() == {"text": "7.0", "currency": "JPY", "decimals": 0}


@given(st.integers(-(2**80), 2**80), st.integers(0, 9))
def test_display_is_exact_at_every_size(minor: int, exponent: int) -> None:
    text = decimal_text(minor, exponent)
    assert int(text.replace(".", "")) == minor
    assert len(text.partition(".")[2]) == exponent


@given(st.integers(1, AMOUNT_MINOR_MAX), st.sampled_from(sorted(ISO_4217)))
def test_what_is_shown_reads_back(minor: int, code: str) -> None:
    money = Money(minor, currency(code))
    assert Money.parse(money.decimal, money.currency) == money


@pytest.mark.parametrize("text", ["", "-0", "-1", "01", "+1", " 1", "1 ", "1.0", "1e3", "١", "1" * 19, "1_0", "NaN"])
def test_minor_units_have_one_spelling(text: str) -> None:
    with pytest.raises(AmountRefused):
        parse_minor(text)
    assert parse_minor("0") == 0
    assert parse_minor(str(AMOUNT_MINOR_MAX)) == AMOUNT_MINOR_MAX


def test_currencies_do_not_mix() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, EUR) + Money(1, JPY)
    assert Money(5, EUR) - Money(7, EUR) == Money(-2, EUR)
    assert str(Money(-2, EUR)) == "-0.02 EUR"


def test_iso_4217_exponents() -> None:
    expected = {"EUR": 2, "JPY": 0, "KRW": 0, "CLF": 4, "UYW": 4, "BHD": 3, "TND": 3, "CNY": 2, "GEL": 2, "ISK": 0}
    assert {code: currency(code).exponent for code in expected} == expected
    for code in ("eur", "EURO", "XXX", "", "ＥＵＲ"):
        with pytest.raises(CurrencyUnknown):
            currency(code)


def test_a_ledger_number_reads_back_as_its_code() -> None:
    codes = [*ISO_4217, "ETH", "DUSD", "WSTETH", "POINTS", "A0", "ZZZZZZ"]
    numbers = {code: Currency(code, 2).ledger for code in codes}
    assert len(set(numbers.values())) == len(codes)
    assert all(0 < number < 2**32 and currency_of_ledger(number) == code for code, number in numbers.items())
