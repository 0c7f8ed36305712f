"""What is shown before another contract's code runs as one's own account."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chain.address import Address
from chain.delegation import NOBODY, PREFIX, Delegation
from chain.transaction import TransactionRequest
from wallet.cli.review_words import CAUTIONS, LABELS, TITLES
from wallet.errors import BytesNotUnderstood
from wallet.purse import TOKENS
from wallet.review import Caution, Known, Label, Source, Title
from wallet.review_delegation import review_delegation

ALICE, BOB = Address("0x" + "a1" * 20), Address("0x" + "b0" * 20)
CONTRACT = Address("0x00a329c0648769A73afAc7F9381E08FB43dBEA72")
FRAME = TransactionRequest(
    31337, NOBODY, sender=BOB, nonce=7, gas=46_000, max_fee_per_gas=10**9, max_priority_fee_per_gas=1
)
ASKED = Delegation(FRAME, ALICE, CONTRACT, 5)
KNOWN = Known(TOKENS, frozenset({ALICE, BOB}), networks={31337: "Devnet"})
HOST = "http://node"


def shown(asked=ASKED, code=b"\x60" * 40, before=b"", known=KNOWN):
    return review_delegation(asked.payload, known, code=code, before=before, host=HOST)


def facts(review):
    return {(fact.label, fact.about): (fact.value, fact.source) for fact in review.facts}


def test_everything_that_is_signed_is_from_the_bytes_and_the_code_is_the_nodes_claim():
    review = shown()
    told = facts(review)
    assert (review.title, review.digest) == (Title.DELEGATE, ASKED.digest)
    assert told[Label.ACCOUNT, ""] == (ALICE, Source.BYTES)
    assert told[Label.DELEGATION, ""] == (CONTRACT, Source.BYTES)
    assert told[Label.PAID_BY, ""] == (BOB, Source.BYTES)
    assert told[Label.FEE_MAX, ""] == ("0.000046 ETH", Source.BYTES)
    assert told[Label.NONCE, ""][0] == "7" and told[Label.NONCE, "EIP-7702"][0] == "5"
    assert told[Label.DIGEST, "EIP-7702"][0] == "0x" + ASKED.authorization_hash.hex()
    assert told[Label.CODE, ""] == ("40", Source.CLAIMED)
    assert told[Label.BEFORE, ""] == ("nobody", Source.CLAIMED)
    assert review.cautions == (Caution.HANDS_OVER,) and review.needs_word


@pytest.mark.parametrize("code", [b"", PREFIX + BOB.raw])
def test_a_delegate_without_code_of_its_own_is_warned_of(code):
    assert Caution.CONTRACT_WITHOUT_CODE in shown(code=code).cautions


def test_a_delegate_that_looks_like_a_known_one_is_warned_of():
    alike = Address.from_bytes(CONTRACT.raw[:-1] + b"\0")
    known = replace(KNOWN, met=frozenset({CONTRACT}))
    assert Caution.LOOKS_ALIKE in shown(replace(ASKED, delegate=alike), known=known).cautions


def test_clearing_needs_no_word_and_names_what_was():
    review = shown(replace(ASKED, delegate=NOBODY), code=b"", before=PREFIX + CONTRACT.raw)
    assert (review.title, review.cautions, review.needs_word) == (Title.UNDELEGATE, (), False)
    assert facts(review)[Label.BEFORE, ""] == (CONTRACT, Source.CLAIMED)
    assert facts(review)[Label.DELEGATION, ""] == ("nobody", Source.BYTES)


def test_other_bytes_are_no_delegation():
    for payload in (b"", FRAME.unsigned_payload, ASKED.payload[:-1], ASKED.payload + b"\0"):
        with pytest.raises(BytesNotUnderstood):
            review_delegation(payload, KNOWN, code=b"", before=b"", host=HOST)


def test_there_are_words_for_all_of_it():
    assert {Title.DELEGATE, Title.UNDELEGATE} <= set(TITLES) and Caution.HANDS_OVER in CAUTIONS
    assert {fact.label for fact in shown().facts} <= set(LABELS)
