"""Prices from on-chain feeds (AggregatorV3), read in one batch. A price is an exact fraction with an age.

A feed counts only while its answer is positive and was updated within its heartbeat: an older one is *stale* and shown
as such, none at all is *missing*, and neither is ever shown as zero. Cross rates stay fractions until something is
displayed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

HEARTBEAT_SECONDS = 24 * 3600
CLOCK_SLACK_SECONDS = 60
DECIMALS_MAX = 18
ANSWER_BITS_MAX = 192
BASE = "USD"

PAIRS = {
    "ETH": "ETH/USD",
    "DWETH": "ETH/USD",
    "DUSD": "DUSD/USD",
    "EUR": "EUR/USD",
    "DEUR": "EUR/USD",
}
"""Which feed prices an asset; another asset has no price. USD is the base."""


class PriceState(StrEnum):
    """How far a price can be relied on."""

    CURRENT = "current"
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Price:
    """`rate` units of the quote currency for one of the asset; `at` in Unix seconds, None where no feed is needed."""

    state: PriceState
    rate: Fraction | None = None
    at: int | None = None


MISSING = Price(PriceState.MISSING)
ONE = Price(PriceState.CURRENT, Fraction(1))


@dataclass(frozen=True, slots=True)
class Reading:
    """What one feed said: its answer at `decimals`, and when (Unix seconds)."""

    answer: int
    decimals: int
    updated_at: int

    def price(self, now: int) -> Price:
        """Missing when it makes no sense (not positive, from the future), stale beyond the heartbeat."""
        sensible = 0 < self.answer < 1 << ANSWER_BITS_MAX and 0 <= self.decimals <= DECIMALS_MAX
        if not sensible or not 0 < self.updated_at <= now + CLOCK_SLACK_SECONDS:
            return MISSING
        fresh = now - self.updated_at <= HEARTBEAT_SECONDS
        state = PriceState.CURRENT if fresh else PriceState.STALE
        return Price(state, Fraction(self.answer, 10**self.decimals), self.updated_at)


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Readings by pair (`ETH/USD`), as of `now` (Unix seconds)."""

    now: int
    readings: Mapping[str, Reading] = field(default_factory=dict)

    def price(self, asset: str, currency: str) -> Price:
        """One unit of `asset` in units of `currency`; the weaker state and the older age of both legs."""
        if asset == currency:
            return ONE
        above, below = self._in_base(asset), self._in_base(currency)
        if above.rate is None or below.rate is None:
            return MISSING
        stale = PriceState.STALE in (above.state, below.state)
        ages = [leg.at for leg in (above, below) if leg.at is not None]
        state = PriceState.STALE if stale else PriceState.CURRENT
        return Price(state, above.rate / below.rate, min(ages, default=None))

    def _in_base(self, asset: str) -> Price:
        if asset == BASE:
            return ONE
        reading = self.readings.get(PAIRS.get(asset, ""))
        return reading.price(self.now) if reading else MISSING


def rate_text(rate: Fraction, decimals: int = 10) -> str:
    """A rate for display: rounded down at `decimals`, without needless zeros. Never used to calculate."""
    whole, rest = divmod(rate.numerator * 10**decimals // rate.denominator, 10**decimals)
    fraction = str(rest).rjust(decimals, "0").rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)
