"""The states of a bridge between currencies and tokens: which may follow which, what happens next, and by when. Pure.

Names are SEP-24's, so that whoever knows other anchors knows ours. A state says nothing of where money is; the ledger
does. What comes next is a word here, and a sentence in the person's language at the client. A time by which is a
promise to look, never to undo: money that was held stays held until it is certain what became of the tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

SECOND = 10**9


class State(StrEnum):
    """Where a conversion between a currency and a token stands."""

    INCOMPLETE = "incomplete"
    PENDING_USER_TRANSFER_START = "pending_user_transfer_start"
    PENDING_EXTERNAL = "pending_external"
    PENDING_ANCHOR = "pending_anchor"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    ERROR = "error"


class Way(StrEnum):
    """Which way money crosses, seen from the person: they buy a token, or sell it."""

    BUY = "to_token"
    SELL = "to_fiat"


class Next(StrEnum):
    """What happens next, and whose turn it is."""

    SIGN = "sign"  # the person signs the order that accepts the quote
    PAY = "pay"  # the person pays the treasury from an address that they proved
    SEND = "send"  # the operator's treasury sends the tokens
    CONFIRM = "confirm"  # blocks have to stand on the transaction's before it is final
    CREDIT = "credit"  # the operator posts what came
    REVIEW = "review"  # the operator looks at it, or waits until it can go on
    NOTHING = "nothing"  # it is over


@dataclass(frozen=True, slots=True)
class Step:
    """What comes next in a state, and within how many seconds of entering it (None: no time is promised)."""

    next: Next
    seconds: int | None = None


_OVER = Step(Next.NOTHING)
_OVER_IN = (State.COMPLETED, State.REFUNDED, State.EXPIRED, State.TOO_SMALL, State.TOO_LARGE, State.ERROR)
_ENDS: Mapping[State, Step] = dict.fromkeys(_OVER_IN, _OVER)
QUOTE_SECONDS = 60
"""How long a quote is firm, and so how long a conversion that nobody accepted waits."""

STEPS: Mapping[Way, Mapping[State, Step]] = {
    Way.BUY: {
        State.INCOMPLETE: Step(Next.SIGN, QUOTE_SECONDS),
        State.PENDING_ANCHOR: Step(Next.SEND, 60),
        State.PENDING_EXTERNAL: Step(Next.CONFIRM, 900),
        State.ON_HOLD: Step(Next.REVIEW, 86_400),
        **_ENDS,
    },
    Way.SELL: {
        State.INCOMPLETE: Step(Next.SIGN, QUOTE_SECONDS),
        State.PENDING_USER_TRANSFER_START: Step(Next.PAY, QUOTE_SECONDS),
        State.PENDING_EXTERNAL: Step(Next.CONFIRM, 900),
        State.PENDING_ANCHOR: Step(Next.CREDIT, 60),
        State.ON_HOLD: Step(Next.REVIEW, 86_400),
        **_ENDS,
    },
}
"""What each state means, either way. A state that is not named here does not occur that way."""

_BUY: Mapping[State, frozenset[State]] = {
    State.INCOMPLETE: frozenset({State.PENDING_ANCHOR, State.EXPIRED}),
    State.PENDING_ANCHOR: frozenset({State.PENDING_EXTERNAL, State.ON_HOLD}),
    State.ON_HOLD: frozenset({State.PENDING_EXTERNAL, State.COMPLETED, State.REFUNDED}),
    State.PENDING_EXTERNAL: frozenset({State.COMPLETED, State.REFUNDED, State.ON_HOLD}),
}
_SELL: Mapping[State, frozenset[State]] = {
    State.INCOMPLETE: frozenset({State.PENDING_USER_TRANSFER_START, State.EXPIRED}),
    State.PENDING_USER_TRANSFER_START: frozenset({State.PENDING_EXTERNAL, State.EXPIRED, State.ON_HOLD}),
    State.PENDING_EXTERNAL: frozenset(
        {
            *(State.PENDING_ANCHOR, State.PENDING_USER_TRANSFER_START, State.ON_HOLD),
            *(State.TOO_SMALL, State.TOO_LARGE, State.ERROR),
        }
    ),
    State.PENDING_ANCHOR: frozenset({State.COMPLETED, State.ON_HOLD, State.REFUNDED}),
    State.TOO_LARGE: frozenset({State.ON_HOLD}),
    State.ON_HOLD: frozenset({State.PENDING_ANCHOR, State.COMPLETED, State.REFUNDED, State.TOO_SMALL}),
    State.EXPIRED: frozenset({State.PENDING_EXTERNAL}),  # it was paid after all: re-quoted or returned
}
TRANSITIONS: Mapping[Way, Mapping[State, frozenset[State]]] = {Way.BUY: _BUY, Way.SELL: _SELL}


def may_follow(way: Way, before: State, after: State) -> bool:
    """May `after` come right after `before`? A state stays itself for as long as it likes."""
    return after == before or after in TRANSITIONS[way].get(before, frozenset())


def is_over(way: Way, state: State) -> bool:
    """Does nothing follow by itself?"""
    return STEPS[way][state].next is Next.NOTHING


def due_at(way: Way, state: State, since: int) -> int | None:
    """By when something happens (Unix ns), in the state since `since` (ns)."""
    seconds = STEPS[way][state].seconds
    return None if seconds is None else since + seconds * SECOND
