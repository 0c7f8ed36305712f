"""Counters of what a policy has allowed in the last 24 hours. Pure: every change gives new ones.

They have a time of their own, which only goes forward: by what the system counts since it was started, whatever its
clock is set to; over a restart of the machine by the clock, where that is ahead of all that was seen before. An amount
is counted in a bucket of ten minutes and is forgotten 24 hours after the bucket's end, so that a day is never shorter
than a day. Counters whose file was lost are closed: they tell nothing until a whole day is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from wallet.policy_decision import Charge, Key

BUCKET_SECONDS = 600
DAY_SECONDS = 86_400
_KEPT_BUCKETS = DAY_SECONDS // BUCKET_SECONDS

Counts = Mapping[str, Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Moment:
    """What the system says: its clock (Unix seconds), and the seconds since it was started, by the start's own id."""

    clock: int
    boot: str
    elapsed: int


@dataclass(frozen=True, slots=True)
class Counters:
    """`policy` and `policy_serial` are those of the policy that was last in force; `serial` counts the changes here.

    `time` is the counters' own, at `elapsed` seconds of `boot`; `wall` is the latest that the clock can be by all that
    was seen, by which rules begin and end. `closed_until` is when what was lost is over. `logged` is the number of the
    last entry of the log at that time.
    """

    policy: str
    policy_serial: int
    serial: int = 0
    time: int = 0
    wall: int = 0
    boot: str = ""
    elapsed: int = 0
    closed_until: int = 0
    logged: int = 0
    counts: Counts = field(default_factory=dict)

    def at(self, now: Moment) -> Self:
        """At this moment; what is over a day old is forgotten."""
        time, wall = self.moved(now)
        first = time // BUCKET_SECONDS - _KEPT_BUCKETS
        kept = {name: {b: n for b, n in buckets.items() if b >= first} for name, buckets in self.counts.items()}
        counts = {name: buckets for name, buckets in kept.items() if buckets}
        return replace(self, time=time, wall=wall, boot=now.boot, elapsed=now.elapsed, counts=counts)

    def moved(self, now: Moment) -> tuple[int, int]:
        """Time and wall clock at that moment, neither earlier than before."""
        if now.boot == self.boot:
            passed = max(now.elapsed - self.elapsed, 0)
            return self.time + passed, max(now.clock, self.wall + passed)
        passed = max(now.clock - self.wall, 0)
        return self.time + passed, self.wall + passed

    def used(self, key: Key) -> int | None:
        """In the last 24 hours; None while that is not known."""
        if self.time < self.closed_until:
            return None
        return sum(self.counts.get(key.text, {}).values())

    def reserved(self, charges: Iterable[Charge]) -> Self:
        """Counted now, whatever comes of it."""
        return self._changed(charges, self.bucket, 1)

    def refunded(self, charges: Iterable[Charge], bucket: int) -> Self:
        """Of a reservation that nothing was signed under; of one that is forgotten already nothing comes back."""
        return self._changed(charges, bucket, -1)

    def closed(self) -> Self:
        """What was counted before is not known: no room for a whole day and the bucket that it began in."""
        until = max(self.closed_until, self.time + DAY_SECONDS + BUCKET_SECONDS)
        return replace(self, serial=self.serial + 1, closed_until=until)

    @property
    def bucket(self) -> int:
        return self.time // BUCKET_SECONDS

    def to_json(self) -> dict[str, Any]:
        """Amounts as digit strings."""
        counts = {name: {str(b): str(n) for b, n in buckets.items()} for name, buckets in self.counts.items()}
        return {
            "policy": self.policy,
            "policy_serial": self.policy_serial,
            "serial": self.serial,
            "time": self.time,
            "wall": self.wall,
            "boot": self.boot,
            "elapsed": self.elapsed,
            "closed_until": self.closed_until,
            "logged": self.logged,
            "counts": counts,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """What `to_json` wrote. Raises KeyError, TypeError, ValueError."""
        counts = {
            str(name): {int(b): int(n) for b, n in buckets.items()} for name, buckets in document["counts"].items()
        }
        names = ("policy_serial", "serial", "time", "wall", "elapsed", "closed_until", "logged")
        numbers = {name: int(document[name]) for name in names}
        return cls(policy=str(document["policy"]), boot=str(document["boot"]), counts=counts, **numbers)

    def _changed(self, charges: Iterable[Charge], bucket: int, sign: int) -> Self:
        counts = {name: dict(buckets) for name, buckets in self.counts.items()}
        for charge in charges:
            buckets = counts.setdefault(charge.key.text, {})
            if sign > 0 or bucket in buckets:
                buckets[bucket] = max(buckets.get(bucket, 0) + sign * charge.amount, 0)
        return replace(self, serial=self.serial + 1, counts=counts)
