"""The states of a bridge: every state that occurs says what is next, ends are ends, and no money is left in one."""

from __future__ import annotations

import pytest

from api.bridge_states import QUOTE_SECONDS, SECOND, STEPS, TRANSITIONS, Next, State, Way, due_at, is_over, may_follow

LEGAL_TO_TOKEN = {
    ("incomplete", "pending_anchor"),
    ("incomplete", "expired"),
    ("pending_anchor", "pending_external"),
    ("pending_anchor", "on_hold"),
    ("on_hold", "pending_external"),
    ("on_hold", "completed"),
    ("on_hold", "refunded"),
    ("pending_external", "on_hold"),
    ("pending_external", "completed"),
    ("pending_external", "refunded"),
}


@pytest.mark.parametrize("way", Way)
def test_every_state_that_can_come_says_what_is_next(way):
    followed = {after for afters in TRANSITIONS[way].values() for after in afters}
    for state in {*TRANSITIONS[way], *followed}:
        step = STEPS[way][state]
        assert (step.seconds is None) == (step.next is Next.NOTHING), state


@pytest.mark.parametrize("way", Way)
def test_from_every_state_an_end_can_be_reached(way):
    for start in TRANSITIONS[way]:
        seen, todo = set(), {start}
        while todo:
            seen |= todo
            todo = {after for state in todo for after in TRANSITIONS[way].get(state, ())} - seen
        assert seen & {State.COMPLETED, State.REFUNDED}, start


def test_to_a_token_the_table_is_this_one():
    legal = {(a.value, b.value) for a in State for b in State if a != b and may_follow(Way.BUY, a, b)}
    assert legal == LEGAL_TO_TOKEN


def test_what_was_broadcast_is_never_taken_back_by_time():
    """From pending_external nothing but the chain's word leads on: no expiry, no error, no other sending."""
    after = {state for state in State if may_follow(Way.BUY, State.PENDING_EXTERNAL, state)}
    assert after == {State.PENDING_EXTERNAL, State.COMPLETED, State.REFUNDED, State.ON_HOLD}


def test_a_time_is_told_from_when_the_state_began():
    assert due_at(Way.BUY, State.INCOMPLETE, 5 * SECOND) == (5 + QUOTE_SECONDS) * SECOND
    assert due_at(Way.BUY, State.COMPLETED, 5 * SECOND) is None
    assert is_over(Way.SELL, State.REFUNDED) and not is_over(Way.SELL, State.ON_HOLD)
