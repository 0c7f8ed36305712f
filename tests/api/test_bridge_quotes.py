"""Quotes between currencies and tokens over HTTP: itemised, signed, closed when a price or the node is in doubt."""

from __future__ import annotations

import pytest

from api.errors import QuoteExpired, QuoteUnavailable
from api.prices import PriceBook, Reading
from chain.errors import NodeUnreachable
from chain.token import Token
from fiat.bridge_quote import bridge_quote_from_json
from fiat.currency import currency
from fiat.order import LedgerConversion
from fiat.signature import recover
from fiat.tariff import Tariff
from tests.api.test_orders import operator
from tests.api.test_quotes import HOLDER, Desk, asked, engine

__all__ = ["engine"]


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


async def bridged(desk, amount=1_000, **changes):
    terms = {"to_token": True} | changes
    return await desk.desk.offer_bridge(HOLDER, currency("EUR"), Token.native(31337), amount, **terms)


@pytest.fixture
def desk(engine):
    """A desk whose clock, feeds and node are the test's."""
    made = Desk(engine, Tariff({}))

    async def prices():
        at = made.now // 10**9 - made.age
        readings = {"EUR/USD": Reading(108_000_000, 8, at), "ETH/USD": Reading(3000 * 10**8, 8, at)}
        return PriceBook(made.now // 10**9, readings)

    async def gas_cost(token):
        if made.gas is None:
            raise NodeUnreachable("http://node", "down")
        return made.gas

    made.gas = 21_000 * 10**9
    made.desk._prices, made.desk._gas_cost = prices, gas_cost
    return made


def order_of(offer, **changes):
    quote = offer.quote
    fields = {"receive_asset": quote.asset, "receive_min_minor": quote.receive_amount, "receive_to": b"\1" * 20}
    fields |= {"currency": "EUR", "exponent": 2, "amount_minor": quote.give_amount, "reference": offer.id}
    head = {"holder": HOLDER, "key_epoch": 1, "nonce": bytes(32), "valid_after": 1, "valid_before": 2}
    head |= {"seen_head": HOLDER, "shown": bytes(32), "total_max_minor": quote.total_minor}
    return LedgerConversion(**(head | fields | changes))


async def test_gas_is_priced_and_rounded_up(desk):
    offer = await bridged(desk)
    # 21,000 gwei are 0.000021 ETH, at 2,777.78 EUR: 5.83 cents
    assert (offer.quote.network_fee_minor, offer.quote.total_minor) == (6, 1_006)
    assert await desk.desk.bridge_accepted_by(order_of(offer)) == offer.quote
    assert (await bridged(desk, 10**16, to_token=False)).quote.network_fee_minor == 0


async def test_a_quote_for_a_token_is_over_after_a_minute(desk):
    offer = await bridged(desk)
    desk.now += 60 * 10**9
    with pytest.raises(QuoteExpired):
        await desk.desk.bridge_accepted_by(order_of(offer))
    assert await desk.desk.bridge(HOLDER, offer.id) == offer.quote


async def test_closed_when_a_price_is_stale_or_the_node_is_silent(desk):
    desk.age = 24 * 3600 + 1
    with pytest.raises(QuoteUnavailable) as stale:
        await bridged(desk)
    desk.age, desk.gas = 0, None
    with pytest.raises(QuoteUnavailable) as silent:
        await bridged(desk)
    assert (stale.value.fields["reason"], silent.value.fields["reason"]) == ("stale", "no-node")
    assert (await bridged(desk, 10**16, to_token=False)).quote.receive_amount > 0, "nothing is sent for this one"
