"""Whether a feed's new round is taken: closed when in doubt. Pure.

A round is judged by itself (positive, complete, in time), by its feed's terms (decimals, bounds), and by the round that
was taken before it: a larger jump than the terms allow closes the pair until a later round says the same, or until it
has stood for a while. Two seconds of a wrong price are enough to lose money by; ten minutes of none are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from api.prices import CLOCK_SLACK_SECONDS, HEARTBEAT_SECONDS, Doubt, Reading
from chain.price_feed import Round

CONFIRM_SECONDS = 600
"""A jump that nothing followed is taken after that long: feeds write no second round while a price stands still."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Of one feed: its rates are between `lowest` and `highest`, and no round is more than `jump` (0.5: half) off."""

    lowest: Fraction
    highest: Fraction
    jump: Fraction
    decimals: int = 8


def _terms(lowest: str, highest: str, jump: str) -> Terms:
    return Terms(Fraction(lowest), Fraction(highest), Fraction(jump))


TERMS: Mapping[str, Terms] = {
    "ETH/USD": _terms("1", "1000000", "0.5"),
    "DUSD/USD": _terms("0.5", "2", "0.1"),
    "EUR/USD": _terms("0.5", "2", "0.1"),
    "GBP/USD": _terms("0.5", "3", "0.1"),
    "CNY/USD": _terms("0.05", "0.5", "0.1"),
    "JPY/USD": _terms("0.002", "0.05", "0.1"),
}
"""A pair that is not named here is never priced."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of one feed: the round that counts, and one that jumped away from it and waits to be confirmed."""

    taken: Round | None = None
    doubted: Round | None = None


def judge(pair: str, watched: Watched, seen: Round, now: int) -> tuple[Watched, Doubt | None]:
    """What is known afterwards, and why `seen` does not count, if so. `now` in Unix seconds."""
    terms = TERMS.get(pair)
    if terms is None:
        return watched, Doubt.NO_FEED
    doubt = _doubt(seen, terms, now)
    if doubt is not None:
        return watched, doubt
    before = watched.taken
    if before is None or _is_old(before, seen) or not _jumps(before, seen, terms.jump):
        return Watched(seen), None
    return _confirmed(watched, seen, terms, now)


def reading(taken: Round) -> Reading:
    """A round that counts, as prices are made of it."""
    return Reading(taken.answer, taken.decimals, taken.updated_at)


def _doubt(seen: Round, terms: Terms, now: int) -> Doubt | None:
    by_itself = reading(seen).doubt(now)
    if by_itself is not None:
        return by_itself
    if seen.answered_in < seen.id or not 0 < seen.started_at <= seen.updated_at + CLOCK_SLACK_SECONDS:
        return Doubt.INCOMPLETE
    if seen.decimals != terms.decimals:
        return Doubt.DECIMALS_CHANGED
    return None if terms.lowest <= reading(seen).rate <= terms.highest else Doubt.OUT_OF_BOUNDS


def _confirmed(watched: Watched, seen: Round, terms: Terms, now: int) -> tuple[Watched, Doubt | None]:
    doubted = watched.doubted
    if doubted is None or _jumps(doubted, seen, terms.jump):
        doubted = seen
    if doubted.id != seen.id or now - seen.updated_at >= CONFIRM_SECONDS:
        return Watched(seen), None
    return Watched(watched.taken, doubted), Doubt.JUMP


def _is_old(before: Round, seen: Round) -> bool:
    """Too long ago to be compared with."""
    return seen.updated_at - before.updated_at > HEARTBEAT_SECONDS


def _jumps(before: Round, seen: Round, jump: Fraction) -> bool:
    """By what part of the lower of the two, so that up and down are judged alike."""
    low, high = sorted((reading(before).rate, reading(seen).rate))
    return high > low * (1 + jump)
