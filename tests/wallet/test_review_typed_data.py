"""What a typed-data review shows: the declared members, in their order, and nothing else."""

from __future__ import annotations

import copy
import json

import pytest

from chain.address import Address
from wallet.errors import BytesNotUnderstood
from wallet.purse import TOKENS
from wallet.review import Caution, Known, Label, Refusal, Title
from wallet.review_typed_data import review_typed_data
from wallet.signable import parse_typed_data

ME = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
OTHER = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
KNOWN = Known(TOKENS, frozenset({ME}))
NOTE = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
        "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
        "Note": [
            {"name": "to", "type": "Person[]"},
            {"name": "urgent", "type": "bool"},
            {"name": "seal", "type": "bytes"},
            {"name": "count", "type": "int64"},
        ],
    },
    "primaryType": "Note",
    "domain": {"name": "Notes", "chainId": 31337},
    "message": {"to": [{"name": "Bob", "wallet": OTHER}], "urgent": True, "seal": "0xff00", "count": "-5"},
}


def of(document, origin="https://app.example"):
    text = document if isinstance(document, str) else json.dumps(document)
    return review_typed_data(text, account=ME, known=KNOWN, origin=origin, host="127.0.0.1:8000")


def members(review):
    return [(f.about, f.value) for f in review.facts if f.label in (Label.DOMAIN, Label.MEMBER)]


def changed(path, value):
    document = copy.deepcopy(NOTE)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return document


def test_members_are_shown_in_the_order_of_their_types():
    review = of(NOTE)
    assert members(review) == [
        ("name", "Notes"),
        ("chainId", "31337"),
        ("to[0].name", "Bob"),
        ("to[0].wallet", OTHER),
        ("urgent", "true"),
        ("seal", "0xff00"),
        ("count", "-5"),
    ]
    assert (review.title, review.kind, review.refused) == (Title.TYPED_DATA, "sign_typed_data", None)


def test_erc8213_digests_are_on_it():
    typed = parse_typed_data(json.dumps(NOTE))
    shown = {fact.label: fact.value for fact in of(NOTE).facts}
    assert shown[Label.EIP712_DIGEST] == "0x" + typed.digest.hex()
    assert shown[Label.DOMAIN_HASH] == "0x" + typed.domain_separator.hex()
    assert shown[Label.MESSAGE_HASH] == "0x" + typed.message_hash.hex()


def test_i21_what_is_not_signed_is_not_shown():
    more = changed(("message", "amount"), "1000000")
    more["domain"]["verifyingContract"] = OTHER
    assert of(more).facts == of(NOTE).facts


def test_i21_malformed_types_are_refused():
    for document in (
        changed(("types", "Person"), [{"name": "a", "type": "Person"}]),
        changed(("types", "Person"), [{"name": "a", "type": "uint"}]),
        changed(("message", "count"), 1.5),
        changed(("message", "count"), True),
        changed(("message", "to"), [{"name": "Bob"}]),
        changed(("message", "to"), [{"name": "Bob", "wallet": 1}]),
        json.dumps(NOTE).replace('"urgent": true', '"urgent": true, "urgent": false'),
        "not json",
    ):
        with pytest.raises(BytesNotUnderstood) as caught:
            of(document)
        assert caught.value.kind == "typed-data"


def test_the_ledgers_domain_is_refused_for_a_dapp():
    assert of(changed(("domain", "name"), "Tandem Ledger")).refused is Refusal.LEDGER_DOMAIN
    assert of(changed(("domain", "name"), "tandem  LEDGER ")).refused is Refusal.LEDGER_DOMAIN
    assert of(changed(("domain", "name"), "Tandem Ledgers")).refused is None


def test_hidden_characters_odd_addresses_and_length_are_warned_of():
    hidden = changed(("message", "to"), [{"name": "Bob\u202e", "wallet": OTHER}])
    assert of(hidden).cautions == (Caution.HIDDEN_CHARACTERS,)
    assert ("to[0].name", "Bob<U+202E>") in members(of(hidden))
    odd = changed(("message", "to"), [{"name": "Bob", "wallet": OTHER[:-1] + "c"}])
    assert of(odd).cautions == (Caution.ADDRESS_ODD,)
    many = changed(("message", "to"), [{"name": "Bob", "wallet": OTHER}] * 200)
    assert of(many).needs_word and Caution.TOO_LONG in of(many).cautions
