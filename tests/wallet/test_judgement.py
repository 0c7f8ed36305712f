"""What the signer is told of a simulation, which rule "always" offers, and prices as a server may spell them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chain.address import Address
from chain.outcome import NOT_SIMULATED, Method, Movement, Outcome, Span
from tests.wallet.policies import BOB, CHAIN, COIN, DOLLAR, DUSD, FEE, ME, NOW, PAGE, STRANGER, pay, policy, transaction
from tests.wallet.test_review_typed_data import NOTE, permit
from wallet.approvals import Kind
from wallet.dapp_prices import read_prices
from wallet.guard_claims import message_item, transaction_item, typed_item
from wallet.judgement import Subject, claims_of, offer_of
from wallet.policy import Verdict
from wallet.policy_decision import decide
from wallet.policy_request import Claims, Foreseen, Price, known_of, transaction_request
from wallet.purse import TOKENS
from wallet.review import Caution, Review, Title

NFT = Address("0x" + "4f" * 20)
SHOWN = Review(Title.SEND, bytes(32), (), "", (Caution.WRONG_CHAIN,))
PAID = Movement(DUSD.address, ME, BOB, 5 * DOLLAR)


def foreseen(outcome):
    return claims_of(Subject(Kind.TRANSACTION, CHAIN, ME, (), (outcome,) if outcome else ()), SHOWN).simulated


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (None, None),
        (NOT_SIMULATED, None),
        (Outcome(Method.SIMULATE, True, movements=(PAID,)), Foreseen(True, ((DUSD.address, 5 * DOLLAR),))),
        (Outcome(Method.SIMULATE, False, movements=(PAID,)), Foreseen(False, ((DUSD.address, 5 * DOLLAR),))),
        (
            Outcome(Method.SIMULATE, True, movements=(PAID,), balances={DUSD.address: Span(9, 2)}),
            Foreseen(True, ((DUSD.address, 7),)),
        ),
        (Outcome(Method.SIMULATE, True, movements=(Movement(NFT, ME, BOB, None, 1),)), Foreseen(True, (), True)),
        (Outcome(Method.SIMULATE, True, movements=(Movement(None, BOB, ME, 5),)), Foreseen(True)),
    ],
)
def test_what_a_simulation_comes_to(outcome, expected):
    assert foreseen(outcome) == expected


def test_what_several_come_to_is_added_up_and_nothing_is_set_off():
    paid = Outcome(Method.SIMULATE, True, movements=(PAID,))
    back = Outcome(Method.SIMULATE, True, movements=(Movement(DUSD.address, BOB, ME, 5 * DOLLAR),))
    failed = Outcome(Method.SIMULATE, False)

    def of(*outcomes):
        return claims_of(Subject(Kind.CALLS, CHAIN, ME, (), outcomes), SHOWN).simulated

    assert of(paid, back, paid) == Foreseen(True, ((DUSD.address, 10 * DOLLAR),))
    assert of(paid, failed) == Foreseen(False, ((DUSD.address, 5 * DOLLAR),))
    assert of(paid, NOT_SIMULATED) is None, "one that nobody foresees is enough"


def test_the_reviews_warnings_go_along():
    assert claims_of(Subject(Kind.MESSAGE, CHAIN), SHOWN).cautions == {Caution.WRONG_CHAIN}


def subject(request, kind=Kind.TRANSACTION):
    return Subject(kind, CHAIN, ME, (transaction_item(request.unsigned_payload),))


SEEN = Claims(Foreseen(True, ((DUSD.address, 5 * DOLLAR),)))


def test_the_offer_covers_the_very_request_and_little_more():
    rule = offer_of(PAGE, subject(pay(5)), SEEN, TOKENS, NOW)
    assert rule is not None and (rule.recipients, rule.contracts, rule.account) == ((BOB,), (DUSD.address,), ME)
    assert [(limit.up_to, limit.a_day) for limit in rule.limits] == [(5 * DOLLAR, 25 * DOLLAR)]
    assert (rule.fees_a_day, rule.until) == (10 * FEE, NOW + 30 * 86_400)
    made = policy(rule)
    for request, verdict in (
        (pay(5, nonce=1), Verdict.ALLOW),
        (pay(6), Verdict.ASK),
        (pay(5, STRANGER), Verdict.ASK),
        (transaction(BOB, b"", 1), Verdict.ASK),
    ):
        asked = transaction_request(PAGE, request.unsigned_payload, ME, known_of(made, [ME]), SEEN)
        assert decide(made, asked, lambda key: 0, NOW).verdict is verdict
        assert decide(made, replace(asked, client="https://other.example"), lambda key: 0, NOW).verdict is Verdict.ASK


def test_the_offer_for_coins_has_room_for_the_fee():
    rule = offer_of(PAGE, subject(transaction(BOB, b"", 10**15)), Claims(), TOKENS, NOW)
    assert rule is not None and rule.limits[0].token == COIN
    assert (rule.limits[0].up_to, rule.fees_a_day) == (10**15 + 2 * FEE, 0)


@pytest.mark.parametrize(
    ("of", "claims", "client"),
    [
        (subject(pay(5)), Claims(), PAGE),
        (subject(pay(5)), SEEN, "process:12:34"),
        (subject(pay(5)), SEEN, "tandem"),
        (subject(pay(5), Kind.CALLS), SEEN, PAGE),
        (subject(transaction(STRANGER, b"\x12\x34\x56\x78")), SEEN, PAGE),
        (subject(transaction(STRANGER)), SEEN, PAGE),
        (Subject(Kind.TYPED_DATA, CHAIN, ME, (typed_item(json.dumps(NOTE)),)), Claims(), PAGE),
        (Subject(Kind.MESSAGE, CHAIN, ME, (message_item(b"\xff"),)), Claims(), PAGE),
        (Subject(Kind.ADD_CHAIN, CHAIN), Claims(), PAGE),
        (Subject(Kind.CONNECT, CHAIN), Claims(), PAGE),
        (Subject(Kind.WATCH_ASSET, CHAIN), Claims(), PAGE),
    ],
)
def test_no_rule_is_offered_for_what_none_could_stand_for(of, claims, client):
    assert offer_of(client, of, claims, TOKENS, NOW) is None


def test_a_typed_permit_a_message_and_another_chain_are_offered_a_rule():
    permitted = offer_of(
        PAGE, Subject(Kind.TYPED_DATA, CHAIN, ME, (typed_item(json.dumps(permit())),)), Claims(), TOKENS, 0
    )
    assert permitted is not None and permitted.limits[0].up_to == 5 * DOLLAR
    assert offer_of(PAGE, Subject(Kind.MESSAGE, CHAIN, ME, (message_item(b"hello"),)), Claims(), TOKENS, 0) is not None
    switched = offer_of(PAGE, Subject(Kind.SWITCH_CHAIN, CHAIN), Claims(), TOKENS, 0)
    assert switched is not None and (switched.kinds, switched.chain_id) == ((Kind.SWITCH_CHAIN,), CHAIN)


POSITION = {
    "rail": "chain",
    "chain_id": CHAIN,
    "contract": str(DUSD.address),
    "price": "0.9259",
    "price_state": "current",
    "price_at": "2026-11-22T18:46:02Z",
}


def test_prices_of_tokens_that_are_current():
    coin = {**POSITION, "contract": None, "price": "2777.77"}
    assert read_prices("EUR", {"positions": [POSITION, coin]}) == (
        Price(CHAIN, DUSD.address, "EUR", 925_900_000, 1_795_373_162),
        Price(CHAIN, None, "EUR", 2_777_770_000_000, 1_795_373_162),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"rail": "ledger"},
        {"price_state": "stale"},
        {"price": None},
        {"price": "1/0"},
        {"price": "many"},
        {"price_at": None},
        {"price_at": "yesterday"},
        {"chain_id": "31337"},
        {"contract": "0x00"},
    ],
)
def test_what_is_no_price(change):
    assert read_prices("EUR", {"positions": [{**POSITION, **change}]}) == ()
    assert read_prices("EUR", {}) == read_prices("EUR", {"positions": [7]}) == ()
