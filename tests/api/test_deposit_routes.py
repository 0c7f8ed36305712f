"""Deposits over HTTP, on a real server and a real chain: the intent, its states, a kill of the server in between."""

from __future__ import annotations

import asyncio
import json
import os

import pytest
import pytest_asyncio

from chain.address import Address
from chain.devnet import fund
from chain.devnet_contracts import CHAIN_ID, demo_token
from chain.erc20 import transfer
from chain.node import Node
from chain.token import TokenAmount
from fiat.deposit import terms_from_json
from fiat.signature import recover
from tests.api.conftest import Running
from tests.api.people import spelled, until

DUSD = demo_token("DUSD")
TREASURY = Address.from_bytes(bytes.fromhex("7ea5") + bytes(18))
CONFIRMATIONS = 3


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def taking(tmp_path_factory, chain_url):
    """A server with a treasury. Its chain is the run's; a few blocks make a transfer final."""
    server = Running(
        tmp_path_factory.mktemp("taking") / "state",
        chain_url,
        TANDEM_TREASURY=TREASURY,
        TANDEM_CONFIRMATIONS=str(CONFIRMATIONS),
    )
    await asyncio.to_thread(server.start)
    async with Node(chain_url, CHAIN_ID) as node:
        yield server, node
    assert await asyncio.to_thread(server.stop) == 0, server.log
    assert "Traceback" not in server.log, server.log


async def payer(server, node):
    someone = await (await server.person().register()).sign_in()
    address = Address.from_bytes(someone.account.address)
    await fund(node, address, 10**18, 100 * 10**6)
    await node.call("anvil_impersonateAccount", [address])
    return someone, address


async def pay(node, address, units):
    asked = transfer(TokenAmount(units, DUSD), TREASURY).with_sender(address).to_rpc()
    sent = bytes.fromhex(str(await node.call("eth_sendTransaction", [{**asked, "gas": hex(100_000)}]))[2:])
    assert (await node.wait_for_receipt(sent)).succeeded
    return sent


def state_is(*states):
    return lambda answer: answer.json["state"] in states


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_intent_is_paid_and_credited_once_though_the_server_is_killed(taking):
    server, node = taking
    alice, address = await payer(server, node)
    quote = (await alice.post("/v1/quotes", {"from": "DUSD", "to": "EUR", "amount_minor": "10000000"})).json
    path, body = (
        f"/v1/deposits/{spelled(os.urandom(32))}",
        {"quote": quote["id"], "from": address, "if_late": "requote"},
    )
    first, again = await alice.put(path, body), await alice.put(path, body)
    assert (first.status, again.status) == (201, 200)
    assert first.json == again.json
    told = first.json
    assert (told["state"], told["next"], told["treasury"]) == ("pending_user_transfer_start", "pay", TREASURY)
    operator = bytes.fromhex((await alice.get("/v1/ledger")).json["operator"][2:])
    signer = recover(terms_from_json(told["terms"]).digest(alice.ledger_id), bytes.fromhex(told["signature"][2:]))
    assert signer == operator, "the treasury's address can be held against the operator"

    transaction = await pay(node, address, 10**7)
    seen = (await until(lambda: alice.get(path), state_is("pending_external"))).json
    assert seen["arrived"]["transaction"] == spelled(transaction) and seen["arrived"]["confirmations_left"] > 0
    pending = (await until(lambda: alice.get(path), lambda a: a.json["credit"] is not None)).json["credit"]
    assert (pending["state"], pending["amount"]) == ("pending", quote["receive"])
    view = (await alice.get("/v1/portfolio?in=EUR")).json["positions"]
    (euros,) = [p for p in view if p["asset"] == "EUR"]
    assert (euros["amount_minor"], euros["available_minor"], euros["coming"]) == ("0", "0", quote["receive"])

    await asyncio.to_thread(lambda: server.stop(kill=True))
    await node.call("anvil_mine", [hex(CONFIRMATIONS)])
    await asyncio.to_thread(server.start)
    alice.url = server.url
    done = (await until(lambda: alice.get(path), state_is("completed"))).json
    assert (done["credit"]["state"], done["credit"]["amount"]) == ("posted", quote["receive"])
    assert await alice.balance() == int(done["credit"]["amount_minor"])

    def whole(answer):
        return any(item["kind"] == "conversion" and item["state"] == "done" for item in answer.json["items"])

    items = (await until(lambda: alice.get("/v1/activity"), whole)).json["items"]
    (both,) = [item for item in items if item["kind"] == "conversion"]
    assert (both["asset"], both["amount"], both["direction"]) == ("DUSD", "10", "out")
    assert (both["received"]["asset"], both["received"]["amount"]) == ("EUR", quote["receive"])
    assert [item["rail"] for item in items].count("ledger") == 0, "one item has both legs"


