"""Prompts without bytes: who asks, what for, whose claim; and a digest that changes with any of it."""

from __future__ import annotations

import pytest

from chain.address import Address
from wallet.asking import Client, ClientKind, Process
from wallet.dapp_params import Asset, NewChain
from wallet.errors import CallRefused
from wallet.review import Caution, Fact, Label, Review, Source, Title
from wallet.review_door import (
    review_add_chain,
    review_calls,
    review_connect,
    review_switch_chain,
    review_watch_asset,
    with_asker,
)
from wallet.review_json import read_review

ALICE = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
PAGE = Client(ClientKind.PAGE, "https://app.example")
PROGRAM = Client(ClientKind.PROGRAM, "hardhat", Process(7, 1, "node", "/usr/bin/node"))
PROCESS = Client(ClientKind.PROCESS, "", Process(7, 1, "cast", "/usr/bin/cast"))
NEW = NewChain(1337, "Local", "https://x.example", "ETH")


def values(shown, label):
    return [fact.value for fact in shown.facts if fact.label is label]


def test_a_page_is_shown_by_its_origin_and_a_program_by_its_process():
    assert values(review_connect(PAGE, [ALICE], "Devnet (31337)"), Label.ASKED_BY) == ["https://app.example"]
    shown = review_connect(PROGRAM, [ALICE], "Devnet (31337)")
    assert values(shown, Label.ASKED_BY) == ["hardhat"]
    assert values(shown, Label.PROCESS) == ["node (7)"] and values(shown, Label.EXECUTABLE) == ["/usr/bin/node"]
    assert values(review_connect(PROCESS, [ALICE], "x"), Label.ASKED_BY) == []


def test_what_a_page_says_of_a_chain_is_its_claim():
    shown = review_add_chain(PAGE, NEW)
    assert {fact.source for fact in shown.facts if fact.label in (Label.NETWORK, Label.NODE)} == {Source.CLAIMED}
    assert shown.host == "https://app.example" and shown.kind == "add_chain"


def test_kinds_and_digests_differ():
    asset = Asset("ERC20", ALICE, "DUSD", 6, "")
    nft = Asset("ERC721", ALICE, "", 0, "7")
    shown = [
        review_connect(PAGE, [ALICE], "a"),
        review_connect(PAGE, [ALICE], "b"),
        review_connect(PROGRAM, [ALICE], "a"),
        review_switch_chain(PAGE, "a", "b"),
        review_switch_chain(PAGE, "b", "a"),
        review_add_chain(PAGE, NEW),
        review_watch_asset(PAGE, asset, "a"),
        review_watch_asset(PAGE, nft, "a"),
    ]
    assert len({one.digest for one in shown}) == len(shown)
    assert [one.kind for one in shown] == [*["connect"] * 3, *["switch_chain"] * 2, "add_chain", *["watch_asset"] * 2]


def test_calls_are_shown_whole_and_numbered():
    first = Review(Title.SEND, b"\1" * 32, (Fact(Label.AMOUNT, "1 ETH", Source.BYTES),), "node")
    second = Review(
        Title.CALL, b"\2" * 32, (Fact(Label.DATA, "0x00", Source.BYTES, "x"),), "node", (Caution.CALL_UNKNOWN,)
    )
    shown = review_calls(PAGE, [first, second])
    assert (shown.facts[1].label, shown.facts[1].value) == (Label.TRANSACTIONS, "2")
    assert [(fact.label, fact.about) for fact in shown.facts][2:] == [(Label.AMOUNT, "1"), (Label.DATA, "2.x")]
    assert shown.needs_word and shown.kind == "send_calls"
    assert review_calls(PAGE, [second, first]).digest != shown.digest


def test_the_asker_is_named_once():
    asked = Fact(Label.ASKED_BY, "hardhat", Source.LIST)
    shown = with_asker(Review(Title.MESSAGE, b"\1" * 32, (asked,), "hardhat"), PROGRAM)
    assert [fact.label for fact in shown.facts] == [Label.ASKED_BY, Label.PROCESS, Label.EXECUTABLE]


def test_a_review_survives_its_json():
    shown = review_connect(PROGRAM, [ALICE], "Devnet (31337)")
    assert read_review(shown.to_json()) == shown
    for broken in ({}, {**shown.to_json(), "title": "x"}, {**shown.to_json(), "facts": [1]}):
        with pytest.raises(CallRefused):
            read_review(broken)
