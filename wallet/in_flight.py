"""What became of transactions that were sent from here, told by (sender, nonce): a hash alone tells nothing. Pure.

A number is used once. So a transaction whose number is in a block, and which is not there itself, was replaced; one
that no node knows, and whose number is free, was dropped and may still come back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Fate(StrEnum):
    """`waiting`: the node has it. `dropped`: the node has it no more, and nothing else took its number."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    REPLACED = "replaced"
    DROPPED = "dropped"


OPEN = ("signed", "sent", "waiting", "dropped")
"""States of which the end is not known."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A transaction of ours as it is kept. `about` is what it moves, for people."""

    hash: str
    sender: str
    nonce: int
    state: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the node says now: `succeeded` None where no block has it; `is_known` whether it has it at all."""

    succeeded: bool | None
    is_known: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One account's numbers. `mined` is how many a block has, `pending` the node's next number."""

    mined: int
    pending: int


def read_kept(document: Mapping[str, Any]) -> list[Kept]:
    """Of what the purse keeps; entries from before numbers were kept are left out."""
    return [
        Kept(
            transaction,
            entry["from"],
            int(entry["nonce"]),
            entry["state"],
            " ".join(str(entry[name]) for name in ("amount", "asset") if name in entry),
        )
        for transaction, entry in document.items()
        if "nonce" in entry and "from" in entry
    ]


def fate_of(kept: Kept, seen: Seen, line: Line) -> Fate:
    """By what the node says now."""
    if seen.succeeded is not None:
        return Fate.DONE if seen.succeeded else Fate.FAILED
    if kept.nonce < line.mined:
        return Fate.REPLACED
    return Fate.WAITING if seen.is_known else Fate.DROPPED


def missing(line: Line, waiting: Iterable[int]) -> list[int]:
    """Numbers that no transaction has and for which those after them wait, lowest first.

    `waiting` are the numbers of transactions that the node has. What is below `pending` it has as well.
    """
    known = set(waiting)
    return [number for number in range(line.pending, max(known, default=0)) if number not in known]
