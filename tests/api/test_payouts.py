"""Fiat to token on a real server and a real chain: held, sent once to the person's own address, then settled."""

from __future__ import annotations

import asyncio
import json

import pytest

from chain.address import Address
from chain.devnet_contracts import CHAIN_ID, demo_token
from chain.node import Node
from chain.token import Token
from tests.api.test_quotes import asked

OPEN = ("pending_anchor", "pending_external", "on_hold")


@pytest.fixture(scope="session")
def treasury(running):
    """The running server's hot wallet, and the operator's own tokens in it."""
    for command in ("init", "fund"):
        done = running.run("treasury", command, "--json")
        assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["funded"]


async def ended(person, order, seconds=60):
    """The conversion once it is over."""
    async with asyncio.timeout(seconds):
        while True:
            told = (await person.get(f"/v1/conversions/{order['order']['nonce']}")).json
            if told["state"] not in OPEN:
                return told
            await asyncio.sleep(0.1)


async def held_of(chain_url, person, token):
    async with Node(chain_url, CHAIN_ID) as node:
        (amount,) = await node.balances(Address.from_bytes(person.account.address), [token])
    return amount.units


@pytest.mark.parametrize("symbol", ["ETH", "DUSD"])
async def test_euros_become_tokens_at_ones_own_address(person, running, treasury, chain_url, symbol):
    alice = await person(funded=25_000)
    told = (await asked(alice, "1000", "EUR", symbol)).json
    order = alice.bridging(told)
    answers = await asyncio.gather(*(alice.order(order) for _ in range(3)))
    assert sorted(answer.status for answer in answers) == [200, 200, 201], answers[0].body
    done = await ended(alice, order)
    assert (done["state"], done["next"], done["due_at"], done["why"]) == ("completed", "nothing", None, None)
    units = int(told["quote"]["receiveAmount"])
    token = Token.native(CHAIN_ID) if symbol == "ETH" else demo_token(symbol)
    assert await held_of(chain_url, alice, token) == units == int(done["amount_minor"])
    assert await alice.balance() == 25_000 - int(told["total_minor"])
    state = (await alice.get(f"/v1/orders/{order['order']['nonce']}")).json
    assert (state["state"], state["conversion"]["transaction"]) == ("completed", done["transaction"])
    again = await alice.order(alice.bridging(told))
    assert (again.status, again.slug) == (409, "quote_used")
    items = (await alice.get("/v1/activity")).json["items"]
    assert [item["kind"] for item in items] == ["fee", "conversion", "topup"], "what arrived is no item of its own"
    told_of = items[1]
    assert (told_of["state"], told_of["transaction"]) == ("done", done["transaction"])
    assert (told_of["received"]["asset"], told_of["received"]["amount_minor"]) == (symbol, str(units))


async def test_what_the_operator_does_not_have_is_refused_and_nothing_is_held(person):
    alice = await person(funded=60_000_000)
    told = (await asked(alice, "50000000", "EUR", "ETH")).json
    for _ in range(2):
        answer = await alice.order(alice.bridging(told))
        assert (answer.status, answer.slug) == (422, "inventory_missing"), answer.body
    assert await alice.balance() == 60_000_000


async def test_it_goes_to_an_address_that_its_holder_proved_and_to_no_other(person):
    alice, eve = await person(funded=25_000), await person()
    told = (await asked(alice, "1000", "EUR", "ETH")).json
    for address in (eve.account.address, b"\x22" * 20):
        answer = await alice.order(alice.bridging(told, receive_to=address))
        assert (answer.status, answer.slug) == (422, "receiver_unproven"), answer.body
    more = int(told["quote"]["receiveAmount"]) + 1
    assert (await alice.order(alice.bridging(told, receive_min_minor=more))).slug == "receive_too_little"
    other = (await asked(alice, "1000", "EUR", "DUSD")).json["asset"]
    assert (await alice.order(alice.bridging(told, receive_asset=other))).slug == "quote_unknown"
    assert (await eve.get(f"/v1/conversions/0x{'ab' * 32}")).status == 404
