"""Amounts, times and shares as pages show them. Pure; amounts are the decimal texts that came, never floats.

Grouping is the same in English and Chinese: a comma for each three digits, a point before the decimals.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction

_DECIMAL = re.compile(r"(?P<sign>[-+]?)(?P<whole>[0-9]{1,100})(?:\.(?P<decimals>[0-9]{1,100}))?", re.ASCII)
HIDDEN = "••••"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def grouped(text: object) -> str:
    """`1234567.5` as `1,234,567.5`; what is no plain decimal stays as it is."""
    found = _DECIMAL.fullmatch(str(text))
    if found is None:
        return str(text)
    decimals = f".{found['decimals']}" if found["decimals"] else ""
    return f"{found['sign']}{int(found['whole']):,}{decimals}"


def short(text: object, places: int = 8) -> str:
    """The same with at most so many decimals, marked by an ellipsis where digits were cut; never rounded."""
    found = _DECIMAL.fullmatch(str(text))
    if found is None or found["decimals"] is None or len(found["decimals"]) <= places:
        return grouped(text)
    kept = found["decimals"][:places]
    return f"{grouped(found['sign'] + found['whole'])}.{kept}…"


def is_decimal(text: object) -> bool:
    return _DECIMAL.fullmatch(str(text)) is not None


def fraction(text: object) -> Fraction | None:
    """Exact; None for what is no plain decimal."""
    return Fraction(str(text)) if is_decimal(text) else None


def percent(part: Fraction, whole: Fraction, *, signed: bool = False) -> str:
    """`12.3 %`, to the tenth, half away from zero; empty where there is no whole."""
    if whole == 0:
        return ""
    tenths = abs(part) * 1000 / abs(whole)
    number = (tenths.numerator * 2 + tenths.denominator) // (tenths.denominator * 2)
    sign = "−" if part < 0 and number else "+" if signed and number else ""
    return f"{sign}{number // 10:,}.{number % 10} %"


def moment(text: object) -> datetime | None:
    """An RFC 3339 time in UTC; None for anything else."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else None


def day(text: object, language: str) -> str:
    """`27 Nov 2026`, `2026年11月27日`; empty for what is no time."""
    found = moment(text)
    if found is None:
        return ""
    if language == "zh":
        return f"{found.year}年{found.month}月{found.day}日"
    return f"{found.day} {_MONTHS[found.month - 1]} {found.year}"


def clock(text: object) -> str:
    """`18:46`, in UTC."""
    found = moment(text)
    return f"{found:%H:%M}" if found else ""


def minute(at: int) -> str:
    """Unix seconds as `2026-11-27 18:46`, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
