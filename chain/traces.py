"""The chain's own coin that contracts move inside their calls, read from `callTracer` answers. Pure.

What a node traces is its claim: nothing in a block's header proves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from chain.block import listed, members
from chain.errors import AnswerMalformed
from chain.quantity import data, quantity

FRAMES_MAX = 100_000
_MOVING = ("CALL", "CREATE", "CREATE2", "SELFDESTRUCT")


class InnerMove(NamedTuple):
    """`part` counts the transaction's calls from 1 on, in the order in which they were made."""

    transaction_index: int
    part: int
    sender: bytes
    receiver: bytes
    units: int


def inner_moves(answer: object, transaction_count: int) -> list[InnerMove]:
    """Of `debug_traceBlockByHash`, a call tree a transaction; what was reverted is left out. Raises AnswerMalformed."""
    traces = listed(answer, transaction_count)
    if len(traces) != transaction_count:
        raise AnswerMalformed("a trace for each transaction expected")
    found: list[InnerMove] = []
    for index, trace in enumerate(traces):
        frames = _frames(members(members(trace).get("result")))
        for part, frame in enumerate(frames):
            if part == 0 or frame.get("type") not in _MOVING:
                continue  # the first one is the transaction itself
            units = quantity(frame.get("value", "0x0"))
            if units:
                sender, receiver = data(frame.get("from"), 20), data(frame.get("to"), 20)
                found.append(InnerMove(index, part, sender, receiver, units))
    return found


def _frames(first: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Depth first; a frame that failed undid everything inside."""
    waiting, count = [first], 0
    while waiting:
        frame = waiting.pop()
        count += 1
        if count > FRAMES_MAX:
            raise AnswerMalformed("too many calls")
        if frame.get("error") is not None:
            continue
        yield frame
        inside = [members(call) for call in listed(frame.get("calls") or [], FRAMES_MAX)]
        waiting += reversed(inside)
