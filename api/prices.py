"""Prices from on-chain feeds (AggregatorV3), for tokens and currencies alike. A price is an exact fraction with an age.

A feed counts only while its answer is positive and was updated within its heartbeat: an older one is *stale* and shown
as such, none at all is *missing*, and neither is ever shown as zero. What is in doubt is *closed*: missing, with a
reason. Cross rates stay fractions until something is displayed.
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
    "GBP": "GBP/USD",
    "CNY": "CNY/USD",
    "JPY": "JPY/USD",
}
"""Which feed prices an asset; another asset has no price. USD is the base."""


class PriceState(StrEnum):
    """How far a price can be relied on."""

    CURRENT = "current"
    STALE = "stale"
    MISSING = "missing"


class Doubt(StrEnum):
    """Why a price is not there."""

    NO_FEED = "no-feed"
    NO_ANSWER = "no-answer"
    NOT_POSITIVE = "not-positive"
    INCOMPLETE = "incomplete"
    FROM_THE_FUTURE = "from-the-future"
    DECIMALS_CHANGED = "decimals-changed"
    OUT_OF_BOUNDS = "out-of-bounds"
    JUMP = "jump"
    DISAGREES = "disagrees"


@dataclass(frozen=True, slots=True)
class Price:
    """`rate` units of the quote currency for one of the asset; `at` in Unix seconds, None where no feed is needed."""

    state: PriceState
    rate: Fraction | None = None
    at: int | None = None
    doubt: Doubt | None = None


MISSING = Price(PriceState.MISSING)
ONE = Price(PriceState.CURRENT, Fraction(1))


@dataclass(frozen=True, slots=True)
class Reading:
    """What one feed said: its answer at `decimals`, and when (Unix seconds)."""

    answer: int
    decimals: int
    updated_at: int

    @property
    def rate(self) -> Fraction:
        return Fraction(self.answer, 10**self.decimals)

    def price(self, now: int) -> Price:
        """Missing when it makes no sense (not positive, from the future), stale beyond the heartbeat."""
        doubt = self.doubt(now)
        if doubt is not None:
            return Price(PriceState.MISSING, doubt=doubt)
        fresh = now - self.updated_at <= HEARTBEAT_SECONDS
        state = PriceState.CURRENT if fresh else PriceState.STALE
        return Price(state, self.rate, self.updated_at)

    def doubt(self, now: int) -> Doubt | None:
        """What is wrong with it by itself, whatever other readings say."""
        if not 0 < self.answer < 1 << ANSWER_BITS_MAX or not 0 <= self.decimals <= DECIMALS_MAX:
            return Doubt.NOT_POSITIVE
        if self.updated_at <= 0:
            return Doubt.INCOMPLETE
        return Doubt.FROM_THE_FUTURE if self.updated_at > now + CLOCK_SLACK_SECONDS else None


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Readings by pair (`ETH/USD`), as of `now` (Unix seconds); `closed` says why a pair has none that counts."""

    now: int
    readings: Mapping[str, Reading] = field(default_factory=dict)
    closed: Mapping[str, Doubt] = field(default_factory=dict)

    def price(self, asset: str, currency: str) -> Price:
        """One unit of `asset` in units of `currency`; the weaker state and the older age of both legs."""
        if asset == currency:
            return ONE
        above, below = self._in_base(asset), self._in_base(currency)
        if above.rate is None or below.rate is None:
            return Price(PriceState.MISSING, doubt=above.doubt or below.doubt)
        stale = PriceState.STALE in (above.state, below.state)
        ages = [leg.at for leg in (above, below) if leg.at is not None]
        state = PriceState.STALE if stale else PriceState.CURRENT
        return Price(state, above.rate / below.rate, min(ages, default=None))

    def pairs(self, asset: str, currency: str) -> str:
        """Which feeds say that price, as text: its source. "" where none is needed."""
        legs = [] if asset == currency else [PAIRS[leg] for leg in (asset, currency) if leg in PAIRS]
        return " ".join(dict.fromkeys(legs))

    def _in_base(self, asset: str) -> Price:
        if asset == BASE:
            return ONE
        pair = PAIRS.get(asset)
        if pair is None:
            return Price(PriceState.MISSING, doubt=Doubt.NO_FEED)
        if (doubt := self.closed.get(pair)) is not None:
            return Price(PriceState.MISSING, doubt=doubt)
        reading = self.readings.get(pair)
        return reading.price(self.now) if reading else Price(PriceState.MISSING, doubt=Doubt.NO_ANSWER)


def rate_text(rate: Fraction, decimals: int = 10) -> str:
    """A rate for display: rounded down at `decimals`, without needless zeros. Never used to calculate."""
    whole, rest = divmod(rate.numerator * 10**decimals // rate.denominator, 10**decimals)
    fraction = str(rest).rjust(decimals, "0").rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)
