"""A review says what the bytes say, and where each fact comes from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chain.address import Address
from chain.erc20 import approve, transfer
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest
from wallet.purse import TOKENS
from wallet.review import Caution, Known, Label, Source, Title, looks_alike
from wallet.review_transactions import review_transaction

ME = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
OTHER = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
DUSD = TOKENS.by_symbol(31337, "DUSD")
KNOWN = Known(TOKENS, frozenset({ME}), frozenset(), {31337: "Devnet"})


def facts(review):
    return {fact.label: (fact.value, fact.source) for fact in review.facts}


def of_request(request, **options):
    prepared = replace(
        request, nonce=3, gas=60_000, max_fee_per_gas=2_000_000_000, max_priority_fee_per_gas=1, sender=None
    )
    return review_transaction(prepared.unsigned_payload, options.pop("known", KNOWN), sender=ME, host="node", **options)


def test_coins():
    review = of_request(transfer(TokenAmount.parse("0.25", Token.native(31337)), OTHER))
    shown = facts(review)
    assert review.title is Title.SEND and review.cautions == ()
    assert shown[Label.AMOUNT] == ("0.25 ETH", Source.BYTES)
    assert shown[Label.ADDRESS] == (OTHER, Source.BYTES)
    assert shown[Label.FEE_MAX] == ("0.00012 ETH", Source.BYTES)
    assert shown[Label.TOTAL] == ("0.25012 ETH", Source.BYTES)
    assert shown[Label.NETWORK][0] == "Devnet (31337)"


def test_a_listed_token_is_named_by_the_list_and_its_receiver_by_the_bytes():
    shown = facts(of_request(transfer(TokenAmount.parse("30", DUSD), OTHER)))
    assert shown[Label.AMOUNT] == ("30 DUSD", Source.LIST)
    assert shown[Label.ADDRESS] == (OTHER, Source.BYTES)
    assert shown[Label.CONTRACT] == (DUSD.address, Source.BYTES)


def test_a_token_that_is_not_listed_is_warned_of():
    unlisted = Token(31337, OTHER, "DUSD", "false dollar", 6)
    review = of_request(transfer(TokenAmount.parse("30", unlisted), ME))
    assert Caution.TOKEN_UNLISTED in review.cautions
    assert "DUSD" not in facts(review)[Label.AMOUNT][0]


@pytest.mark.parametrize(
    "request_",
    [
        TransactionRequest(31337, OTHER, data=bytes.fromhex("deadbeef")),
        TransactionRequest(31337, None, data=b"\x60\x00"),
        replace(approve(TokenAmount.parse("1", DUSD), OTHER), value=5),
        replace(transfer(TokenAmount.parse("1", DUSD), OTHER), value=5),
        replace(
            transfer(TokenAmount.parse("1", DUSD), OTHER),
            data=transfer(TokenAmount.parse("1", DUSD), OTHER).data + b"\0",
        ),
    ],
)
def test_a_call_that_is_not_fully_understood_needs_a_typed_word(request_):
    review = of_request(request_)
    assert review.title is Title.CALL and review.needs_word


def test_i13_an_address_that_resembles_a_known_one_is_warned_of():
    poison = Address.from_bytes(bytes.fromhex(OTHER[2:6] + "11" * 16 + OTHER[-4:]))
    known = replace(KNOWN, met=frozenset({OTHER}))
    coins = TokenAmount.parse("1", Token.native(31337))
    assert Caution.LOOKS_ALIKE in of_request(transfer(coins, poison), known=known).cautions
    assert Caution.LOOKS_ALIKE not in of_request(transfer(coins, OTHER), known=known).cautions
    assert looks_alike(poison, {OTHER}) and not looks_alike(OTHER, {OTHER})


def test_a_transfer_to_oneself_is_warned_of():
    assert of_request(transfer(TokenAmount.parse("1", Token.native(31337)), ME)).cautions == (Caution.OWN_ADDRESS,)


def test_the_digest_is_that_of_the_bytes():
    one, two = (of_request(transfer(TokenAmount.parse(n, Token.native(31337)), OTHER)) for n in ("1", "2"))
    assert one.digest != two.digest
