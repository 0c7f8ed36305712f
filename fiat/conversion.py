"""Conversion at an exact rate, itemised: give, rate, spread, fee, receive, and the fraction that stays. Pure.

The rate is a rational number: units of `receive` for one unit of `give`. The spread (parts per million) makes it worse
for whoever asks. What they receive is rounded **down**; the fraction is less than one minor unit, is never posted, and
so stays with the operator's `liquidity` account of the received currency, which pays out only whole minor units.
The fee is in the currency given, by its schedule (fee.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from fiat.currency import Currency
from fiat.errors import AmountNotPositive, AmountTooLarge, CurrencyMismatch
from fiat.fee import FREE, MILLION, Charge, FeeSchedule, charge
from fiat.money import AMOUNT_MINOR_MAX

LIQUIDITY = "liquidity"
RATE_TERM_MAX = 10**18
"""Numerator and denominator of a rate."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """One conversion. `charge` is of the currency given: what leaves, the fee, and what is exchanged (`arrives_minor`).

    `rate` is the rate before the spread, `net_rate` the one applied. `spread` and `fraction` are exact minor units of
    the currency received that whoever asked does not get: exchanged at `rate` = receive + spread + fraction.
    """

    give: Currency
    receive: Currency
    rate: Fraction
    spread_ppm: int
    charge: Charge
    receive_minor: int
    spread: Fraction
    fraction: Fraction
    fraction_stays_in: str = LIQUIDITY

    @property
    def net_rate(self) -> Fraction:
        return less_spread(self.rate, self.spread_ppm)


def convert(
    give: Currency,
    receive: Currency,
    amount_minor: int,
    rate: Fraction,
    *,
    spread_ppm: int = 0,
    schedule: FeeSchedule = FREE,
) -> Conversion:
    """Convert `amount_minor` of `give`. A fee that the payer bears comes on top of it, else out of it.

    Raises CurrencyMismatch for one currency, AmountNotPositive where not one minor unit would be received,
    AmountTooLarge, FeeExceedsAmount.
    """
    if give.code == receive.code:
        raise CurrencyMismatch(give.code, receive.code)
    _check_rate(rate, spread_ppm)
    charged = charge(schedule, amount_minor)
    exchanged = minor_rate(rate, give, receive) * charged.arrives_minor
    exact = less_spread(exchanged, spread_ppm)
    receive_minor = rounded_down(exact)
    if receive_minor == 0:
        raise AmountNotPositive("0")
    if receive_minor > AMOUNT_MINOR_MAX:
        raise AmountTooLarge(str(receive_minor))
    return Conversion(
        give=give,
        receive=receive,
        rate=rate,
        spread_ppm=spread_ppm,
        charge=charged,
        receive_minor=receive_minor,
        spread=exchanged - exact,
        fraction=exact - receive_minor,
    )


def minor_rate(rate: Fraction, give: Currency, receive: Currency) -> Fraction:
    """Minor units of `receive` for one minor unit of `give`."""
    return rate * Fraction(10**receive.exponent, 10**give.exponent)


def less_spread(amount: Fraction, spread_ppm: int) -> Fraction:
    return amount * Fraction(MILLION - spread_ppm, MILLION)


def rounded_down(exact: Fraction) -> int:
    """Whole minor units that whoever asked gets; the rest stays."""
    return exact.numerator // exact.denominator


def _check_rate(rate: Fraction, spread_ppm: int) -> None:
    if not 0 < rate.numerator <= RATE_TERM_MAX or rate.denominator > RATE_TERM_MAX:
        raise ValueError("a rate is above zero, its numerator and denominator at most 10^18")
    if not 0 <= spread_ppm < MILLION:
        raise ValueError("a spread is 0 to 999999 parts per million")
