"""Has the chain that we know moved on, turned back, or begun anew? Decided from hashes alone; what is final, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extend:
    """What is stored still stands; go on after `height` (-1 where nothing is stored)."""

    height: int


@dataclass(frozen=True, slots=True)
class RollBack:
    """Blocks above `height` are no longer part of the chain: others stand in their place."""

    height: int


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The node has no blocks above `height`, and nothing in their place: it lags, or the chain was set back."""

    height: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """Another chain answers: not even the first block is the same."""


@dataclass(frozen=True, slots=True)
class LookDeeper:
    """None of the compared heights is common; compare from `below` downwards, then decide again.

    `conflict`: at one of them another block stands.
    """

    below: int
    conflict: bool = False


Verdict = Extend | RollBack | Shrunk | Restarted | LookDeeper


def compare(stored: Mapping[int, bytes], seen: Mapping[int, bytes | None], tip: int, conflict: bool = False) -> Verdict:
    """`stored` are our block hashes by height, `seen` the node's at those heights (None: it has no such block).

    `stored` is a window of what is known, which ends at `tip` or below one that was compared (`conflict` is what it
    came to); height 0 is always in it. A common block proves all blocks below it.
    """
    if not stored:
        return Extend(-1)
    if seen.get(0) != stored[0]:
        return Restarted()
    common = max(height for height, known in stored.items() if seen.get(height) == known)
    if common == tip:
        return Extend(tip)
    conflict = conflict or any(seen.get(height) not in (None, known) for height, known in stored.items())
    compared = sorted(height for height in stored if height > 0)
    if common == 0 and compared and compared[0] > 1:
        return LookDeeper(compared[0], conflict)
    return RollBack(common) if conflict else Shrunk(common)


def final_height(tip: int, confirmations: int) -> int:
    """The highest block with that many confirmations, its own counted; below 0 where there is none yet."""
    return tip - confirmations + 1
