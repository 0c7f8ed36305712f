"""How often one client address may ask: token buckets, bounded in number. Pure; it is given `now`."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

ADDRESSES_MAX = 10_000
_SCALE = 1_000_000_000


@dataclass(slots=True)
class RateLimit:
    """`per_second` requests on average, `burst` at once, counted by key. Integers of 1e-9 requests, never floats."""

    per_second: int
    burst: int
    _buckets: OrderedDict[str, tuple[int, int]] = field(default_factory=OrderedDict)

    def take(self, key: str, now_ns: int, cost: int = 1) -> int:
        """0 when `cost` requests are granted, else the whole seconds to wait. `now_ns` is any steady clock."""
        level, at = self._buckets.pop(key, (self.burst * _SCALE, now_ns))
        level = min(self.burst * _SCALE, level + max(0, now_ns - at) * self.per_second)
        missing = cost * _SCALE - level
        self._buckets[key] = (level - cost * _SCALE if missing <= 0 else level, now_ns)
        if len(self._buckets) > ADDRESSES_MAX:
            self._buckets.popitem(last=False)
        return 0 if missing <= 0 else -(-missing // (self.per_second * _SCALE))
