"""Fees: exact integers from a schedule, the same at the server that takes them and the client that shows them. Pure.

A schedule is a fixed part, a rate or marginal tiers (parts per million), a minimum and a maximum, and who pays. The
parts are added exactly and rounded **up** once, at the end: a fraction never stays with whoever asked. The minimum and
the maximum hold after rounding. Amounts are minor units of one currency; the schedule does not know which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fiat.errors import AmountRefused, FeeExceedsAmount, FeeScheduleWrong
from fiat.money import AMOUNT_MINOR_MAX, parse_minor

MILLION = 1_000_000
TIERS_MAX = 32
_FIELDS = {"fixed_minor", "rate_ppm", "tiers", "minimum_minor", "maximum_minor", "paid_by"}


class PaidBy(StrEnum):
    """The payer pays on top of the amount; the payee gets the amount less the fee."""

    PAYER = "payer"
    PAYEE = "payee"


@dataclass(frozen=True, slots=True)
class Tier:
    """`rate_ppm` of what lies above the tier before and up to `up_to_minor`; None: all that lies above."""

    up_to_minor: int | None
    rate_ppm: int


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """What one kind of operation costs. Without a part: nothing. Raises FeeScheduleWrong."""

    fixed_minor: int = 0
    rate_ppm: int = 0
    tiers: tuple[Tier, ...] = ()
    minimum_minor: int = 0
    maximum_minor: int | None = None
    paid_by: PaidBy = PaidBy.PAYER

    def __post_init__(self) -> None:
        for field in ("fixed_minor", "minimum_minor"):
            _check(0 <= getattr(self, field) <= AMOUNT_MINOR_MAX, field, "is 0 to 10^17 minor units")
        _check(0 <= self.rate_ppm <= MILLION, "rate_ppm", "is 0 to 1000000 parts per million")
        if self.maximum_minor is not None:
            fits = self.minimum_minor <= self.maximum_minor <= AMOUNT_MINOR_MAX
            _check(fits, "maximum_minor", "is at least the minimum and at most 10^17")
        if self.tiers:
            _check(not self.rate_ppm, "rate_ppm", "comes without tiers or not at all")
            _check_tiers(self.tiers)

    @property
    def is_free(self) -> bool:
        return not (self.fixed_minor or self.rate_ppm or self.minimum_minor or any(t.rate_ppm for t in self.tiers))

    @property
    def names_amounts(self) -> bool:
        """Does it say minor units somewhere, so that it belongs to one currency?"""
        bounds = any(tier.up_to_minor is not None for tier in self.tiers)
        return bool(self.fixed_minor or self.minimum_minor or self.maximum_minor is not None or bounds)


@dataclass(frozen=True, slots=True)
class Charge:
    """What an operation of `amount_minor` comes to: `leaves_minor` of the payer = `arrives_minor` + `fee_minor`."""

    amount_minor: int
    fee_minor: int
    leaves_minor: int
    arrives_minor: int


def fee_minor(schedule: FeeSchedule, amount_minor: int) -> int:
    """The fee of a positive amount, in minor units, rounded up once. Never falls as the amount grows."""
    if not 0 < amount_minor <= AMOUNT_MINOR_MAX:
        raise ValueError("a fee is worked out for 1 to 10^17 minor units")
    millionths = amount_minor * schedule.rate_ppm + _tiered(schedule.tiers, amount_minor)
    whole = schedule.fixed_minor + ceiling(millionths, MILLION)
    whole = max(whole, schedule.minimum_minor)
    return whole if schedule.maximum_minor is None else min(whole, schedule.maximum_minor)


def charge(schedule: FeeSchedule, amount_minor: int) -> Charge:
    """The fee, and what leaves and what arrives. Raises FeeExceedsAmount where nothing would arrive."""
    fee = fee_minor(schedule, amount_minor)
    if schedule.paid_by is PaidBy.PAYER:
        return Charge(amount_minor, fee, amount_minor + fee, amount_minor)
    if fee >= amount_minor:
        raise FeeExceedsAmount(amount_minor, fee)
    return Charge(amount_minor, fee, amount_minor, amount_minor - fee)


def ceiling(numerator: int, denominator: int) -> int:
    """The least whole number that is not below the fraction; `denominator` is positive."""
    return -(-numerator // denominator)


def schedule_from_json(document: object) -> FeeSchedule:
    """Read a schedule as settings and answers spell it: amounts are digit strings, rates are integers.

    `{"fixed_minor": "25", "tiers": [{"up_to_minor": "10000", "rate_ppm": 9000}, {"rate_ppm": 5000}],
    "minimum_minor": "10", "maximum_minor": "5000", "paid_by": "payer"}`; every member may be left out, none is unknown.
    Raises FeeScheduleWrong naming the member.
    """
    fields = _object(document, "schedule", _FIELDS)
    tiers = fields.get("tiers", [])
    _check(isinstance(tiers, list), "tiers", "is a list")
    paid_by = fields.get("paid_by", PaidBy.PAYER.value)
    _check(paid_by in tuple(PaidBy), "paid_by", "is payer or payee")
    return FeeSchedule(
        fixed_minor=_minor(fields, "fixed_minor") or 0,
        rate_ppm=_rate(fields),
        tiers=tuple(_tier(tier) for tier in tiers),
        minimum_minor=_minor(fields, "minimum_minor") or 0,
        maximum_minor=_minor(fields, "maximum_minor"),
        paid_by=PaidBy(paid_by),
    )


def schedule_to_json(schedule: FeeSchedule) -> dict[str, Any]:
    """Every member, as `schedule_from_json` reads it; an amount that is not there is null."""
    return {
        "fixed_minor": str(schedule.fixed_minor),
        "rate_ppm": schedule.rate_ppm,
        "tiers": [{"up_to_minor": _text(t.up_to_minor), "rate_ppm": t.rate_ppm} for t in schedule.tiers],
        "minimum_minor": str(schedule.minimum_minor),
        "maximum_minor": _text(schedule.maximum_minor),
        "paid_by": schedule.paid_by.value,
    }


def _tiered(tiers: Sequence[Tier], amount_minor: int) -> int:
    """Millionths of a minor unit: each part of the amount at the rate of its tier."""
    total, below = 0, 0
    for tier in tiers:
        top = amount_minor if tier.up_to_minor is None else min(amount_minor, tier.up_to_minor)
        if top > below:
            total += (top - below) * tier.rate_ppm
            below = top
    return total


def _check_tiers(tiers: Sequence[Tier]) -> None:
    _check(len(tiers) <= TIERS_MAX, "tiers", f"are at most {TIERS_MAX}")
    _check(tiers[-1].up_to_minor is None, "tiers", "end with one that has no up_to_minor")
    below = 0
    for tier in tiers:
        _check(0 <= tier.rate_ppm <= MILLION, "rate_ppm", "is 0 to 1000000 parts per million")
    for tier in tiers[:-1]:
        top = tier.up_to_minor
        rises = top is not None and below < top <= AMOUNT_MINOR_MAX
        _check(rises, "up_to_minor", "rises from tier to tier, up to 10^17")
        below = top or 0


def _tier(document: object) -> Tier:
    fields = _object(document, "tiers", {"up_to_minor", "rate_ppm"})
    return Tier(_minor(fields, "up_to_minor"), _rate(fields))


def _object(document: object, field: str, known: set[str]) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise FeeScheduleWrong(field, "is an object")
    for name in document:
        _check(name in known, str(name), "is unknown")
    return document


def _minor(fields: Mapping[str, Any], field: str) -> int | None:
    text = fields.get(field)
    if text is None:
        return None
    try:
        return parse_minor(text if isinstance(text, str) else "?")
    except AmountRefused:
        raise FeeScheduleWrong(field, "is a text of plain digits, minor units up to 10^17") from None


def _rate(fields: Mapping[str, Any]) -> int:
    rate = fields.get("rate_ppm", 0)
    if type(rate) is not int:
        raise FeeScheduleWrong("rate_ppm", "is a whole number of parts per million")
    return rate


def _text(amount_minor: int | None) -> str | None:
    return None if amount_minor is None else str(amount_minor)


def _check(holds: bool, field: str, reason: str) -> None:
    if not holds:
        raise FeeScheduleWrong(field, reason)


FREE = FeeSchedule()
