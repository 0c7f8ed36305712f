"""Policies: a person's rules on what is signed without asking, what is asked, and what is never done. Pure.

A policy is a list of rules and what it was made for. It is kept in the vault's authenticated head, so that nobody
without the password changes it (docs/policy.md). How a request is judged by it is in policy_decision.

An `allow` rule names its client and its kinds, and how much a day of each token may leave; everything about a request
has to fit it. A `deny` or `ask` rule fits a request as soon as one thing in it does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from chain.address import Address
from chain.errors import ChainError
from chain.token import UNITS_MAX, Token
from wallet.approvals import Kind
from wallet.errors import InputMalformed

RULES_MAX, MEMBERS_MAX = 100, 50
ANYBODY, OWN = "*", "tandem"
"""Clients that are no client's key: everybody, and the person's own commands and scripts."""
DAY_MINUTES = 24 * 60
NANO = 10**9
_T = TypeVar("_T")
_ID = re.compile(r"r[1-9][0-9]{0,5}", re.ASCII)
_DIGITS = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)
_CODE = re.compile(r"[A-Z]{3,5}", re.ASCII)
_RULE_MEMBERS = {"id", "verdict", "client", "kinds", "chain", "account", "recipients", "contracts", "selectors"}
_RULE_MEMBERS |= {"limits", "fees_a_day", "hours", "since", "until", "simulated", "note"}


class Verdict(StrEnum):
    """What a rule says, and what comes of all of them: deny beats ask beats allow."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


class Reason(StrEnum):
    """Why a request was answered as it was. Of several rules the nearest to a yes tells: the later one here."""

    RULE = "by-rule"
    NO_POLICY = "no-policy"
    NO_RULE = "no-rule"
    DOUBT = "doubt"
    UNSURE = "unsure"
    TOKEN = "token-unnamed"  # noqa: S105  # an asset that no limit names
    FEES = "over-fees"
    UP_TO = "over-at-once"
    A_DAY = "over-a-day"
    PRICE = "price-unfit"
    NOT_SIMULATED = "not-simulated"
    FORESEEN_OTHERWISE = "foreseen-otherwise"
    COUNTERS = "counters-lost"


@dataclass(frozen=True, slots=True)
class Worth:
    """A day's amount in fiat. Prices are of one whole token, in 10^-9 of the currency's unit; one outside is unfit."""

    currency: str
    exponent: int
    a_day_minor: int
    price_min: int
    price_max: int

    def __post_init__(self) -> None:
        _check(bool(_CODE.fullmatch(self.currency)), "currency", self.currency, "a code such as EUR")
        _check(0 <= self.exponent <= 4, "currency", self.currency, "its decimals are not known")
        _check(0 < self.a_day_minor <= 10**17, "amount", str(self.a_day_minor), "more than 0")
        bounded = 0 < self.price_min <= self.price_max < 10**27
        _check(bounded, "price", f"{self.price_min}-{self.price_max}", "the lower bound comes first")

    def to_json(self) -> dict[str, Any]:
        numbers = {"a_day_minor": self.a_day_minor, "price_min": self.price_min, "price_max": self.price_max}
        return {"currency": self.currency, "exponent": self.exponent} | {k: str(v) for k, v in numbers.items()}


@dataclass(frozen=True, slots=True)
class Limit:
    """Of one token, in its smallest unit: `up_to` in one request, `a_day` in any 24 hours, or what it is `worth`.

    In a deny or ask rule `up_to` is the amount above which it fits.
    """

    token: Token
    up_to: int | None = None
    a_day: int | None = None
    worth: Worth | None = None

    def __post_init__(self) -> None:
        for units in (self.up_to, self.a_day):
            _check(units is None or 0 <= units <= UNITS_MAX, "amount", str(units)[:80], "0 or more")

    @property
    def place(self) -> tuple[int, Address | None]:
        """What makes a token the same as another."""
        return (self.token.chain_id, self.token.address)

    def to_json(self) -> dict[str, Any]:
        token = self.token
        shown = {"chain": token.chain_id, "address": token.address, "symbol": token.symbol, "decimals": token.decimals}
        amounts = {"up_to": _text(self.up_to), "a_day": _text(self.a_day)}
        return {"token": shown, **amounts, "worth": self.worth.to_json() if self.worth else None}


