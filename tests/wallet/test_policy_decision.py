"""Tables of rules and requests: what is allowed, what is asked and why, what is denied."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chain.calldata import encode_call
from tests.wallet.policies import (
    BOB,
    CHAIN,
    COIN,
    DOLLAR,
    DUSD,
    FEE,
    ME,
    NOW,
    PAGE,
    STRANGER,
    allow,
    asked,
    dollars,
    foreseen,
    pay,
    policy,
    refuse,
    transaction,
)
from wallet.approvals import Kind
from wallet.policy import Limit, Reason, Verdict, Worth
from wallet.policy_decision import Charge, Key, decide
from wallet.policy_request import Claims, Price, Request

ALLOW, ASK, DENY = Verdict
OTHER = "https://other.example"
NOON = NOW - NOW % 86_400 + 12 * 3600
UNKNOWN = transaction(STRANGER, b"\x12\x34\x56\x78")
APPROVED = transaction(data=encode_call("approve(address,uint256)", STRANGER, 5 * DOLLAR))
MESSAGE = Request(PAGE, Kind.MESSAGE, None, ME)
CONNECT = Request(PAGE, Kind.CONNECT, CHAIN, None)


def used(amounts=None, **known):
    return lambda key: {**(amounts or {}), **known}.get(key.text, 0)


def spent(dollars_spent):
    return used({f"r1 {DUSD.address}": dollars_spent * DOLLAR})


UNUSED, CALM = used(), foreseen()


def judged(rules, of=None, used=UNUSED, now=NOON, claims=CALM, client=PAGE):
    request = of if isinstance(of, Request) else asked(of, [allow(), *rules], claims, client)
    return decide(policy(*rules), request, used, now)


def answer(*given, **named):
    found = judged(*given, **named)
    return (found.verdict, found.reason, found.rule)


ALLOWED = (ALLOW, Reason.RULE, "r1")


@pytest.mark.parametrize(
    ("rule", "given", "expected"),
    [
        (allow(), {}, ALLOWED),
        (allow(), {"client": OTHER}, (ASK, Reason.NO_RULE, "")),
        (allow(kinds=(Kind.MESSAGE,)), {}, (ASK, Reason.NO_RULE, "")),
        (allow(account=ME), {}, ALLOWED),
        (allow(account=BOB), {}, (ASK, Reason.NO_RULE, "")),
        (allow(recipients=(BOB,)), {}, ALLOWED),
        (allow(recipients=(STRANGER,)), {}, (ASK, Reason.NO_RULE, "")),
        (allow(contracts=(DUSD.address,)), {}, ALLOWED),
        (allow(contracts=(STRANGER,)), {}, (ASK, Reason.NO_RULE, "")),
        (allow(selectors=("0xa9059cbb",)), {}, ALLOWED),
        (allow(selectors=("0x095ea7b3",)), {}, (ASK, Reason.NO_RULE, "")),
        (allow(dollars(5)), {}, ALLOWED),
        (allow(dollars(4)), {}, (ASK, Reason.UP_TO, "r1")),
        (allow(dollars(None, 5)), {}, ALLOWED),
        (allow(), {"used": spent(15)}, ALLOWED),
        (allow(), {"used": spent(16)}, (ASK, Reason.A_DAY, "r1")),
        (allow(), {"used": lambda key: None}, (ASK, Reason.COUNTERS, "r1")),
        (allow(fees_a_day=FEE), {}, ALLOWED),
        (allow(fees_a_day=FEE - 1), {}, (ASK, Reason.FEES, "r1")),
        (allow(fees_a_day=FEE), {"used": used({"r1 fees": 1})}, (ASK, Reason.FEES, "r1")),
        (allow(Limit(COIN, None, 10**18)), {}, (ASK, Reason.TOKEN, "r1")),
        (allow(dollars(), Limit(COIN, None, FEE), fees_a_day=0), {}, ALLOWED),
        (allow(dollars(), Limit(COIN, None, FEE - 1)), {}, (ASK, Reason.A_DAY, "r1")),
        (allow(Limit(COIN, None, 10**18)), {"of": transaction(BOB, b"", 10**18 - FEE)}, ALLOWED),
        (allow(Limit(COIN, None, 10**18)), {"of": transaction(BOB, b"", 10**18 - FEE + 1)}, (ASK, Reason.A_DAY, "r1")),
        (allow(), {"claims": Claims()}, (ASK, Reason.NOT_SIMULATED, "r1")),
        (allow(simulated=False), {"claims": Claims()}, ALLOWED),
        (allow(), {"claims": foreseen(5 * DOLLAR + 1)}, (ASK, Reason.FORESEEN_OTHERWISE, "r1")),
        (allow(), {"claims": foreseen(1, None)}, (ASK, Reason.FORESEEN_OTHERWISE, "r1")),
        (allow(), {"claims": foreseen(others=True)}, (ASK, Reason.FORESEEN_OTHERWISE, "r1")),
        (allow(), {"claims": foreseen(succeeded=False)}, (ASK, Reason.FORESEEN_OTHERWISE, "r1")),
        (allow(), {"of": UNKNOWN}, (ASK, Reason.DOUBT, "")),
        (allow(), {"of": APPROVED}, ALLOWED),
        (allow(dollars(4)), {"of": APPROVED}, (ASK, Reason.UP_TO, "r1")),
        (allow(hours=(11 * 60, 13 * 60)), {}, ALLOWED),
        (allow(hours=(13 * 60, 11 * 60)), {}, (ASK, Reason.NO_RULE, "")),
        (allow(hours=(22 * 60, 12 * 60 + 1)), {}, ALLOWED),
        (allow(hours=(22 * 60, 12 * 60)), {}, (ASK, Reason.NO_RULE, "")),
        (allow(since=NOON, until=NOON + 1), {}, ALLOWED),
        (allow(since=NOON + 1), {}, (ASK, Reason.NO_RULE, "")),
        (allow(until=NOON), {}, (ASK, Reason.NO_RULE, "")),
        (allow(kinds=(Kind.MESSAGE,), chain_id=None, limits=()), {"of": MESSAGE}, ALLOWED),
        (allow(kinds=(Kind.MESSAGE,)), {"of": MESSAGE}, (ASK, Reason.NO_RULE, "")),
        (allow(kinds=(Kind.CONNECT,), limits=()), {"of": CONNECT}, ALLOWED),
    ],
)
def test_one_allow_rule(rule, given, expected):
    if rule.kinds in ((Kind.MESSAGE,), (Kind.CONNECT,)) and expected is ALLOWED:
        rule = replace(rule, limits=())
    assert answer([rule], **given) == expected


@pytest.mark.parametrize(
    ("rules", "given", "expected"),
    [
        ([], {}, (ASK, Reason.NO_POLICY, "")),
        ([allow(), refuse()], {}, (DENY, Reason.RULE, "r2")),
        ([refuse(), allow()], {}, (DENY, Reason.RULE, "r1")),
        ([allow(), refuse(ASK), refuse()], {}, (DENY, Reason.RULE, "r3")),
        ([allow(), refuse(ASK)], {}, (ASK, Reason.RULE, "r2")),
        ([allow(), refuse(client=OTHER)], {}, ALLOWED),
        ([allow(), refuse(kinds=(Kind.CALLS,))], {}, ALLOWED),
        ([allow(), refuse(chain_id=1)], {}, ALLOWED),
        ([allow(), refuse(chain_id=CHAIN)], {}, (DENY, Reason.RULE, "r2")),
        ([allow(), refuse(recipients=(BOB, STRANGER))], {}, (DENY, Reason.RULE, "r2")),
        ([allow(), refuse(recipients=(STRANGER,))], {}, ALLOWED),
        ([allow(), refuse(recipients=(STRANGER,))], {"of": APPROVED}, (DENY, Reason.RULE, "r2")),
        ([allow(), refuse(selectors=("0xa9059cbb",))], {}, (DENY, Reason.RULE, "r2")),
        ([allow(), refuse(contracts=(DUSD.address,), hours=(0, 60))], {}, ALLOWED),
        ([allow(), refuse(chain_id=CHAIN, limits=(Limit(DUSD, 4 * DOLLAR),))], {}, (DENY, Reason.RULE, "r2")),
        ([allow(), refuse(chain_id=CHAIN, limits=(Limit(DUSD, 5 * DOLLAR),))], {}, ALLOWED),
        # What cannot be told asks: the unknown call may be to anybody, the message for any chain.
        ([refuse(recipients=(BOB,))], {"of": UNKNOWN}, (ASK, Reason.UNSURE, "r1")),
        ([refuse(contracts=(STRANGER,))], {"of": UNKNOWN}, (DENY, Reason.RULE, "r1")),
        ([refuse(chain_id=1)], {"of": MESSAGE}, (ASK, Reason.UNSURE, "r1")),
        ([refuse(ASK, recipients=(BOB,)), refuse()], {"of": UNKNOWN}, (DENY, Reason.RULE, "r2")),
        # Several allow rules: the first that covers all of it and has room; none is added to another.
        ([allow(dollars(4)), allow()], {}, (ALLOW, Reason.RULE, "r2")),
        ([allow(dollars(None, 3)), allow(dollars(None, 3))], {}, (ASK, Reason.A_DAY, "r1")),
        ([allow(), allow()], {"used": spent(20)}, (ALLOW, Reason.RULE, "r2")),
        ([allow(recipients=(STRANGER,)), allow(dollars(4))], {}, (ASK, Reason.UP_TO, "r2")),
    ],
)
def test_deny_beats_ask_beats_allow(rules, given, expected):
    assert answer(rules, **given) == expected


def test_what_is_allowed_says_what_it_uses_up():
    assert judged([allow()]).charges == (
        Charge(Key("r1", str(DUSD.address)), 5 * DOLLAR),
        Charge(Key("r1", "fees"), FEE),
    )
    assert judged([allow(dollars(4))]).charges == ()


WORTH = Worth("EUR", 2, 1000, 8 * 10**8, 11 * 10**8)


def priced(nano=9 * 10**8, as_of=NOON, currency="EUR", token=DUSD.address, chain_id=CHAIN):
    return replace(foreseen(), prices=(Price(chain_id, token, currency, nano, as_of),))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        (priced(), Reason.RULE),
        (foreseen(), Reason.PRICE),
        (priced(as_of=NOON - 600), Reason.RULE),
        (priced(as_of=NOON - 601), Reason.PRICE),
        (priced(as_of=NOON + 61), Reason.PRICE),
        (priced(nano=8 * 10**8 - 1), Reason.PRICE),
        (priced(nano=11 * 10**8 + 1), Reason.PRICE),
        (priced(currency="USD"), Reason.PRICE),
        (priced(token=None), Reason.PRICE),
        (priced(chain_id=1), Reason.PRICE),
    ],
)
def test_an_amount_in_fiat_needs_a_price_that_is_fresh_and_bounded(claims, reason):
    assert judged([allow(dollars(None, None, worth=WORTH))], claims=claims).reason is reason


def test_an_amount_in_fiat_is_rounded_up_and_counted_beside_that_in_the_token():
    rule = allow(dollars(None, 20, worth=WORTH))
    decision = judged([rule], pay(7), claims=priced(nano=999_999_999))
    key = Key("r1", f"{DUSD.address} EUR")
    assert decision.charges[:2] == (Charge(Key("r1", str(DUSD.address)), 7 * DOLLAR), Charge(key, 700))
    full = used({key.text: 301})
    assert judged([rule], pay(7), full, claims=priced(nano=999_999_999)).reason is Reason.A_DAY
    assert judged([rule], pay(7), used({key.text: 300}), claims=priced(nano=999_999_999)).verdict is ALLOW