async def test_what_is_wrong_with_an_intent_is_told_before_anything_is_written(taking):
    server, node = taking
    alice, address = await payer(server, node)
    bob, _ = await payer(server, node)
    path = f"/v1/deposits/{spelled(os.urandom(32))}"
    plain = {"asset": "DUSD", "amount": "1", "currency": "EUR", "from": address, "if_late": "return"}
    quote = (await alice.post("/v1/quotes", {"from": "DUSD", "to": "EUR", "amount_minor": "1000000"})).json["id"]
    bought = (await alice.post("/v1/quotes", {"from": "EUR", "to": "DUSD", "amount_minor": "100"})).json["id"]
    for changes, status, slug in (
        ({"from": TREASURY}, 422, "sender_unproved"),
        ({"from": "0x12"}, 422, "invalid_input"),
        ({"amount": "0"}, 422, "amount_not_positive"),
        ({"amount": "1.1234567"}, 422, "amount_too_precise"),
        ({"amount": "-1"}, 422, "amount_malformed"),
        ({"asset": "NONE"}, 404, "not_found"),
        ({"currency": "XXX"}, 422, "currency_unknown"),
        ({"if_late": "keep"}, 422, "invalid_input"),
        ({"quote": quote}, 422, "invalid_input"),
        ({"amount": None}, 422, "invalid_input"),
        ({"more": 1}, 422, "invalid_input"),
    ):
        refused = await alice.put(path, plain | changes)
        assert (refused.status, refused.slug) == (status, slug), (changes, refused.body)
    of_quote = {"from": address, "if_late": "requote"}
    assert (await alice.put(path, of_quote | {"quote": bought})).slug == "quote_unknown"
    assert (await bob.put(path, of_quote | {"quote": quote})).slug == "quote_unknown"
    assert (await alice.get(path)).status == 404, "nothing was written"
    assert (await alice.put(path, of_quote | {"quote": quote})).status == 201
    assert (await alice.put(path, of_quote | {"quote": quote, "if_late": "return"})).slug == "id_conflict"
    other = f"/v1/deposits/{spelled(os.urandom(32))}"
    assert (await alice.put(other, of_quote | {"quote": quote})).slug == "quote_used"
    assert (await bob.get(path)).status == 404, "not yours and not there are the same"


async def test_a_hold_is_told_and_settled_by_the_operators_command(taking):
    server, node = taking
    alice, address = await payer(server, node)
    path = f"/v1/deposits/{spelled(os.urandom(32))}"
    plain = {"asset": "DUSD", "amount": "1", "currency": "EUR", "from": address, "if_late": "requote"}
    assert (await alice.put(path, plain)).status == 201
    await pay(node, address, 2 * 10**6)
    await node.call("anvil_mine", [hex(CONFIRMATIONS)])
    held = (await until(lambda: alice.get(path), state_is("on_hold"))).json
    assert (held["hold"], held["next"], held["credit"]) == ("too_much", "review", None)

    def of_alice(answer):
        found = [each for each in answer.json["deposits"] if each["from"] == address]
        return found and found[0]["final"]

    listed = await until(lambda: listing(server), of_alice)
    (row,) = [each for each in listed.json["deposits"] if each["from"] == address]
    health = (await alice.get("/v1/health")).json
    assert health["ready"] and health["deposits"]["held"] >= 1 and health["deposits"]["cases"] == 0
    done = await asyncio.to_thread(server.run, "deposits", "release", row["id"], "--yes", "--json")
    assert done.returncode == 0, done.stderr
    credited = (await until(lambda: alice.get(path), state_is("completed"))).json
    assert await alice.balance() == int(credited["credit"]["amount_minor"]) > 0
    again = await asyncio.to_thread(server.run, "deposits", "release", row["id"], "--yes")
    assert again.returncode == 1, "it is settled"


class Listed:
    def __init__(self, document):
        self.json, self.body = document, str(document)


async def listing(server):
    done = await asyncio.to_thread(server.run, "deposits", "list", "--json")
    assert done.returncode == 0, done.stderr
    return Listed(json.loads(done.stdout))
