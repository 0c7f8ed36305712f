"""Until when and how often, as people type it: `7d`, `12h`, `2026-12-31`; `day`, `week`, `month`, seconds. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from wallet.errors import InputMalformed
from wallet.review_orders import PERIODS

_SPAN = re.compile(r"([1-9][0-9]{0,5})(m|h|d|w)", re.ASCII)
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_PERIOD = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
PERIOD_SECONDS_MIN = 60


def read_until(text: str, now: int) -> int:
    """Unix seconds: a span from `now`, or a date, which lasts until its end in UTC. Raises InputMalformed."""
    if span := _SPAN.fullmatch(text):
        return now + int(span[1]) * _SECONDS[span[2]]
    try:
        day = date.fromisoformat(text) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise InputMalformed("until", text[:40], "7d, 12h, 30m or a date such as 2026-12-31 is expected") from None
    until = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    if until <= now:
        raise InputMalformed("until", text[:40], "that is over already")
    return until


def read_period(text: str) -> int:
    """Seconds; a month is thirty days. Raises InputMalformed."""
    if text in PERIODS:
        return PERIODS[text]
    if not _PERIOD.fullmatch(text) or int(text) < PERIOD_SECONDS_MIN:
        raise InputMalformed("period", text[:40], "day, week, month or a number of seconds from 60 is expected")
    return int(text)
