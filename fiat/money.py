"""Money: an integer of minor units with its currency. Never a float, not even to display."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fiat.currency import Currency
from fiat.errors import AmountMalformed, AmountNotPositive, AmountTooLarge, AmountTooPrecise, CurrencyMismatch

AMOUNT_MINOR_MAX = 10**17
"""The largest amount of one posting, in minor units (CONTRACT section 2)."""

_DECIMAL = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?", re.ASCII)
_MINOR = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_TEXT_LENGTH_MAX = 64


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` units of `currency`; may be negative where it is a difference, never in an order."""

    minor: int
    currency: Currency

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency.code, other.currency.code)
        return other.minor

    @classmethod
    def parse(cls, text: str, currency: Currency) -> Money:
        """A positive amount as people type it: `12.50`, ASCII digits, one point, no sign, no grouping, no exponent.

        Raises AmountMalformed, AmountNotPositive, AmountTooPrecise or AmountTooLarge.
        """
        match = _DECIMAL.fullmatch(text) if len(text) <= _TEXT_LENGTH_MAX else None
        if match is None:
            if re.fullmatch(r"-[0-9]+(\.[0-9]+)?", text, re.ASCII):
                raise AmountNotPositive(text)
            raise AmountMalformed(text)
        whole, fraction = match.group(1), match.group(2) or ""
        if len(fraction) > currency.exponent:
            raise AmountTooPrecise(text, currency.code, currency.exponent)
        minor = int(whole + fraction.ljust(currency.exponent, "0"))
        if minor == 0:
            raise AmountNotPositive(text)
        if minor > AMOUNT_MINOR_MAX:
            raise AmountTooLarge(text)
        return cls(minor, currency)

    @property
    def decimal(self) -> str:
        """The amount in the currency's unit, all decimals shown: `-0.05`, `12.50`, `1200`."""
        return decimal_text(self.minor, self.currency.exponent)

    def __str__(self) -> str:
        return f"{self.decimal} {self.currency.code}"


def decimal_text(units: int, exponent: int) -> str:
    """An integer of minor units as decimal text with exactly `exponent` decimals."""
    sign, digits = ("-", str(-units)) if units < 0 else ("", str(units))
    if exponent == 0:
        return sign + digits
    digits = digits.rjust(exponent + 1, "0")
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}"


def parse_minor(text: str) -> int:
    """A canonical digit string of minor units (no sign, no leading zero), at most 10^17. Raises AmountRefused."""
    if not _MINOR.fullmatch(text):
        raise AmountMalformed(text)
    if (minor := int(text)) > AMOUNT_MINOR_MAX:
        raise AmountTooLarge(text)
    return minor
