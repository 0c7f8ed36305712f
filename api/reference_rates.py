"""Reference rates of the European Central Bank (its eurofxref XML files): a second source for currencies. Pure.

They are of a day (around 16:00 CET), for information; nothing is ever quoted at them. Where a feed is further from a
recent one than the bound, the currency's quotes stop: two sources that disagree are one that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction

from api.prices import BASE, PAIRS, Doubt, PriceBook
from fiat.errors import BankFileMalformed
from fiat.xml_tree import Element, parse

EURO = "EUR"
DAYS_MAX = 7
"""A rate that is older is compared with nothing: Easter and Christmas are the longest pauses."""
APART_MAX = Fraction(3, 100)
"""By what part a feed may differ from it: a day's move of the larger currencies is below 2 %."""
_RATE = re.compile(r"(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,9}))?", re.ASCII)
_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
_DAY_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Reference:
    """Units of each currency for one euro, as published on `day`; texts are the file's own, exact."""

    day: date
    rates: Mapping[str, str]

    def rate(self, code: str) -> Fraction | None:
        """Units of the currency for one euro."""
        if code == EURO:
            return Fraction(1)
        return Fraction(self.rates[code]) if code in self.rates else None

    def is_recent(self, now: int) -> bool:
        """`now` in Unix seconds."""
        begin = int(datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC).timestamp())
        return -_DAY_SECONDS <= now - begin <= (DAYS_MAX + 1) * _DAY_SECONDS


def read_eurofxref(body: bytes) -> list[Reference]:
    """The days of a file (daily, 90 days or history), newest first. Raises BankFileMalformed, naming the place."""
    root = parse(body)
    cubes = [cube for outer in _cubes(root) for cube in _cubes(outer)]
    found: dict[date, Reference] = {}
    for cube in cubes:
        reference = _reference(cube)
        if reference.day in found:
            raise BankFileMalformed(f"line {cube.line}", "a day stands there twice")
        found[reference.day] = reference
    if not found:
        raise BankFileMalformed("file", "has no reference rates (eurofxref XML is expected)")
    return [found[day] for day in sorted(found, reverse=True)]


def doubts(book: PriceBook, reference: Reference | None) -> dict[str, Doubt]:
    """Pairs of currencies whose feeds are too far from a recent reference. Without one nothing is in doubt by it."""
    if reference is None or not reference.is_recent(book.now):
        return {}
    found = {}
    for code in (EURO, *reference.rates):
        other = BASE if code == EURO else code
        told, known = book.price(EURO, other).rate, reference.rate(other)
        if code not in PAIRS or told is None or known is None:
            continue
        if abs(told - known) > known * APART_MAX:
            found[PAIRS[code]] = Doubt.DISAGREES
    return found


def _cubes(element: Element) -> list[Element]:
    """The file's own namespace is another than its envelope's."""
    return [child for child in element.children if child.name == "Cube"]


def _reference(cube: Element) -> Reference:
    place = f"line {cube.line}"
    try:
        day = date.fromisoformat(cube.attributes.get("time", ""))
    except ValueError:
        raise BankFileMalformed(place, "time is no day such as 2026-11-27") from None
    rates: dict[str, str] = {}
    for child in _cubes(cube):
        code, rate = child.attributes.get("currency", ""), child.attributes.get("rate", "")
        if rate == "N/A":
            continue
        match = _RATE.fullmatch(rate)
        if not _CODE.fullmatch(code) or match is None or not Fraction(rate):
            raise BankFileMalformed(f"line {child.line}", "a currency code and a rate above zero are expected")
        if code in rates or code == EURO:
            raise BankFileMalformed(f"line {child.line}", "a currency stands there twice")
        rates[code] = rate
    if not rates:
        raise BankFileMalformed(place, "the day has no rates")
    return Reference(day, rates)
