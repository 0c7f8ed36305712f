"""What a policy says to a request: allow, ask or deny, by which rule, why, and what it would use up. Pure.

The default is to ask. Deny beats ask beats allow. What cannot be told (a doubt, a token that no limit names, no
simulation, a price that is stale) asks. One rule has to cover the whole of a request to allow it, and only what it
allows counts against its amounts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chain.address import Address
from wallet.policy import ANYBODY, DAY_MINUTES, NANO, Limit, Policy, Reason, Rule, Verdict, Worth
from wallet.policy_request import Price, Request

PRICE_SECONDS_MAX = 600
PRICE_AHEAD_SECONDS_MAX = 60
_DAY = 86_400


_NEARNESS = list(Reason)


@dataclass(frozen=True, slots=True)
class Key:
    """What one counter counts: a rule's use of a token or, with a currency, of its worth, or of fees."""

    rule: str
    what: str

    @property
    def text(self) -> str:
        return f"{self.rule} {self.what}"


@dataclass(frozen=True, slots=True)
class Charge:
    key: Key
    amount: int


@dataclass(frozen=True, slots=True)
class Decision:
    """`rule` is the one that decided, "" for none; `about` the doubt, where there is one."""

    verdict: Verdict
    reason: Reason
    rule: str = ""
    about: str = ""
    charges: tuple[Charge, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"verdict": self.verdict, "reason": self.reason, "rule": self.rule, "about": self.about}


Used = Callable[[Key], int | None]
"""What a counter has counted in the last 24 hours; None where that is not known any more."""


def decide(policy: Policy | None, request: Request, used: Used, now: int) -> Decision:
    """`now` in Unix seconds, never earlier than any before (wallet.policy_counters)."""
    if policy is None or not policy.is_on:
        return Decision(Verdict.ASK, Reason.NO_POLICY)
    standing = [rule for rule in policy.rules if _is_for(rule, request, now)]
    refusing = [(rule, _touches(rule, request)) for rule in standing if rule.verdict is not Verdict.ALLOW]
    for verdict in (Verdict.DENY, Verdict.ASK):
        for rule, touches in refusing:
            if rule.verdict is verdict and touches:
                return Decision(verdict, Reason.RULE, rule.id)
    for rule, touches in refusing:
        if touches is None:
            return Decision(Verdict.ASK, Reason.UNSURE, rule.id)
    allowing = [rule for rule in standing if rule.verdict is Verdict.ALLOW]
    if request.doubts and allowing:
        return Decision(Verdict.ASK, Reason.DOUBT, "", request.doubts[0])
    found = [_judged(rule, request, used, now) for rule in allowing]
    allowed = next((one for one in found if one.verdict is Verdict.ALLOW), None)
    nearest = max(found, key=lambda one: _NEARNESS.index(one.reason), default=None)
    return allowed or nearest or Decision(Verdict.ASK, Reason.NO_RULE)


def _is_for(rule: Rule, request: Request, now: int) -> bool:
    """Client, kind, chain, account and time: what is known of every request."""
    if rule.client not in (ANYBODY, request.client) or (rule.kinds and request.kind not in rule.kinds):
        return False
    if rule.chain_id is not None and request.chain_id != rule.chain_id:
        # Data without a chain may be of any: an allow rule does not cover it, the others are not rid of it.
        return rule.verdict is not Verdict.ALLOW and request.chain_id is None
    if rule.account is not None and request.account != rule.account:
        return False
    return _is_now(rule, now)


def _is_now(rule: Rule, now: int) -> bool:
    if (rule.since is not None and now < rule.since) or (rule.until is not None and now >= rule.until):
        return False
    if rule.hours is None:
        return True
    begins, ends = rule.hours
    minute = now % _DAY // 60
    return (minute - begins) % DAY_MINUTES < (ends - begins) % DAY_MINUTES


def _touches(rule: Rule, request: Request) -> bool | None:
    """Does a deny or ask rule fit anything in the request? None where that cannot be told."""
    tests = []
    if rule.chain_id is not None:
        tests.append(True if request.chain_id is not None else None)
    unsure = None if request.doubts else False
    if rule.recipients:
        tests.append(True if set(rule.recipients) & set(request.parties) else unsure)
    if rule.contracts:
        tests.append(True if set(rule.contracts) & set(request.contracts) else unsure)
    if rule.selectors:
        tests.append(True if set(rule.selectors) & set(request.selectors) else unsure)
    if rule.limits:
        totals = _totals(request)
        above = any(totals[limit.place] > (limit.up_to or 0) for limit in rule.limits)
        tests.append(True if above else unsure)
    if False in tests:
        return False
    return None if None in tests else True