@dataclass(frozen=True, slots=True)
class Rule:
    """What is left empty, or None, is not looked at; `kinds` are those of approvals.

    `recipients` are whoever gets or may take something; `contracts` whatever data is sent to; `selectors` the first
    four bytes of every call. `fees_a_day` in wei, where the chain's own coin is not among the limits. `hours` in
    minutes of the UTC day, the end not included, also past midnight; `since` and `until` in Unix seconds. `simulated`:
    a transaction is allowed only when the node foresaw that nothing else leaves the account.
    """

    id: str
    verdict: Verdict
    client: str
    kinds: tuple[Kind, ...] = ()
    chain_id: int | None = None
    account: Address | None = None
    recipients: tuple[Address, ...] = ()
    contracts: tuple[Address, ...] = ()
    selectors: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    fees_a_day: int = 0
    hours: tuple[int, int] | None = None
    since: int | None = None
    until: int | None = None
    simulated: bool = True
    note: str = ""

    def __post_init__(self) -> None:
        _check(bool(_ID.fullmatch(self.id)), "rule", self.id[:40], "r1 is an example")
        _check(0 < len(self.client) <= 300 and self.client.isprintable(), "client", self.client[:80], "who asks")
        _check(self.chain_id is None or 0 < self.chain_id < 2**53, "chain", str(self.chain_id)[:40], "its number")
        for named in (self.recipients, self.contracts, self.selectors, self.limits, self.kinds):
            _check(len(named) <= MEMBERS_MAX, "rule", self.id, f"at most {MEMBERS_MAX} of a kind")
        for selector in self.selectors:
            fits = re.fullmatch(r"0x[0-9a-f]{8}", selector, re.ASCII)
            _check(bool(fits), "selector", selector[:40], "0x and eight hex digits")
        _check(0 <= self.fees_a_day <= UNITS_MAX, "fees", str(self.fees_a_day)[:80], "0 or more")
        if self.hours is not None:
            inside = all(0 <= minute < DAY_MINUTES for minute in self.hours) and self.hours[0] != self.hours[1]
            _check(inside, "hours", str(self.hours), "08:00-20:00 is an example, in UTC")
        for moment in (self.since, self.until):
            _check(moment is None or 0 <= moment < 2**40, "date", str(moment)[:40], "Unix seconds")
        _check(len(self.note) <= 200 and self.note.isprintable(), "note", self.note[:40], "a line of at most 200")
        places = [limit.place for limit in self.limits]
        _check(len(set(places)) == len(places), "token", self.id, "one limit for each token")
        on_chain = all(limit.token.chain_id == self.chain_id for limit in self.limits)
        _check(on_chain, "chain", str(self.chain_id), "a limit needs the chain that its token is on")
        (_check_allowing if self.verdict is Verdict.ALLOW else _check_refusing)(self)

    def to_json(self) -> dict[str, Any]:
        """Integers of amounts as digit strings."""
        return {
            "id": self.id,
            "verdict": self.verdict,
            "client": self.client,
            "kinds": list(self.kinds),
            "chain": self.chain_id,
            "account": self.account,
            "recipients": list(self.recipients),
            "contracts": list(self.contracts),
            "selectors": list(self.selectors),
            "limits": [limit.to_json() for limit in self.limits],
            "fees_a_day": str(self.fees_a_day),
            "hours": list(self.hours) if self.hours else None,
            "since": self.since,
            "until": self.until,
            "simulated": self.simulated,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Policy:
    """`id` is made anew with each vault that has one, `serial` counts the changes, `numbered` its rules.

    `server` is the host at which the person signs in; the signer lets that pass without asking.
    """

    id: str
    serial: int
    server: str
    rules: tuple[Rule, ...] = ()
    numbered: int = 0

    def __post_init__(self) -> None:
        _check(bool(re.fullmatch(r"[0-9a-f]{32}", self.id, re.ASCII)), "policy", self.id[:40], "its id is malformed")
        _check(0 < self.serial < 2**53, "policy", str(self.serial)[:40], "its serial number is malformed")
        _check(len(self.server) <= 300 and self.server.isprintable(), "policy", "", "its server is malformed")
        _check(len(self.rules) <= RULES_MAX, "policy", str(len(self.rules)), f"at most {RULES_MAX} rules")
        ids = {rule.id for rule in self.rules}
        _check(len(ids) == len(self.rules), "policy", "", "two rules have the same number")
        highest = max((int(rule.id[1:]) for rule in self.rules), default=0)
        _check(highest <= self.numbered < 10**6, "policy", str(self.numbered)[:40], "its numbers are malformed")

    @property
    def is_on(self) -> bool:
        """Without a rule the person is asked as ever, and their yes is enough."""
        return bool(self.rules)

    def rule(self, number: str) -> Rule:
        """Raises InputMalformed."""
        found = next((rule for rule in self.rules if rule.id == number), None)
        if found is None:
            raise InputMalformed("rule", number[:40], "`tandem policy` lists those that there are")
        return found

    def with_rule(self, rule: Rule) -> Policy:
        """With the next number: no two rules ever had the same, nor the same counters."""
        number = self.numbered + 1
        rules = (*self.rules, replace(rule, id=f"r{number}"))
        return replace(self, serial=self.serial + 1, rules=rules, numbered=number)

    def without(self, number: str) -> Policy:
        """Raises InputMalformed."""
        gone = self.rule(number)
        return replace(self, serial=self.serial + 1, rules=tuple(rule for rule in self.rules if rule is not gone))

    def to_json(self) -> dict[str, Any]:
        rules = [rule.to_json() for rule in self.rules]
        head = {"id": self.id, "serial": self.serial, "server": self.server, "numbered": self.numbered}
        return {**head, "rules": rules}


def read_policy(document: object) -> Policy:
    """Raises InputMalformed."""
    try:
        given = _members(document, {"id", "serial", "server", "numbered", "rules"})
        rules = tuple(read_rule(one) for one in _listed(given["rules"]))
        head = (_line(given["id"]), _whole(given["serial"]), _line(given["server"]))
        return Policy(*head, rules, _whole(given["numbered"]))
    except (KeyError, TypeError, ValueError, ChainError):
        raise InputMalformed("policy", "", "it was written by another version of this program") from None


def read_rule(document: object) -> Rule:
    """Raises InputMalformed, ValueError, TypeError and ChainError for another shape."""
    given = _members(document, _RULE_MEMBERS)
    hours = given["hours"]
    return Rule(
        _line(given["id"]),
        Verdict(given["verdict"]),
        _line(given["client"]),
        tuple(Kind(kind) for kind in _listed(given["kinds"])),
        _optional(_whole, given["chain"]),
        _optional(Address, given["account"]),
        tuple(map(Address, _listed(given["recipients"]))),
        tuple(map(Address, _listed(given["contracts"]))),
        tuple(map(_line, _listed(given["selectors"]))),
        tuple(map(_limit, _listed(given["limits"]))),
        _digits(given["fees_a_day"]),
        None if hours is None else (_whole(hours[0]), _whole(hours[1])),
        _optional(_whole, given["since"]),
        _optional(_whole, given["until"]),
        _truth(given["simulated"]),
        _line(given["note"]),
    )


def _limit(document: object) -> Limit:
    given = _members(document, {"token", "up_to", "a_day", "worth"})
    shown = _members(given["token"], {"chain", "address", "symbol", "decimals"})
    symbol = _line(shown["symbol"])
    token = Token(_whole(shown["chain"]), _optional(Address, shown["address"]), symbol, "", _whole(shown["decimals"]))
    return Limit(token, _optional(_digits, given["up_to"]), _optional(_digits, given["a_day"]), _worth(given["worth"]))


def _worth(document: object) -> Worth | None:
    if document is None:
        return None
    given = _members(document, {"currency", "exponent", "a_day_minor", "price_min", "price_max"})
    numbers = (_digits(given[name]) for name in ("a_day_minor", "price_min", "price_max"))
    return Worth(_line(given["currency"]), _whole(given["exponent"]), *numbers)


def _check_allowing(rule: Rule) -> None:
    """What may pass unseen is said in full."""
    _check(rule.client != ANYBODY, "client", ANYBODY, "an allow rule names who may")
    _check(bool(rule.kinds), "kind", "", "an allow rule names what is allowed")
    for limit in rule.limits:
        is_bounded = limit.a_day is not None or limit.worth is not None
        _check(is_bounded, "amount", limit.token.symbol, "an allow rule says how much a day")


def _check_refusing(rule: Rule) -> None:
    for limit in rule.limits:
        is_bound = limit.up_to is not None and limit.a_day is None and limit.worth is None
        _check(is_bound, "amount", limit.token.symbol, "a deny or ask rule says above how much")
    _check(rule.fees_a_day == 0, "fees", str(rule.fees_a_day), "they are an allow rule's")


def _check(holds: bool, field: str, text: str, reason: str) -> None:
    if not holds:
        raise InputMalformed(field, text, reason)


def _text(units: int | None) -> str | None:
    return None if units is None else str(units)


def _members(document: object, names: set[str]) -> Mapping[str, Any]:
    if not isinstance(document, dict) or set(document) != names:
        raise ValueError("members")
    return document


def _listed(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("list")
    return value


def _line(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("text")
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ValueError("integer")
    return value


def _digits(value: object) -> int:
    if not isinstance(value, str) or not _DIGITS.fullmatch(value):
        raise ValueError("digits")
    return int(value)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("truth")
    return value


def _optional(read: Callable[[Any], _T], value: object) -> _T | None:
    return None if value is None else read(value)
