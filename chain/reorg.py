"""Has the chain that we know moved on, turned back, or begun anew? Decided from hashes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extend:
    """What is stored still stands; go on after `height` (-1 where nothing is stored)."""

    height: int


@dataclass(frozen=True, slots=True)
class RollBack:
    """Blocks above `height` are no longer part of the chain."""

    height: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """Another chain answers: not even the first block is the same."""


@dataclass(frozen=True, slots=True)
class LookDeeper:
    """None of the compared heights is common; compare from `below` downwards, then decide again."""

    below: int


Verdict = Extend | RollBack | Restarted | LookDeeper


def compare(stored: Mapping[int, bytes], seen: Mapping[int, bytes | None], tip: int) -> Verdict:
    """`stored` are our block hashes by height, `seen` the node's at those heights (None: it has no such block).

    `stored` is a window of what is known, which ends at `tip`; height 0 is always in it. A common block proves all
    blocks below it.
    """
    if not stored:
        return Extend(-1)
    if seen.get(0) != stored[0]:
        return Restarted()
    common = max(height for height, known in stored.items() if seen.get(height) == known)
    if common == tip:
        return Extend(tip)
    compared = sorted(height for height in stored if height > 0)
    if common == 0 and compared and compared[0] > 1:
        return LookDeeper(compared[0])
    return RollBack(common)