def _judged(rule: Rule, request: Request, used: Used, now: int) -> Decision:
    """Of one allow rule that is for this request."""

    def ask(reason: Reason) -> Decision:
        return Decision(Verdict.ASK, reason, rule.id)

    if not _covers(rule, request):
        return Decision(Verdict.ASK, Reason.NO_RULE)
    limits = {limit.place: limit for limit in rule.limits}
    totals = _totals(request)
    native = (request.chain_id or 0, None)
    if request.fee and native in limits:
        totals[native] += request.fee
    places = set(totals) | {(request.chain_id or 0, token) for token in request.tokens}
    if not places <= set(limits):
        return ask(Reason.TOKEN)
    charges: list[Charge] = []
    for place, units in totals.items():
        limit = limits[place]
        if units > (limit.up_to if limit.up_to is not None else units):
            return ask(Reason.UP_TO)
        worth = _worth_of(limit, units, request.claims.prices, now)
        if limit.worth is not None and worth is None:
            return ask(Reason.PRICE)
        charges += _charges(rule, limit, units, worth)
    if request.fee and native not in limits:
        charges.append(Charge(Key(rule.id, "fees"), request.fee))
    for charge in charges:
        before = used(charge.key)
        if before is None:
            return ask(Reason.COUNTERS)
        if before + charge.amount > _most(rule, charge.key):
            return ask(Reason.FEES if charge.key.what == "fees" else Reason.A_DAY)
    unforeseen = _unforeseen(rule, request)
    if unforeseen is not None:
        return ask(unforeseen)
    return Decision(Verdict.ALLOW, Reason.RULE, rule.id, charges=tuple(charges))


def _covers(rule: Rule, request: Request) -> bool:
    """Everything in the request has to be among what the rule names."""
    return (
        (not rule.recipients or set(request.parties) <= set(rule.recipients))
        and (not rule.contracts or set(request.contracts) <= set(rule.contracts))
        and (not rule.selectors or set(request.selectors) <= set(rule.selectors))
    )


def _totals(request: Request) -> Counter[tuple[int, Address | None]]:
    found: Counter[tuple[int, Address | None]] = Counter()
    for spend in request.spends:
        found[(spend.chain_id, spend.token)] += spend.units
    return found


def _charges(rule: Rule, limit: Limit, units: int, worth: int | None) -> list[Charge]:
    found = [Charge(Key(rule.id, _name(limit)), units)] if limit.a_day is not None else []
    if limit.worth is not None and worth is not None:
        found.append(Charge(Key(rule.id, f"{_name(limit)} {limit.worth.currency}"), worth))
    return found


def _name(limit: Limit) -> str:
    return str(limit.token.address or "coin")


def _most(rule: Rule, key: Key) -> int:
    """The day's amount that this counter goes up to."""
    if key.what == "fees":
        return rule.fees_a_day
    name, _, currency = key.what.partition(" ")
    limit = next(one for one in rule.limits if _name(one) == name)
    most = limit.worth.a_day_minor if currency and limit.worth else limit.a_day
    return most or 0


def _worth_of(limit: Limit, units: int, prices: tuple[Price, ...], now: int) -> int | None:
    """In minor units, rounded up; None without a price that is fresh and within its bounds."""
    worth = limit.worth
    if worth is None:
        return None
    fit = [price.nano for price in prices if _is_fit(price, limit, worth, now)]
    if not fit:
        return None
    return -int(-units * max(fit) * 10**worth.exponent // (10**limit.token.decimals * NANO))


def _is_fit(price: Price, limit: Limit, worth: Worth, now: int) -> bool:
    is_meant = (price.chain_id, price.token) == limit.place and price.currency == worth.currency
    is_fresh = now - PRICE_SECONDS_MAX <= price.as_of <= now + PRICE_AHEAD_SECONDS_MAX
    return is_meant and is_fresh and worth.price_min <= price.nano <= worth.price_max


def _unforeseen(rule: Rule, request: Request) -> Reason | None:
    """Nothing leaves in the simulation that the bytes do not speak of."""
    if not (rule.simulated and request.is_call):
        return None
    seen = request.claims.simulated
    if seen is None:
        return Reason.NOT_SIMULATED
    totals = _totals(request)
    more = any(units > totals[(request.chain_id or 0, token)] for token, units in seen.leaves)
    return Reason.FORESEEN_OTHERWISE if seen.others or not seen.succeeded or more else None
