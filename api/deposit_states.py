"""What a person is told of an intent: SEP-24's state, what happens next and by when, and what came. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from api.bridge_states import SECOND, STEPS, Next, State, Way, due_at
from api.deposit_rows import Deposit
from api.deposits import Intent, Stage

_STATES = {
    Stage.SEEN: State.PENDING_EXTERNAL,
    Stage.PENDING: State.PENDING_EXTERNAL,
    Stage.CREDITING: State.PENDING_ANCHOR,
    Stage.KEEPING: State.PENDING_ANCHOR,
    Stage.CREDITED: State.COMPLETED,
    Stage.LOST: State.COMPLETED,
    Stage.KEPT: State.TOO_SMALL,
    Stage.HELD: State.ON_HOLD,
    Stage.RETURNING: State.PENDING_ANCHOR,
    Stage.RETURNED: State.REFUNDED,
    Stage.NOTHING: State.ERROR,
    Stage.OWN: State.COMPLETED,
}


@dataclass(frozen=True, slots=True)
class Told:
    """`due_at` in Unix nanoseconds: by when `next` happens; None where nothing follows by itself."""

    state: State
    next: Next
    due_at: int | None


def told(intent: Intent, deposit: Deposit | None, now: int) -> Told:
    """`now` in Unix nanoseconds."""
    if deposit is None or deposit.stage is Stage.GONE:
        over = intent.ends * SECOND <= now
        state = State.EXPIRED if over else State.PENDING_USER_TRANSFER_START
        until = intent.ends if intent.quote_ends is None else intent.quote_ends
        return Told(state, STEPS[Way.SELL][state].next, None if over else until * SECOND)
    state = _STATES[deposit.stage]
    following = Next.SEND if deposit.stage is Stage.RETURNING else STEPS[Way.SELL][state].next
    return Told(state, following, due_at(Way.SELL, state, deposit.updated_at))
