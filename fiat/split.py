"""Splitting an amount into shares without losing or making a minor unit. Pure.

Each part is rounded down; what is left over, less than one minor unit a part, goes to an account that is named. So the
parts and the remainder are the whole, and no order of the shares favours anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

SHARES_MAX = 1000
SHARE_MAX = 10**18

Name = TypeVar("Name")


@dataclass(frozen=True, slots=True)
class Split(Generic[Name]):
    """`parts` by name, in the order given, and the `remainder_minor` that goes to `remainder_to`."""

    whole_minor: int
    parts: Mapping[Name, int]
    remainder_minor: int
    remainder_to: Name

    @property
    def postings(self) -> dict[Name, int]:
        """What each account gets, the remainder's included; zeros left out. Their sum is the whole."""
        found = dict(self.parts)
        found[self.remainder_to] = found.get(self.remainder_to, 0) + self.remainder_minor
        return {name: minor for name, minor in found.items() if minor}


def split(whole_minor: int, shares: Mapping[Name, int], remainder_to: Name) -> Split[Name]:
    """Divide minor units in the proportion of `shares` (whole numbers, not all zero); the rest goes where it is named.

    A debit is split by splitting its positive amount. Raises ValueError: shares are a programmer's, not a person's.
    """
    total = sum(shares.values())
    if whole_minor < 0 or not 0 < len(shares) <= SHARES_MAX or total <= 0:
        raise ValueError("an amount of 0 or more is split by 1 to 1000 shares that are not all zero")
    if not all(0 <= share <= SHARE_MAX for share in shares.values()):
        raise ValueError("a share is 0 to 10^18")
    parts = {name: whole_minor * share // total for name, share in shares.items()}
    return Split(whole_minor, parts, whole_minor - sum(parts.values()), remainder_to)
