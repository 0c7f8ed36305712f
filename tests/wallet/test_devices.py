"""A second device believes only the root's own order that names its key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chain.address import Address
from fiat.control import DELAY_NS
from fiat.order import LedgerControl, SignedOrder
from fiat.record import KeyAction, KeyRecord
from tests.wallet.test_proofs import HEAD, HOLDER, LEDGER, LEDGER_ID, OPERATOR, ROOT, STRANGER, sealed
from wallet.devices import check_added
from wallet.errors import AnswerUnfit, ProofMissing
from wallet.heads import Reader
from wallet.proofs import Card

KEY = Address.from_bytes(b"\x42" * 20)
CARD = Card("alice", HOLDER.holder_id, ROOT.address)
ADD = LedgerControl(**HEAD, action="key-add", subject=bytes(12) + KEY.raw)


def receipt(order=ADD, signer=ROOT, operator=OPERATOR, **changes):
    signed = SignedOrder(order, signer.sign_digest(order.digest(LEDGER_ID)))
    fields = {"sequence": 7, "timestamp": 9, "holder": order.holder, "link": bytes(32), "epoch": 1}
    fields |= {"action": int(KeyAction.KEY_ADD), "key": order.subject[12:], "subject": order.subject}
    return sealed(KeyRecord(**(fields | {"effective_at": 9 + DELAY_NS, "order": signed} | changes)), operator)


def check(document):
    check_added("server", Reader("server", "receipt", document), LEDGER, CARD, KEY)


def test_the_roots_order_is_the_proof():
    check(receipt())


@pytest.mark.parametrize(
    "document",
    [
        receipt(signer=STRANGER),
        receipt(operator=STRANGER),
        receipt(replace(ADD, subject=bytes(12) + b"\x43" * 20)),
        receipt(replace(ADD, action="key-revoke")),
        receipt(replace(ADD, holder=b"\7" * 32)),
        {**receipt(), "record": "0x00"},
    ],
)
def test_anything_else_is_none(document):
    with pytest.raises(ProofMissing):
        check(document)


def test_an_answer_of_another_shape_is_unfit():
    with pytest.raises(AnswerUnfit):
        check({})
