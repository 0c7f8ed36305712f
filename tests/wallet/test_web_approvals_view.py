"""What of a prompt stands open on its sheet: raw data is folded only where the rest says what it does."""

from __future__ import annotations

import pytest

from chain.calldata import encode_call
from tests.wallet.policies import BOB, CHAIN, DUSD, ME, PAGE, STRANGER, transaction
from wallet.asking import Client, ClientKind
from wallet.judgement import Judgement, Subject
from wallet.prompts import Proposal, Shown
from wallet.purse import TOKENS
from wallet.review import Known, Label
from wallet.review_door import review_calls
from wallet.review_transactions import review_transaction
from wallet.web.approvals_view import sheet

CLIENT = Client(ClientKind.PAGE, PAGE)
KNOWN = Known(TOKENS, frozenset({ME}), frozenset({BOB}), {CHAIN: "Devnet"})
SEND = encode_call("transfer(address,uint256)", BOB, 5_000_000)
STRANGE = b"\x12\x34\x56\x78" + bytes(32)


def reviewed(to, data, value):
    payload = transaction(to, data, value).unsigned_payload
    return review_transaction(payload, KNOWN, sender=ME, host="node", origin=PAGE)


def sheet_of(review):
    async def act():
        raise AssertionError("nobody said yes")

    subject = Subject(review.kind, CHAIN, ME)
    return sheet(Shown("1", CLIENT, Proposal(review, act, subject), Judgement(), 0, 0.0), ())


@pytest.mark.parametrize(
    ("to", "data", "value", "is_open"),
    [
        (STRANGER, STRANGE, 0, True),
        (STRANGER, STRANGE, 1, True),
        (DUSD.address, SEND, 1, True),
        (DUSD.address, SEND, 0, False),
        (BOB, b"", 1, False),
    ],
    ids=["unknown", "unknown, with coins", "coins to a function that takes none", "a transfer", "coins alone"],
)
def test_calldata_that_is_not_understood_stands_open_whatever_coins_go_along(to, data, value, is_open):
    review = reviewed(to, data, value)
    assert not value or Label.AMOUNT in {fact.label for fact in review.facts}
    assert sheet_of(review)["raw_open"] is is_open


def test_one_unknown_call_opens_the_raw_data_of_a_batch():
    plain, strange = reviewed(BOB, b"", 1), reviewed(STRANGER, STRANGE, 1)
    assert sheet_of(review_calls(CLIENT, [plain, strange]))["raw_open"] is True
    assert sheet_of(review_calls(CLIENT, [plain, plain]))["raw_open"] is False
