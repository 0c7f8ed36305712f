"""Two nodes' answers held against each other, as values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chain.address import Address
from chain.outcome import NOT_SIMULATED, Grant, Method, Movement, Outcome
from chain.token import Token
from wallet.cli.review_words import CAUTIONS, LABELS
from wallet.purse import TOKENS
from wallet.review import Caution, Known, Label, Review, Source, Title
from wallet.review_effects import Scene
from wallet.review_second import AGREES, AWAY, DISAGREES, Witness, with_second

ALICE, BOB = Address("0x" + "a1" * 20), Address("0x" + "b0" * 20)
ETH, DUSD = Token.native(31337), TOKENS.on_chain(31337)[0]
SCENE = Scene(Known(TOKENS), 31337, ALICE, 0)
SHOWN = Review(Title.SEND, b"\1" * 32, (), "first")
PAID = Outcome(Method.SIMULATE, True, 1, None, (Movement(DUSD.address, ALICE, BOB, 5_000_000),))
ONE = Witness("one.example", 31337, "0xaa", {ETH: 10**18, DUSD: 7}, {BOB: b"\x60\1"}, PAID)
OTHER = replace(ONE, host="other.example")


def said(other):
    return with_second(SHOWN, ONE, other, "other.example", SCENE)


def test_the_same_answers_agree_and_warn_of_nothing():
    review = said(OTHER)
    assert [(f.label, f.value, f.by) for f in review.facts] == [(Label.SECOND_NODE, AGREES, "other.example")]
    assert review.cautions == () and review.digest == SHOWN.digest


def test_one_that_is_away_is_said_and_hinders_nothing():
    review = said(None)
    assert [(f.value, f.by) for f in review.facts] == [(AWAY, "other.example")] and review.cautions == ()


DIFFERENCES = [
    ("chain", {"chain_id": 1}, "31337", "1"),
    ("block", {"block": "0xbb"}, "0xaa", "0xbb"),
    ("block", {"block": ""}, "0xaa", "nothing"),
    ("balance ETH", {"balances": {ETH: 0, DUSD: 7}}, "1 ETH", "0 ETH"),
    ("balance DUSD", {"balances": {ETH: 10**18}}, "0.000007 DUSD", "nothing"),
    (f"code {BOB}", {"code": {BOB: b""}}, None, "nothing"),
    (f"code {BOB}", {"code": {BOB: b"\x60\2"}}, None, None),
    ("simulation", {"outcome": replace(PAID, succeeded=False)}, "success", "it would fail"),
    ("simulation", {"outcome": replace(PAID, movements=())}, "-5 DUSD", "+0 DUSD"),
    (
        f"simulation {BOB}",
        {"outcome": replace(PAID, grants=(Grant(DUSD.address, ALICE, BOB, 9),))},
        "nothing",
        "9",
    ),
]


@pytest.mark.parametrize(("about", "change", "first", "second"), DIFFERENCES, ids=lambda value: str(value)[:30])
def test_a_difference_is_a_warning_that_names_both(about, change, first, second):
    review = said(replace(OTHER, **change))
    assert review.cautions == (Caution.NODES_DISAGREE,)
    verdict, *told = review.facts
    assert verdict.value == DISAGREES
    assert [(fact.about, fact.by) for fact in told] == [(about, "one.example"), (about, "other.example")]
    assert {fact.source for fact in review.facts} == {Source.CLAIMED}
    for fact, value in zip(told, (first, second), strict=True):
        assert value in (None, fact.value)


def test_what_only_one_can_tell_is_no_contradiction():
    for outcome in (None, NOT_SIMULATED):
        assert said(replace(OTHER, outcome=outcome)).cautions == ()


def test_there_are_words_for_all_of_it():
    assert {Label.SECOND_NODE, Label.SAYS} <= set(LABELS) and Caution.NODES_DISAGREE in CAUTIONS
