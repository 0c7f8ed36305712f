"""A-9: who may see and do what, over every operation that the server publishes."""

from __future__ import annotations

import os

import pytest

from api.app import create_app
from api.settings import Settings
from tests.api.people import CHAIN_ID, spelled

OPEN = {
    "GET /v1/health",
    "GET /v1/ledger",
    "POST /v1/sessions/challenge",
    "POST /v1/sessions",
    "POST /v1/users",
    "GET /v1/users/{handle}",
    "PUT /v1/orders/{nonce}",
    "GET /v1/chains",
    "GET /v1/tokens",
    "POST /v1/rpc/{chain_id}",
    "POST /v1/chains/{chain_id}/transfers",
    "POST /v1/chains/{chain_id}/transactions",
    "GET /problems/{slug}",
}
"""No session: CONTRACT section 2 names them. The signature inside an order is its whole authorisation."""


@pytest.fixture(scope="module")
def operations(tmp_path_factory):
    """Every operation, as the application itself publishes it."""
    paths = create_app(Settings(tmp_path_factory.mktemp("unused"), "sqlite://")).openapi()["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


def filled(operation, handle="nobody"):
    values = {
        "handle": handle,
        "asset": "ETH",
        "nonce": "0x" + "11" * 32,
        "id": "0x" + "22" * 32,
        "chain_id": str(CHAIN_ID),
    }
    values |= {"address": "0x" + "ab" * 20, "slug": "not_found", "holder": "0x" + "33" * 32}
    method, path = operation.split()
    for name, value in values.items():
        path = path.replace("{" + name + "}", value)
    assert "{" not in path, path
    return method, path


async def test_what_is_not_open_wants_a_session(caller, operations):
    assert operations >= OPEN, "the list names what exists"
    closed = operations - OPEN
    assert len(closed) >= 18
    for operation in closed:
        method, path = filled(operation)
        answer = await caller.ask(method, path, None if method in ("GET", "DELETE") else {})
        assert (answer.status, answer.slug) == (401, "session_required"), operation


async def test_what_is_open_never_asks_for_one(caller, operations):
    for operation in OPEN:
        method, path = filled(operation)
        answer = await caller.ask(method, path, None if method == "GET" else {})
        assert answer.status != 401, operation


async def test_a_session_shows_its_own_holder_only(person):
    """IDOR: bob asks for everything of alice's, by its exact id, and finds nothing."""
    alice, bob = await person(funded=5000), await person()
    order, topup = alice.transfer(bob.holder, 1000), spelled(os.urandom(32))
    assert (await alice.order(order)).status == 201
    body = {"gateway": "sandbox", "currency": "EUR", "amount_minor": "7"}
    assert (await alice.put(f"/v1/topups/{topup}", body)).status == 201
    for path in (f"/v1/orders/{order['order']['nonce']}", f"/v1/topups/{topup}"):
        assert (await alice.get(path)).status == 200, "alice sees her own"
        theirs, nothing = await bob.get(path), await bob.get(path[:-4] + "beef")
        assert (theirs.status, theirs.body) == (nothing.status, nothing.body) == (404, nothing.body), path
    assert alice.holder.hex() not in str((await bob.get("/v1/portfolio")).json)
    heads = (await bob.get("/v1/heads")).json
    assert (heads["head"]["holder"], heads["blind"]) == (spelled(bob.holder), heads["blind"])
    assert heads["blind"] != (await alice.get("/v1/heads")).json["blind"]
    seen = (await bob.get("/v1/activity")).json["items"]
    assert [(item["kind"], item["amount_minor"], item["balance"]) for item in seen] == [("transfer", "1000", "10.00")]


async def test_the_same_id_of_two_people_is_two_things(person):
    """A-2: another user's id is independent."""
    alice, bob = await person(), await person()
    path = f"/v1/topups/{spelled(os.urandom(32))}"
    for someone, amount in ((alice, "100"), (bob, "200")):
        body = {"gateway": "sandbox", "currency": "EUR", "amount_minor": amount}
        assert (await someone.put(path, body)).status == 201
    assert (await alice.get(path)).json["amount_minor"] == "100"


async def test_only_the_payees_own_key_changes_where_they_receive(person):
    alice, eve = await person(), await person()
    claim = eve.account_claim(eve.account, 1)
    body = {"valid_before": "1", "signature": claim["signature"], "attestation": claim["attestation"]}
    mine = alice.registration()["accounts"][0]["address"]
    assert (await eve.put(f"/v1/addresses/{CHAIN_ID}/{mine}", body)).status == 422
    addresses = (await alice.get("/v1/addresses")).json["addresses"]
    assert [a["address"] for a in addresses] == [mine]
