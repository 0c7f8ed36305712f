"""Quotes between currencies and tokens over HTTP: itemised, signed, closed when a price or the node is in doubt."""

from __future__ import annotations

import pytest

from fiat.bridge_quote import bridge_quote_from_json
from fiat.signature import recover
from tests.api.test_orders import operator
from tests.api.test_quotes import asked


async def test_euros_for_ether_are_quoted_with_the_gas_that_it_costs(person, running):
    alice = await person()
    answer = await asked(alice, "1000", "EUR", "ETH")
    assert answer.status == 201, answer.body
    told = answer.json
    quote = bridge_quote_from_json(told["quote"])
    assert quote.adds_up and quote.to_token and quote.holder == alice.holder and quote.network_fee_minor > 0
    assert told["id"] == "0x" + quote.digest(running.ledger_id).hex()
    assert recover(quote.digest(running.ledger_id), bytes.fromhex(told["signature"][2:])) == await operator(alice)
    assert told["asset"] == f"eip155:{quote.chain_id}/slip44:60"
    assert int(told["total_minor"]) == 1000 + quote.fee_minor + quote.network_fee_minor


async def test_a_token_for_euros_is_quoted_in_the_tokens_own_units(person):
    alice = await person()
    answer = await asked(alice, "25000000", "DUSD", "EUR")
    assert answer.status == 201, answer.body
    quote = bridge_quote_from_json(answer.json["quote"])
    assert (answer.json["amount"], quote.symbol, quote.decimals, quote.network_fee_minor) == ("25", "DUSD", 6, 0)
    assert quote.adds_up and not quote.to_token and quote.receive_amount == 2_303


async def test_the_order_of_a_ledger_conversion_accepts_no_bridges_quote(person):
    alice = await person(funded=25_000)
    told = (await asked(alice, "1000", "EUR", "DUSD")).json
    plain = (await asked(alice)).json
    order = alice.conversion(plain, reference=bytes.fromhex(told["id"][2:]))
    assert (await alice.order(order)).slug == "quote_unknown"
    assert await alice.balance() == 25_000


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [
        ({"give": "ETH", "receive": "DUSD"}, 422, "invalid_input"),
        ({"receive": "NOTOKEN"}, 422, "currency_unknown"),
        ({"give": "CHF", "receive": "ETH"}, 503, "quote_unavailable"),
        ({"receive": "ETH", "amount": "0"}, 422, "amount_not_positive"),
        ({"receive": "ETH", "amount": str(10**18)}, 422, "amount_malformed"),
        ({"give": "ETH", "receive": "EUR", "amount": str(2**256)}, 422, "amount_too_large"),
        ({"give": "ETH", "receive": "EUR", "amount": "1"}, 422, "amount_not_positive"),
    ],
)
async def test_what_cannot_be_quoted(person, changes, status, slug):
    answer = await asked(await person(), **changes)
    assert (answer.status, answer.slug) == (status, slug), answer.body
