"""Counters against a model that remembers everything: restarts, refunds and clocks that jump never give more room."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from wallet.policy_counters import BUCKET_SECONDS, DAY_SECONDS, Counters, Moment
from wallet.policy_decision import Charge, Key

KEY, OTHER = Key("r1", "coin"), Key("r2", "coin")
MOST = 100
START = 1_790_000_000


def moment(clock, boot="boot 1"):
    return Moment(clock, boot, clock - START)


class ClockBelieved(Counters):
    """Seeded bug: the clock is believed while the machine runs, so that one which was set back and is right again opens
    a new day."""

    __slots__ = ()

    def moved(self, now):
        wall = max(now.clock, self.wall)
        return wall, wall


class RefundedTwice(Counters):
    """Seeded bug: a refund takes from whatever was counted, whichever reservation it was of."""

    __slots__ = ()

    def refunded(self, charges, bucket):
        return super().refunded((Charge(c.key, 2 * c.amount) for c in charges), bucket)


class DayCutShort(Counters):
    """Seeded bug: what was counted last in a bucket is forgotten when its first would be."""

    __slots__ = ()

    def at(self, now):
        found = super().at(now)
        first = found.bucket - DAY_SECONDS // BUCKET_SECONDS + 1
        counts = {name: {b: n for b, n in kept.items() if b >= first} for name, kept in found.counts.items()}
        return replace(found, counts=counts)


def model(kind):
    class Model(RuleBasedStateMachine):
        """`signed` are the amounts that left, each with the true time, which no clock of the machine's can turn."""

        def __init__(self):
            super().__init__()
            self.true, self.wrong_by, self.boot, self.started = START, 0, 1, START
            self.counters = kind("p", 1).at(moment(START))
            self.signed, self.open = [], []

        def now(self):
            seen = Moment(self.true + self.wrong_by, f"boot {self.boot}", self.true - self.started)
            self.counters = self.counters.at(seen)

        @rule(seconds=st.sampled_from([1, 599, 600, 3600, 43_200, DAY_SECONDS - 1, DAY_SECONDS, DAY_SECONDS + 600]))
        def time_passes(self, seconds):
            self.true += seconds

        @rule(seconds=st.sampled_from([-10 * DAY_SECONDS, -DAY_SECONDS - 600, -3600, -1, 0, 3600, 2 * DAY_SECONDS]))
        def the_clock_is_set(self, seconds):
            self.wrong_by = seconds
            self.now()

        @rule()
        def the_machine_restarts(self):
            """Its clock is right again, or behind, when it is first looked at: one that is ahead then is believed."""
            self.restarts()
            self.boot, self.started, self.wrong_by = self.boot + 1, self.true, min(self.wrong_by, 0)
            self.now()

        @rule(amount=st.integers(MOST // 5, MOST), then=st.sampled_from(["signed", "signed", "fails", "open"]))
        def asks(self, amount, then):
            """Reserved if there is room; signed at once, refunded at once, or left open."""
            self.now()
            used = self.counters.used(KEY)
            if used is not None and used + amount <= MOST:
                charges = [Charge(KEY, amount)]
                self.open.append((self.true, charges, self.counters.bucket))
                self.counters = self.counters.reserved(charges)
                {"signed": self.is_signed, "fails": self.fails_and_is_refunded}.get(then, lambda: None)()

        @precondition(lambda self: self.open)
        @rule()
        def is_signed(self):
            at, charges, _bucket = self.open.pop()
            self.signed.append((at, charges[0].amount))

        @precondition(lambda self: self.open)
        @rule()
        def fails_and_is_refunded(self):
            self.now()
            _at, charges, bucket = self.open.pop()
            self.counters = self.counters.refunded(charges, bucket)

        @rule()
        def restarts(self):
            """What was reserved and not signed is lost; the file is all that there is."""
            self.open.clear()
            self.counters = kind.from_json(json.loads(json.dumps(self.counters.to_json())))

        @precondition(lambda self: len(self.signed) == 3)
        @rule()
        def is_lost(self):
            self.now()
            self.counters = self.counters.closed()

        @invariant()
        def never_more_than_a_day_allows(self):
            times = [at for at, _amount in self.signed]
            for end in times:
                left = sum(amount for at, amount in self.signed if end - DAY_SECONDS < at <= end)
                assert left <= MOST

    return Model


def run(kind, examples):
    """Not made smaller when it fails: that it fails is what a seeded bug has to show."""
    chosen = settings(
        max_examples=examples, stateful_step_count=30, deadline=None, derandomize=True, phases=[Phase.generate]
    )
    run_state_machine_as_test(model(kind), settings=chosen)


def test_no_order_of_events_gives_more_than_a_day(soak):
    run(Counters, 2000 if soak else 250)


@pytest.mark.parametrize("kind", [ClockBelieved, RefundedTwice, DayCutShort])
def test_a_seeded_bug_is_caught(kind):
    with pytest.raises(AssertionError):
        run(kind, 300)


def begun():
    return Counters("p", 1).at(moment(START))


def after(counters, seconds):
    return counters.at(moment(START + seconds))


def test_what_is_counted_is_over_after_a_day_and_not_before():
    counted = begun().reserved([Charge(KEY, 7)])
    assert after(counted, DAY_SECONDS).used(KEY) == 7
    assert after(counted, DAY_SECONDS + BUCKET_SECONDS).used(KEY) == 0
    assert counted.used(OTHER) == 0


def test_closed_counters_tell_nothing_for_a_day_whatever_the_clock_says():
    closed = begun().closed()
    assert closed.used(KEY) is None and after(closed, DAY_SECONDS).used(KEY) is None
    assert closed.at(Moment(START + 9 * DAY_SECONDS, "boot 1", 60)).used(KEY) is None
    assert after(closed, DAY_SECONDS + BUCKET_SECONDS).used(KEY) == 0


def test_a_rule_that_ended_does_not_begin_again_with_the_clock():
    later = after(begun(), 3600)
    back = later.at(Moment(START, "boot 1", 3601))
    assert (back.wall, back.time) == (START + 3601, later.time + 1)
    assert back.at(Moment(START, "boot 2", 5)).wall == START + 3601
    assert back.at(Moment(START + 4000, "boot 2", 9)).wall == START + 4000


def test_a_refund_of_what_is_forgotten_gives_nothing():
    first = begun().reserved([Charge(KEY, 7)])
    later = after(first, 2 * DAY_SECONDS).reserved([Charge(KEY, 5)])
    assert later.refunded([Charge(KEY, 7)], first.bucket).used(KEY) == 5
    assert later.serial == 2
