"""What is shown before a token is bought: of the bytes and of one's own list. A server that bends it is refused."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from chain.address import Address
from chain.token import Token
from fiat.bridge_quote import Pair, bridge_quote
from fiat.fee import FeeSchedule
from fiat.order import LedgerConversion, text_hash
from fiat.tariff import Tariff
from tests.fiat.conftest import OPERATOR_KEY, Key
from wallet.cli.bridge_words import STATES, STEPS, in_words
from wallet.errors import BytesNotUnderstood, ProofMissing
from wallet.proofs import Ledger, read_bridge_quote
from wallet.purchases import STATES as KNOWN_STATES
from wallet.purchases import STEPS as KNOWN_STEPS
from wallet.review import Caution, Label, Source, Title, Told
from wallet.review_orders import review_order

LEDGER_ID, HOLDER, SALT = b"\7" * 32, b"\1" * 32, bytes(16)
MINE = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
ETH = Token.native(31337)
PAIR = Pair(to_token=True, currency="EUR", exponent=2, chain_id=31337, token=bytes(20), symbol="ETH", decimals=18)
TEXT = "EUR > ETH"


def quoted(pair=PAIR, market=Fraction(108, 300_000), **changes):
    made = bridge_quote(
        pair,
        1_000,
        market,
        holder=HOLDER,
        salt=b"\5" * 32,
        spread_ppm=5000,
        schedule=FeeSchedule(fixed_minor=10),
        network_fee_minor=7,
        expires_at=1_800_000_000,
    )
    return replace(made, **changes)


def order_for(quote, **changes):
    fields = {
        "holder": HOLDER,
        "key_epoch": 1,
        "nonce": b"\2" * 32,
        "valid_after": 1,
        "valid_before": 2,
        "seen_head": HOLDER,
        "shown": text_hash(SALT, TEXT),
        "currency": "EUR",
        "exponent": 2,
        "amount_minor": 1_000,
        "total_max_minor": quote.total_minor,
        "receive_asset": quote.asset,
        "receive_min_minor": quote.receive_amount,
        "receive_to": MINE.raw,
        "reference": quote.digest(LEDGER_ID),
    }
    return LedgerConversion(**(fields | changes))


def reviewed(quote, order, token=ETH):
    texts = {"shown": Told(SALT, TEXT)}
    fields = order.to_json()
    return review_order(
        order.type_name, LEDGER_ID, fields, texts, host="host", payee_known=True, quote=quote, token=token
    )


def test_it_says_what_arrives_where_and_what_it_costs():
    quote = quoted()
    review = reviewed(quote, order_for(quote))
    shown = {fact.label: (fact.value, fact.source) for fact in review.facts}
    assert review.title is Title.CONVERT and review.cautions == ()
    assert shown[Label.RECEIVE] == ("0.003582 ETH", Source.LIST)
    assert shown[Label.ADDRESS] == (MINE, Source.BYTES)
    assert shown[Label.NETWORK] == ("31337", Source.BYTES)
    assert shown[Label.RATE] == ("1 EUR = 0.000358200000 ETH", Source.BYTES)
    assert shown[Label.FEE] == ("0.10 EUR", Source.CLAIMED)
    assert shown[Label.NETWORK_FEE] == ("0.07 EUR", Source.CLAIMED)
    assert shown[Label.TOTAL] == ("10.17 EUR", Source.BYTES)


@pytest.mark.parametrize(
    "changes",
    [
        {"receive_asset": "eip155:1/slip44:60"},
        {"receive_asset": "eip155:31337/erc20:0x" + "11" * 20},
        {"receive_asset": "USD"},
        {"receive_to": bytes(20)},
        {"receive_min_minor": 0},
        {"receive_min_minor": 3_582_000_000_000_001},
        {"reference": b"\3" * 32},
    ],
)
def test_another_token_place_or_amount_than_the_quotes_is_not_shown_but_refused(changes):
    quote = quoted()
    with pytest.raises(BytesNotUnderstood):
        reviewed(quote, order_for(quote, **changes))


def test_a_quote_that_calls_the_token_something_else_than_the_persons_list_is_refused():
    for pair in (replace(PAIR, symbol="WETH"), replace(PAIR, decimals=17)):
        quote = quoted(pair)
        with pytest.raises(BytesNotUnderstood):
            reviewed(quote, order_for(quote))
    quote = quoted()
    with pytest.raises(BytesNotUnderstood):
        reviewed(quote, order_for(quote), token=None)


def test_a_poor_minimum_is_warned_of():
    quote = quoted()
    review = reviewed(quote, order_for(quote, receive_min_minor=3_400_000_000_000_000))
    assert Caution.RATE_POOR in review.cautions


def document(quote, signer=OPERATOR_KEY, /, **changes):
    digest = quote.digest(LEDGER_ID)
    told = {"quote": quote.to_json(), "id": "0x" + digest.hex(), "signature": "0x" + signer.sign_digest(digest).hex()}
    return told | changes


def test_only_what_the_operator_signed_and_adds_up_is_a_quote():
    ledger = Ledger(LEDGER_ID, OPERATOR_KEY.address, {}, Tariff({}))
    quote = quoted()
    assert read_bridge_quote("host", document(quote), ledger) == quote
    for wrong in (
        document(quote, Key(0xBAD)),
        document(quoted(receive_amount=quote.receive_amount + 10**9)),
        document(quote, id="0x" + "00" * 32),
        document(quote, quote={**quote.to_json(), "spreadPpm": "0"}),
    ):
        with pytest.raises(ProofMissing):
            read_bridge_quote("host", wrong, ledger)


def test_every_state_and_step_has_words():
    assert set(STATES) == KNOWN_STATES and set(STEPS) == KNOWN_STEPS
    told = {"state": "pending_external", "next": "confirm", "due_at": "2026-11-27T18:43:11.000000Z"}
    assert in_words(told).endswith("By 2026-11-27 18:43:11 UTC.")
    assert in_words({"state": "completed", "next": "nothing", "due_at": None}) == "done."
