"""A simulation in a review: the node's claim, what comes and goes, and what it lets others take."""

from __future__ import annotations

from chain.address import Address
from chain.calldata import encode_call
from chain.outcome import NOT_SIMULATED, Difference, Grant, Method, Movement, Outcome, Span
from chain.transaction import TransactionRequest
from wallet.purse import TOKENS
from wallet.review import Caution, Known, Label, Source
from wallet.review_effects import Scene
from wallet.review_outcome import drift_facts
from wallet.review_transactions import Observed, review_transaction

ME = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
STRANGE, NFT = Address("0x" + "5e" * 20), Address("0x" + "4f" * 20)
DUSD = TOKENS.by_symbol(31337, "DUSD")
KNOWN = Known(TOKENS, frozenset({ME}), frozenset({BOB}), {31337: "Devnet"})
SEND = encode_call("transfer(address,uint256)", BOB, 30_000_000)
NODE = "127.0.0.1:8545"


def of(outcome, data=SEND):
    request = TransactionRequest(
        31337, DUSD.address, 0, data, nonce=3, gas=60_000, max_fee_per_gas=2 * 10**9, max_priority_fee_per_gas=1
    )
    seen = Observed(31337, {}, NODE, outcome)
    options = {"sender": ME, "host": NODE, "origin": "https://app.example", "observed": seen}
    return review_transaction(request.unsigned_payload, KNOWN, **options)


def told(review, label):
    return [(fact.value, fact.about) for fact in review.facts if fact.label is label]


def test_what_comes_and_goes():
    movements = (
        Movement(DUSD.address, ME, BOB, 30_000_000),
        Movement(None, BOB, ME, 10**18),
        Movement(STRANGE, BOB, ME, 7),
        Movement(NFT, BOB, ME, None, 12),
        Movement(NFT, ME, BOB, 2, 13),
    )
    review = of(Outcome(Method.SIMULATE, True, 50_000, None, movements))
    assert told(review, Label.GOES) == [("30 DUSD", DUSD.address), ("2 × #13", NFT)]
    assert told(review, Label.COMES) == [("1 ETH", ""), ("7 / 10^?", STRANGE), ("#12", NFT)]
    claims = [fact for fact in review.facts if fact.label in (Label.GOES, Label.COMES, Label.SIMULATED)]
    assert {(fact.source, fact.by) for fact in claims} == {(Source.CLAIMED, NODE)}
    assert review.cautions == ()


def test_an_allowance_that_the_bytes_do_not_show():
    grant = Grant(DUSD.address, ME, STRANGE, 2**256 - 1)
    review = of(Outcome(Method.SIMULATE, True, grants=(grant,)))
    assert told(review, Label.ALLOWED_AFTER) == [("unlimited", STRANGE)]
    assert Caution.GRANT_HIDDEN in review.cautions
    approve = encode_call("approve(address,uint256)", STRANGE, 5_000_000)
    spans = {(DUSD.address, STRANGE): Span(0, 5_000_000)}
    shown = of(Outcome(Method.SIMULATE, True, grants=(grant,), allowances=spans), approve)
    assert told(shown, Label.ALLOWED_AFTER) == [("5 DUSD", STRANGE)]
    assert Caution.GRANT_HIDDEN not in shown.cautions
    revoked = of(Outcome(Method.SIMULATE, True, grants=(Grant(DUSD.address, ME, STRANGE, 0),)))
    assert Caution.GRANT_HIDDEN not in revoked.cautions
    everything = of(Outcome(Method.SIMULATE, True, grants=(Grant(NFT, ME, STRANGE, None),)))
    assert told(everything, Label.ALLOWED_AFTER) == [("everything of this contract", STRANGE)]


def test_a_node_may_claim_more_than_there_is():
    much = (Movement(None, BOB, ME, 2**256 - 1),) * 2
    assert told(of(Outcome(Method.SIMULATE, True, movements=much)), Label.COMES) == [(f"{2**257 - 2} / 10^?", "")]


def test_what_would_fail_and_what_was_not_simulated():
    failed = of(Outcome(Method.TRACE, False, 1, "pau\u202esed"))
    assert told(failed, Label.WOULD_FAIL) == [("pau<U+202E>sed", "")]
    assert Caution.WOULD_FAIL in failed.cautions
    unknown = of(NOT_SIMULATED)
    assert told(unknown, Label.SIMULATED) == [("not simulated: the node cannot", "")]
    assert unknown.cautions == (Caution.NOT_SIMULATED,)


def test_more_grants_than_are_shown_are_not_passed_over():
    grants = tuple(Grant(DUSD.address, ME, STRANGE, 0) for _ in range(41))
    assert Caution.GRANT_HIDDEN in of(Outcome(Method.SIMULATE, True, grants=grants)).cautions


def test_no_simulation_changes_what_is_signed():
    assert of(NOT_SIMULATED).digest == of(Outcome(Method.SIMULATE, True)).digest


def test_what_came_otherwise():
    differences = (
        Difference(None, True),
        Difference(Movement(DUSD.address, ME, BOB, 30_000_000), True),
        Difference(Grant(DUSD.address, ME, STRANGE, 2**256 - 1), False),
    )
    facts = drift_facts(differences, Scene(KNOWN, 31337, ME, 0), NODE)
    assert [(fact.label, fact.value) for fact in facts] == [
        (Label.FORESEEN, "success"),
        (Label.FORESEEN, f"30 DUSD: {ME} → {BOB}"),
        (Label.UNFORESEEN, f"unlimited → {STRANGE}"),
    ]


def test_ones_own_command_says_too_that_it_was_not_simulated():
    """A fact, not a warning: what one's own command does its bytes tell. Where it was foreseen, that stands there."""
    request = TransactionRequest(
        31337, DUSD.address, 0, SEND, nonce=3, gas=60_000, max_fee_per_gas=2 * 10**9, max_priority_fee_per_gas=1
    )

    def own(outcome):
        seen = Observed(node=NODE, outcome=outcome)
        return review_transaction(request.unsigned_payload, KNOWN, sender=ME, host=NODE, observed=seen)

    for outcome, text in (
        (NOT_SIMULATED, "not simulated: the node cannot"),
        (None, "not simulated: no node was asked"),
        (Outcome(Method.SIMULATE, True), "eth_simulateV1"),
    ):
        shown = own(outcome)
        assert told(shown, Label.SIMULATED) == [(text, "")] and shown.cautions == ()
    hidden = own(Outcome(Method.SIMULATE, True, grants=(Grant(DUSD.address, ME, STRANGE, 7),)))
    assert hidden.cautions == (Caution.GRANT_HIDDEN,)
    assert own(Outcome(Method.SIMULATE, False)).cautions == (Caution.WOULD_FAIL,)
