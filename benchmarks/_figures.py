"""What every benchmark prints: ours and a peer in the same run, interleaved, as medians and their ratio.

Each program takes `--quick` (fewer rounds) and `--json`, and ends with 0 if every floor holds; goals are reported as
met or missed. Single times mean little on a shared machine; the ratio of interleaved medians is the figure.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Figure:
    """`ours` and `peer` are rounds of the same `unit`; the ratio ours/peer must be at most (or at least) the limits."""

    name: str
    unit: str
    peer_name: str
    sense: str  # "at most" or "at least"
    floor: float | None  # None: nothing is asked of it
    goal: float
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(self.ours) / statistics.median(self.peer)

    def holds(self, limit: float | None) -> bool:
        if limit is None:
            return True
        return self.ratio <= limit if self.sense == "at most" else self.ratio >= limit

    def document(self) -> dict[str, object]:
        return {
            "name": self.name,
            "unit": self.unit,
            "peer": self.peer_name,
            "ours": self.ours,
            "peer_rounds": self.peer,
            "ours_median": statistics.median(self.ours),
            "peer_median": statistics.median(self.peer),
            "ratio": round(self.ratio, 3),
            "floor": "none" if self.floor is None else f"{self.sense} {self.floor}",
            "goal": f"{self.sense} {self.goal}",
            "floor_holds": self.holds(self.floor),
            "goal_met": self.holds(self.goal),
        }


def arguments(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    return parser.parse_args()


def interleave(figure: Figure, rounds: int, ours: Callable[[], float], peer: Callable[[], float]) -> Figure:
    """One uncounted round of each, then ours and the peer in turn."""
    ours(), peer()
    for _ in range(rounds):
        figure.ours.append(ours())
        figure.peer.append(peer())
    return figure


async def interleave_async(
    figure: Figure, rounds: int, ours: Callable[[], Awaitable[float]], peer: Callable[[], Awaitable[float]]
) -> Figure:
    """`interleave` of rounds that are awaited."""
    await ours()
    await peer()
    for _ in range(rounds):
        figure.ours.append(await ours())
        figure.peer.append(await peer())
    return figure


def report(figures: list[Figure], *, as_json: bool) -> int:
    """Print them; the exit status is 0 if every floor holds."""
    if as_json:
        json.dump([figure.document() for figure in figures], sys.stdout, indent=1)
        print()
    else:
        for figure in figures:
            said = figure.document()
            print(
                f"{figure.name}: {said['ours_median']:.4g} {figure.unit}, {figure.peer_name} {said['peer_median']:.4g}"
            )
            met = "met" if said["goal_met"] else "missed"
            floor = "holds" if said["floor_holds"] else "BROKEN"
            limits = f"goal {said['goal']} {met}; floor {said['floor']} {floor}"
            print(f"   ratio {figure.ratio:.2f}; {limits}; {len(figure.ours)} rounds")
    return 0 if all(figure.holds(figure.floor) for figure in figures) else 1
