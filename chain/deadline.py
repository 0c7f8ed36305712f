"""How long a decoder may work, on a clock that is handed in. Pure: what reads the time stands at the edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], int]
"""Nanoseconds that only grow: of the work of this thread where a machine is shared, so that others cost nobody."""

DECODING_NANOSECONDS = 100_000_000
"""What one document or one transaction may take."""


class Deadline:
    """Looked at now and then while decoding; what is not done by then is not understood."""

    __slots__ = ("_clock", "_ends_at")

    def __init__(self, clock: Clock, nanoseconds: int = DECODING_NANOSECONDS) -> None:
        self._clock = clock
        self._ends_at = clock() + nanoseconds

    @property
    def is_over(self) -> bool:
        return self._clock() >= self._ends_at


NEVER = Deadline(lambda: 0)
"""For bytes of our own, and for who has reviewed them already."""
