"""Periods as people write them: days, both counted in (UTC), or instants, of which the end is not. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from fiat.transfer import TIMESTAMP_MAX

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z", re.ASCII)
YEAR_MAX = 9998
"""Beyond it a day after the last would be no date any more; nanoseconds end long before."""
PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z)?$"


def period(start: str | None, end: str | None) -> tuple[int, int]:
    """`[start, end)` in Unix nanoseconds; without a bound, all time on that side.

    `2026-11-01` to `2026-11-30` is the whole month; `2026-11-01T00:00:00Z` to `2026-12-01T00:00:00Z` too. Raises
    ValueError for another spelling, a day that is none, times before 1970, or an end that is not after the start.
    """
    first = 0 if start is None else nanoseconds(start)
    after = TIMESTAMP_MAX if end is None else nanoseconds(end, is_end=True)
    if after <= first:
        raise ValueError("the period ends before it begins")
    return first, after


def nanoseconds(text: str, *, is_end: bool = False) -> int:
    """The instant that a day begins, or, as an end, that the next one does; of an instant: itself."""
    if _DAY.fullmatch(text):
        day = date.fromisoformat(text)
        moment = datetime(min(day.year, YEAR_MAX), day.month, day.day, tzinfo=UTC) + timedelta(days=int(is_end))
    elif _INSTANT.fullmatch(text):
        moment = datetime.fromisoformat(text)
    else:
        raise ValueError("a day (2026-11-30) or a time in UTC (2026-11-30T12:00:00Z)")
    passed = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
    if not 0 <= passed <= TIMESTAMP_MAX:
        raise ValueError("from 1970 on")
    return passed
