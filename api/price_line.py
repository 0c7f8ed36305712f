"""Prices over time, out of rounds that were kept: what one thing was worth in another, step by step. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from api.price_guard import reading
from api.prices import BASE, HEARTBEAT_SECONDS, PAIRS
from chain.price_feed import Round


@dataclass(frozen=True, slots=True)
class Kept:
    """A round of a pair's feed that counted."""

    pair: str
    round: Round


@dataclass(frozen=True, slots=True)
class Point:
    """From `at` (Unix seconds) on one unit was worth `rate`."""

    at: int
    rate: Fraction


def pairs_of(*assets: str) -> frozenset[str]:
    """The feeds that price these; none for the base and for what has no feed."""
    return frozenset(PAIRS[asset] for asset in assets if asset in PAIRS)


class PriceLine:
    """Rounds, oldest first, as steps."""

    def __init__(self, kept: Iterable[Kept]) -> None:
        self._steps: dict[str, tuple[list[int], list[Fraction]]] = {}
        for each in kept:
            times, rates = self._steps.setdefault(each.pair, ([], []))
            times.append(each.round.updated_at)
            rates.append(reading(each.round).rate)

    def rate(self, asset: str, currency: str, at: int) -> Fraction | None:
        """What one unit was worth at that time; None where a round is missing or was older than its heartbeat."""
        if asset == currency:
            return Fraction(1)
        above, below = self._in_base(asset, at), self._in_base(currency, at)
        return None if above is None or below is None else above / below

    def points(self, asset: str, currency: str, first: int, last: int) -> list[Point]:
        """Where the price changed, from `first` to `last`; the first point is what counted at `first`, if anything."""
        pairs = pairs_of(asset, currency)
        moved = {at for pair in pairs for at in self._steps.get(pair, ([], []))[0] if first < at <= last}
        found = [Point(at, rate) for at in sorted({first, *moved}) if (rate := self.rate(asset, currency, at))]
        return [point for place, point in enumerate(found) if place == 0 or found[place - 1].rate != point.rate]

    def _in_base(self, asset: str, at: int) -> Fraction | None:
        if asset == BASE:
            return Fraction(1)
        times, rates = self._steps.get(PAIRS.get(asset, ""), ([], []))
        place = bisect_right(times, at) - 1
        return rates[place] if place >= 0 and at - times[place] <= HEARTBEAT_SECONDS else None


def thinned(points: Sequence[Point], count_max: int) -> list[Point]:
    """At most so many, evenly taken, the first and the last among them: for a chart."""
    if len(points) <= count_max:
        return list(points)
    step = Fraction(len(points) - 1, count_max - 1)
    return [points[int(step * place)] for place in range(count_max)]
