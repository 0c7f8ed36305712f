"""Limits: how much may leave a holder's account in a UTC day or month, by kind of order and currency.

Pure. The person sets limits by control orders, the operator by a policy; the lower wins. What left is counted in a
few bytes that lie in the holder's row, so that a transfer asks the database for nothing more. A limit of all kinds
counts every kind. Every limit is "none" until it is set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from fiat.currency import Currency
from fiat.errors import CurrencyUnknown, LimitExceeded, OrderMalformed
from fiat.money import AMOUNT_MINOR_MAX
from fiat.transfer import NANOSECONDS

NO_LIMIT = (1 << 63) - 1
"""The value that says that there is none. Counters stop here, far above any limit that can be set."""
LIMIT_MAX = AMOUNT_MINOR_MAX
LIMITS_MAX = 120
"""Limits that a person may have at a time."""
SUBJECT_LENGTH = 32
DAY_NS = 86_400 * NANOSECONDS
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_TEXT = re.compile(r"([a-z]{3,10}):([A-Z0-9]{2,6}):(day|month)", re.ASCII)
_COUNTER = Struct(">9sIQQ")  # (kind, currency), day of the last counting (since 1970), that day's sum, that month's
_KEY_LENGTH, _MARK_LENGTH = 9, 13
_SUMS = Struct(">QQ")
_LIMIT = Struct(">9sBQQQ32s")  # (kind, currency), period, value; the raise that waits: value, when (ns), its nonce


class LimitKind(IntEnum):
    """What a limit counts: orders of one type (the orders' own numbers; collections as mandates), or all of them."""

    ALL = 0
    TRANSFER = 1
    WITHDRAWAL = 2
    CONVERSION = 3
    HOLD = 4
    MANDATE = 5


class Period(IntEnum):
    """A calendar day or month in UTC."""

    DAY = 1
    MONTH = 2


class LimitKey(NamedTuple):
    """What a limit is about. Spelled `transfer:EUR:day`; in an order that text padded with NUL to 32 bytes."""

    kind: LimitKind
    currency: str
    period: Period

    @property
    def text(self) -> str:
        return f"{self.kind.name.lower()}:{self.currency}:{self.period.name.lower()}"

    @property
    def subject(self) -> bytes:
        """32 bytes: what a LedgerControl names it by."""
        return self.text.encode().ljust(SUBJECT_LENGTH, b"\0")

    @classmethod
    def parse(cls, text: str) -> LimitKey:
        """Read `kind:CUR:period`. Raises OrderMalformed."""
        found = _TEXT.fullmatch(text)
        kind = LimitKind.__members__.get(found[1].upper()) if found else None
        if found is None or kind is None:
            raise OrderMalformed("subject", "is kind:CUR:day or kind:CUR:month")
        try:
            currency = Currency(found[2], 0).code
        except CurrencyUnknown:
            raise OrderMalformed("subject", "names no currency") from None
        return cls(kind, currency, Period[found[3].upper()])

    @classmethod
    def of_subject(cls, subject: bytes) -> LimitKey:
        """Read a control's subject in its one spelling. Raises OrderMalformed."""
        key = cls.parse(subject.rstrip(b"\0").decode("ascii", "replace"))
        if key.subject != subject:
            raise OrderMalformed("subject", "is kind:CUR:period padded with NUL to 32 bytes")
        return key


class Raise(NamedTuple):
    """A raise that was ordered: the value, the instant (ns) from which it holds, and its order's nonce."""

    value: int
    effective_at: int
    nonce: bytes


class OwnLimit(NamedTuple):
    """A limit that the person set: what held before the raise, and the raise, if one was ordered since."""

    value: int
    raised: Raise | None = None

    def at(self, timestamp: int) -> int:
        """The value in force at an instant (ns)."""
        return self.raised.value if self.raised is not None and self.raised.effective_at <= timestamp else self.value

    def pending(self, timestamp: int) -> Raise | None:
        """The raise that is still to come."""
        return self.raised if self.raised is not None and self.raised.effective_at > timestamp else None


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's limits in minor units: for everyone, and for single holders (by id) in place of those."""

    limits: Mapping[LimitKey, int] = field(default_factory=dict)
    by_holder: Mapping[bytes, Mapping[LimitKey, int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.limits or self.by_holder)

    def limit(self, holder: bytes, key: LimitKey) -> int:
        """NO_LIMIT where the operator sets none."""
        own = self.by_holder.get(holder, {}).get(key)
        return self.limits.get(key, NO_LIMIT) if own is None else own

    def keys(self, holder: bytes) -> set[LimitKey]:
        return {*self.limits, *self.by_holder.get(holder, {})}


NO_POLICY = Policy()


def spend(
    holder: bytes,
    limits: bytes,
    spent: bytes,
    policy: Policy,
    kind: int,
    currency: str,
    amount_minor: int,
    timestamp: int,
) -> bytes:
    """The holder's counters once this left their account at `timestamp` (ns). Raises LimitExceeded.

    `kind` is the order's (LimitKind's numbers); a fee counts under its order's. `limits` and `spent` are the values
    of the holder's row.
    """
    if (limits or policy) and amount_minor:
        _check(holder, limits, spent, policy, kind, currency, amount_minor, timestamp)
    return count(spent, kind, currency, amount_minor, timestamp)


def count(spent: bytes, kind: int, currency: str, amount_minor: int, timestamp: int) -> bytes:
    """The counters with this added. `timestamp` (ns) never goes back."""
    day = timestamp // DAY_NS
    mark = _mark(kind, currency, day)
    today = month = at = 0
    if spent.startswith(mark):  # the counter that was moved last lies in front; most people need no other
        today, month = _SUMS.unpack_from(spent, _MARK_LENGTH)
    elif (at := _find(spent, mark[:_KEY_LENGTH])) < len(spent):
        _, last, today, month = _COUNTER.unpack_from(spent, at)
        today, month = _sums(last, today, month, day)
    today, month = today + amount_minor, month + amount_minor
    if month > NO_LIMIT:
        today, month = min(today, NO_LIMIT), NO_LIMIT
    return mark + _SUMS.pack(today, month) + spent[:at] + spent[at + _COUNTER.size :]


def used(spent: bytes, key: LimitKey, timestamp: int) -> int:
    """What counts against this limit in the period that `timestamp` (ns) lies in."""
    total, day = 0, timestamp // DAY_NS
    for counted, last, today, month in _COUNTER.iter_unpack(spent):
        if key.kind in (LimitKind.ALL, counted[0]) and counted[1:].rstrip(b"\0") == key.currency.encode():
            total += _sums(last, today, month, day)[key.period == Period.MONTH]
    return total


def spent_keys(spent: bytes) -> Iterator[tuple[LimitKind, str]]:
    """Kinds and currencies that were ever counted."""
    for counted, *_ in _COUNTER.iter_unpack(spent):
        yield LimitKind(counted[0]), counted[1:].rstrip(b"\0").decode()


def window(period: Period, timestamp: int) -> tuple[int, int]:
    """The UTC day or month that `timestamp` lies in: its first instant and the next one's (ns)."""
    day = timestamp // DAY_NS
    if period is Period.DAY:
        return day * DAY_NS, (day + 1) * DAY_NS
    first = date.fromordinal(_EPOCH_ORDINAL + day).replace(day=1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    start, end = ((d.toordinal() - _EPOCH_ORDINAL) * DAY_NS for d in (first, following))
    return start, end


@lru_cache(maxsize=4096)
def own_limits(limits: bytes) -> Mapping[LimitKey, OwnLimit]:
    """What the person set, from the bytes in their row."""
    found = {}
    for counted, period, value, raised, effective_at, nonce in _LIMIT.iter_unpack(limits):
        key = LimitKey(LimitKind(counted[0]), counted[1:].rstrip(b"\0").decode(), Period(period))
        found[key] = OwnLimit(value, Raise(raised, effective_at, nonce) if effective_at else None)
    return found


def limits_bytes(limits: Mapping[LimitKey, OwnLimit]) -> bytes:
    """The bytes that `own_limits` reads; one spelling of each mapping, without limits that limit nothing."""
    return b"".join(
        _LIMIT.pack(_counter_key(key.kind, key.currency), key.period, own.value, *(own.raised or (0, 0, bytes(32))))
        for key, own in sorted(limits.items())
        if own != OwnLimit(NO_LIMIT)
    )


def _check(
    holder: bytes,
    limits: bytes,
    spent: bytes,
    policy: Policy,
    kind: int,
    currency: str,
    amount_minor: int,
    timestamp: int,
) -> None:
    own = own_limits(limits)
    for counted in (LimitKind(kind), LimitKind.ALL):
        for period in Period:
            key = LimitKey(counted, currency, period)
            limit = min(own[key].at(timestamp) if key in own else NO_LIMIT, policy.limit(holder, key))
            if limit < NO_LIMIT and (before := used(spent, key, timestamp)) + amount_minor > limit:
                kind_name, period_name = counted.name.lower(), period.name.lower()
                raise LimitExceeded(kind_name, currency, period_name, limit, before, amount_minor)


def _sums(last: int, today: int, month: int, day: int) -> tuple[int, int]:
    """A counter's two sums as they stand on `day`: they begin again with the day and with the month."""
    if last == day:
        return today, month
    return 0, month if _month(last) == _month(day) else 0


@lru_cache(maxsize=64)
def _month(day: int) -> tuple[int, int]:
    then = date.fromordinal(_EPOCH_ORDINAL + day)
    return then.year, then.month


def _find(spent: bytes, key: bytes) -> int:
    """Where the counter of that kind and currency begins; the end where there is none yet."""
    return next((at for at in range(0, len(spent), _COUNTER.size) if spent.startswith(key, at)), len(spent))


@lru_cache(maxsize=1024)
def _mark(kind: int, currency: str, day: int) -> bytes:
    return _counter_key(kind, currency) + day.to_bytes(4, "big")


@lru_cache(maxsize=1024)
def _counter_key(kind: int, currency: str) -> bytes:
    return bytes([kind]) + currency.encode().ljust(_KEY_LENGTH - 1, b"\0")
