"""Six digits that a person carries from the terminal to the extension: two minutes, three tries, once. Pure.

Whoever has them gets a token; so they are shown on the person's own screen alone, and a guess uses a try up.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from enum import StrEnum

SECONDS = 120
TRIES = 3
DIGITS = 6


class Verdict(StrEnum):
    """`NO_CODE`: none is shown, or it is over."""

    RIGHT = "right"
    WRONG = "code"
    NO_CODE = "no-code"


@dataclass(frozen=True, slots=True)
class PairingCode:
    """`ends_at` by the same clock as `now`; `tries` are left."""

    digits: str = field(repr=False)
    ends_at: float
    tries: int = TRIES

    def tried(self, digits: str, now: float) -> tuple[Verdict, PairingCode | None]:
        """What that was, and what is left of the code: nothing after the right one, the last try or its time."""
        if now >= self.ends_at:
            return Verdict.NO_CODE, None
        if hmac.compare_digest(self.digits.encode(), digits.encode(errors="replace")):
            return Verdict.RIGHT, None
        left = replace(self, tries=self.tries - 1)
        return (Verdict.WRONG, left) if left.tries else (Verdict.NO_CODE, None)


def new_code(number: int, now: float) -> PairingCode:
    """Of a random number below 10^6."""
    return PairingCode(f"{number:0{DIGITS}d}", now + SECONDS)
