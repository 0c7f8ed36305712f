"""What the client asks of the terms under which a treasury takes tokens: signed by the operator, or nothing is paid."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from fiat.bridge_quote import Pair, bridge_quote
from fiat.deposit import DepositTerms, terms_from_json
from fiat.errors import OrderMalformed
from fiat.fee import FREE
from fiat.tariff import Tariff
from tests.api.people import Key, spelled
from wallet.deposits import read_terms
from wallet.errors import AnswerUnfit, ProofMissing
from wallet.proofs import Ledger, read_bridge_quote

OPERATOR, OTHER = Key(), Key()
LEDGER = Ledger(b"\7" * 32, OPERATOR.address, {"EUR": 2}, Tariff({}))
TERMS = DepositTerms(
    holder=b"\1" * 32,
    id=b"\2" * 32,
    chain_id=31337,
    treasury=b"\3" * 20,
    token=b"\4" * 20,
    sender=b"\5" * 20,
    asset="DUSD",
    decimals=6,
    amount_units=10**7,
    currency="EUR",
    quote=b"\6" * 32,
    if_late="return",
    valid_before=1_800_000_000,
)


def answered(terms=TERMS, key=OPERATOR, signed=None):
    signature = key.sign((signed or terms).digest(LEDGER.id))
    return {"terms": terms.to_json(), "signature": spelled(signature)}


def test_terms_that_the_operator_signed_are_read():
    assert read_terms("host", answered(), LEDGER) == TERMS
    assert terms_from_json(TERMS.to_json()) == TERMS


@pytest.mark.parametrize("field", ["treasury", "token", "sender"])
def test_another_address_than_was_signed_is_refused(field):
    lie = answered(replace(TERMS, **{field: b"\x66" * 20}), signed=TERMS)
    with pytest.raises(ProofMissing):
        read_terms("host", lie, LEDGER)


def test_who_is_not_the_operator_signs_nothing():
    for lie in (answered(key=OTHER), answered() | {"signature": "0x" + "00" * 65}):
        with pytest.raises(ProofMissing):
            read_terms("host", lie, LEDGER)
    with pytest.raises(AnswerUnfit):
        read_terms("host", {"terms": TERMS.to_json()}, LEDGER)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("amountUnits", "010"),
        ("amountUnits", str(2**256)),
        ("decimals", "256"),
        ("treasury", "0x" + "AB" * 20),
        ("holder", "0x12"),
        ("asset", "D USD"),
        ("more", "1"),
    ],
)
def test_terms_have_one_spelling(field, text):
    with pytest.raises(OrderMalformed):
        terms_from_json(TERMS.to_json() | {field: text})


def test_every_field_is_signed():
    """No two terms that differ anywhere have one digest."""
    other = {
        "holder": bytes(32),
        "id": bytes(32),
        "chain_id": 1,
        "treasury": bytes(20),
        "token": bytes(20),
        "sender": bytes(20),
        "asset": "DEUR",
        "decimals": 18,
        "amount_units": 1,
        "currency": "USD",
        "quote": bytes(32),
        "if_late": "requote",
        "valid_before": 1,
    }
    digests = {replace(TERMS, **{name: value}).digest(LEDGER.id) for name, value in other.items()}
    assert len(digests | {TERMS.digest(LEDGER.id), TERMS.digest(bytes(32))}) == len(other) + 2


def test_a_quote_counts_as_it_was_signed():
    pair = Pair(to_token=False, currency="EUR", exponent=2, chain_id=31337, token=b"\4" * 20, symbol="DUSD", decimals=6)
    terms = {"holder": b"\1" * 32, "salt": bytes(32), "spread_ppm": 5000, "schedule": FREE, "expires_at": 1_800_000_000}
    quote = bridge_quote(pair, 10**7, Fraction(4, 5), network_fee_minor=0, **terms)
    digest = quote.digest(LEDGER.id)
    told = {"id": spelled(digest), "quote": quote.to_json(), "signature": spelled(OPERATOR.sign(digest))}
    assert read_bridge_quote("host", told, LEDGER) == quote
    for lie in (
        told | {"signature": spelled(OTHER.sign(digest))},
        told | {"quote": quote.to_json() | {"receiveAmount": "797"}},
    ):
        with pytest.raises(ProofMissing):
            read_bridge_quote("host", lie, LEDGER)
    more = replace(quote, receive_amount=797)
    signed = {"id": spelled(more.digest(LEDGER.id)), "quote": more.to_json()}
    with pytest.raises(ProofMissing):  # signed, and it does not add up
        read_bridge_quote("host", signed | {"signature": spelled(OPERATOR.sign(more.digest(LEDGER.id)))}, LEDGER)
