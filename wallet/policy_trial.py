"""A dry run: what a policy would have said to the requests that the log remembers, counted in their order. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chain.errors import ChainError
from wallet.policy import Policy, Verdict
from wallet.policy_counters import Counters, Moment
from wallet.policy_decision import Decision, decide
from wallet.policy_log import Entry, requests_of
from wallet.policy_request import Request, read_request


@dataclass(frozen=True, slots=True)
class Tried:
    """`was` is what was said at the time, `decision` what these rules say. `at` in Unix seconds."""

    at: int
    request: Request
    was: Verdict
    decision: Decision

    def to_json(self) -> dict[str, Any]:
        request = self.request.to_json()
        return {"at": self.at, "request": request, "was": self.was, "would_be": self.decision.to_json()}


def tried(policy: Policy, entries: Iterable[Entry]) -> tuple[Tried, ...]:
    """Oldest first. What these rules allow counts against them from then on, as it would have.

    What a token is called and counts in is as the rules of that time had it: a call to a token that no rule named then
    may stand there as not understood.
    """
    counters = Counters(policy.id, policy.serial)
    found = []
    for entry in requests_of(entries):
        try:
            request, was, at = read_request(entry["request"]), Verdict(entry["verdict"]), int(entry["at"])
        except (KeyError, TypeError, ValueError, ChainError):
            continue
        counters = counters.at(Moment(at, "log", at))
        decision = decide(policy, request, counters.used, counters.wall)
        if decision.verdict is Verdict.ALLOW:
            counters = counters.reserved(decision.charges)
        found.append(Tried(at, request, was, decision))
    return tuple(found)
