"""Mandates over HTTP: agreed by the payer's signature, collected by the payee's session, revoked by a control."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.api.people import now_s, spelled
from tests.api.test_orders import operator, receipt_of


async def agreed(person, per_period=1000, **changes):
    alice, shop = await person(funded=10_000), await person()
    body = alice.mandate(shop.holder, per_period, **changes)
    answer = await alice.order(body)
    assert answer.status == 201, answer.body
    return alice, shop, body


async def one(person, body):
    return (await person.get(f"/v1/mandates/{body['order']['holder']}/{body['order']['nonce']}")).json


async def test_a_mandate_moves_nothing_until_it_is_collected_under(person, running):
    alice, shop, body = await agreed(person)
    assert (await alice.balance(), await shop.balance()) == (10_000, 0)
    first = await shop.use("collections", body, {"amount_minor": "600"})
    assert (first.status, first.json["amount_minor"]) == (201, "600")
    record = receipt_of(first).check(running.ledger_id, await operator(alice))
    assert (record.amount, record.user_data_64, record.debit_holder) == (600, 0, alice.holder)
    assert (await alice.balance(), await shop.balance()) == (9400, 600)
    seen = await one(alice, body)
    assert (seen["role"], seen["state"], seen["collected"], seen["collectable"]) == ("payer", "open", "6.00", "4.00")
    assert (seen["counterparty"]["handle"], seen["memo"], seen["period"]) == (shop.handle, "subscription", 0)
    over = await shop.use("collections", body, {"amount_minor": "401"})
    assert (over.status, over.slug, over.json["rest_minor"]) == (422, "use_refused", "400")
    assert (await shop.use("collections", body, {"amount_minor": "400"})).status == 201


async def test_a_collection_is_carried_out_once(person):
    _alice, shop, body = await agreed(person)
    use_id = spelled(os.urandom(32))
    answers = await asyncio.gather(*(shop.use("collections", body, {"amount_minor": "250"}, use_id) for _ in range(6)))
    assert sorted(a.status for a in answers) == [200] * 5 + [201]
    assert len({a.body for a in answers}) == 1 and await shop.balance() == 250
    other = await shop.use("collections", body, {"amount_minor": "251"}, use_id)
    assert (other.status, other.slug) == (409, "nonce_conflict")


async def test_a_revoked_mandate_gives_nothing_more(person):
    alice, shop, body = await agreed(person)
    assert (await shop.use("collections", body, {"amount_minor": "100"})).status == 201
    revoke = alice.control("mandate-revoke", bytes.fromhex(body["order"]["nonce"][2:]))
    assert (await alice.order(revoke)).status == 201
    refused = await shop.use("collections", body, {"amount_minor": "100"})
    assert (refused.status, refused.slug) == (422, "use_refused")
    assert [(await one(p, body))["state"] for p in (alice, shop)] == ["revoked", "revoked"]
    state = (await alice.get(f"/v1/orders/{body['order']['nonce']}")).json
    assert (state["type"], state["state"]) == ("LedgerMandate", "revoked")
    twice = await alice.order(alice.control("mandate-revoke", bytes.fromhex(body["order"]["nonce"][2:])))
    assert (twice.status, twice.slug) == (422, "control_refused")


async def test_too_little_money_refuses_a_collection_and_leaves_it_free(person):
    alice, shop = await person(), await person()
    body = alice.mandate(shop.holder, 500)
    assert (await alice.order(body)).status == 201, "a promise needs no money yet"
    use_id = spelled(os.urandom(32))
    refused = await shop.use("collections", body, {"amount_minor": "500"}, use_id)
    assert (refused.status, refused.slug) == (422, "use_refused")
    await alice.top_up(500)
    assert (await shop.use("collections", body, {"amount_minor": "500"}, use_id)).status == 201


async def test_a_mandate_is_nobodys_but_its_two_sides(person):
    alice, _shop, body = await agreed(person)
    eve = await person()
    for someone in (alice, eve):
        answer = await someone.use("collections", body, {"amount_minor": "1"})
        assert (answer.status, answer.slug) == (404, "not_found")
    path = f"/v1/mandates/{body['order']['holder']}/{body['order']['nonce']}"
    assert (await eve.get(path)).slug == "not_found"
    assert (await eve.get("/v1/mandates")).json == {"items": [], "next_cursor": None}
    assert await alice.balance() == 10_000


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"per_period_minor": 0}, "amount_not_positive"),
        ({"period_seconds": 59}, "order_malformed"),
        ({"count": 0}, "order_malformed"),
        ({"until": now_s() - 1}, "order_until_wrong"),
        ({"payee": bytes([7]) * 32}, "payee_unknown"),
        ({"payee": bytes(32)}, "order_malformed"),
    ],
)
async def test_what_is_refused_leaves_the_nonce_free(person, changes, slug):
    alice, shop = await person(), await person()
    nonce = os.urandom(32)
    answer = await alice.order(alice.mandate(shop.holder, 10, nonce=nonce, **changes))
    assert (answer.status, answer.slug) == (422, slug), answer.body
    assert (await alice.order(alice.mandate(shop.holder, 10, nonce=nonce))).status == 201


async def test_both_sides_list_it(person):
    alice, shop, body = await agreed(person)
    for someone, role in ((alice, "payer"), (shop, "payee")):
        (item,) = (await someone.get("/v1/mandates?limit=1")).json["items"]
        assert (item["nonce"], item["role"], item["per_period"]) == (body["order"]["nonce"], role, "10.00")
