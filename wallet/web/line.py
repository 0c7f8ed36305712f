"""The line of what everything was worth: today's amounts, taken back item by item, at the prices of each moment. Pure.

A moment at which a price is not known is a gap, never a zero. Network fees that were paid in the chain's coin are no
items of the history, so that amounts before them are by so much too small; the page says so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from fiat.money import decimal_text
from wallet.cli.activity_rows import HELD, UNMOVED
from wallet.web.amounts import fraction, moment

POINTS = 72


@dataclass(frozen=True, slots=True)
class Point:
    """From `at` (Unix seconds) on."""

    at: int
    price: Fraction

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Point | None:
        """Of the server's answer; what is malformed is no point."""
        at, price = moment(row["at"]), fraction(row["price"])
        return None if at is None or price is None else cls(int(at.timestamp()), price)


@dataclass(frozen=True, slots=True)
class Line:
    """`minor` in the currency's smallest unit by time, None where it is not known."""

    times: tuple[int, ...]
    minor: tuple[int | None, ...]
    exponent: int

    @property
    def ends(self) -> tuple[int, int] | None:
        """The first and the last amount that are known; None where there are not two."""
        known = [value for value in self.minor if value is not None]
        return (known[0], known[-1]) if len(known) > 1 else None

    def texts(self) -> list[str | None]:
        """As plain decimals."""
        return [None if value is None else decimal_text(value, self.exponent) for value in self.minor]


def moments(first: int, last: int, count: int = POINTS) -> tuple[int, ...]:
    """Evenly from the first to the last."""
    return tuple(first + (last - first) * i // (count - 1) for i in range(count))


def worth(
    amounts: Mapping[str, Fraction],
    items: Sequence[Mapping[str, Any]],
    prices: Mapping[str, Sequence[Point]],
    times: Sequence[int],
    exponent: int,
    *,
    known_from: int = 0,
) -> Line:
    """`amounts` are today's, `items` newest first; before `known_from` not all items are here, and nothing is known."""
    held, waiting = dict(amounts), [(at, change) for item in items if (at := _at(item)) for change in changes(item)]
    minor: list[int | None] = []
    for time in reversed(times):
        while waiting and waiting[0][0] > time:
            asset, amount = waiting.pop(0)[1]
            held[asset] = held.get(asset, Fraction(0)) - amount
        minor.append(_valued(held, prices, time, exponent) if time >= known_from else None)
    return Line(tuple(times), tuple(reversed(minor)), exponent)


def changes(item: Mapping[str, Any]) -> list[tuple[str, Fraction]]:
    """What an item added to what one holds, by asset. What was only reserved, failed or of an earlier chain: none."""
    if item["kind"] in UNMOVED or item["state"] in HELD or item["state"] in ("failed", "archived"):
        return []
    found, amount = [], fraction(item["amount"])
    if amount is not None and item["direction"] in ("in", "out"):
        found.append((str(item["asset"]), amount if item["direction"] == "in" else -amount))
    received = item["received"]
    if isinstance(received, dict) and (gained := fraction(received.get("amount"))) is not None:
        found.append((str(received.get("asset")), gained))
    return found


def change_of(points: Sequence[Point]) -> tuple[Fraction, Fraction] | None:
    """First and last price; None where there are not two."""
    return (points[0].price, points[-1].price) if len(points) > 1 else None


def _at(item: Mapping[str, Any]) -> int:
    found = moment(item["at"])
    return int(found.timestamp()) if found is not None else 0


def _valued(
    held: Mapping[str, Fraction], prices: Mapping[str, Sequence[Point]], time: int, exponent: int
) -> int | None:
    total = 0
    for asset, amount in held.items():
        if amount <= 0 or asset not in prices:  # below zero by fees that are no items
            continue
        points = prices[asset]
        before = bisect_right(points, time, key=lambda point: point.at)
        if before == 0:
            return None
        total += int(amount * points[before - 1].price * 10**exponent)  # down, as each position is
    return total
