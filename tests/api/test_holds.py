"""Holds over HTTP: reserved by the payer's signature, taken in parts by the captor's session, each use once."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.api.people import now_s, spelled, until
from tests.api.test_orders import operator, receipt_of


async def agreed(person, amount=4000, **changes):
    """A payer with 100.00 EUR, a captor, and the hold between them."""
    alice, shop = await person(funded=10_000), await person()
    body = alice.hold(shop.holder, amount, **changes)
    answer = await alice.order(body)
    assert answer.status == 201, answer.body
    return alice, shop, body


async def available(person):
    view = (await person.get("/v1/portfolio?in=EUR")).json
    return next(int(p["available_minor"]) for p in view["positions"] if p["asset"] == "EUR")


async def one(person, body):
    return (await person.get(f"/v1/holds/{body['order']['holder']}/{body['order']['nonce']}")).json


async def test_a_hold_is_taken_in_parts_and_the_rest_goes_free(person, running):
    alice, shop, body = await agreed(person)
    assert (await alice.balance(), await available(alice)) == (10_000, 6000)
    first = await shop.use("captures", body, {"amount_minor": "1500", "final": False})
    assert (first.status, first.json["amount_minor"]) == (201, "1500")
    record = receipt_of(first).check(running.ledger_id, await operator(alice))
    assert (record.amount, record.leg, record.debit_holder, record.credit_holder) == (
        1500,
        1,
        alice.holder,
        shop.holder,
    )
    seen = await one(shop, body)
    assert (seen["role"], seen["state"], seen["captured"], seen["reserved"]) == ("captor", "open", "15.00", "25.00")
    assert seen["counterparty"]["handle"] == alice.handle and seen["memo"] == "deposit"
    assert seen["order"] == body["order"]
    last = await shop.use("captures", body, {"amount_minor": "500", "final": True})
    assert last.status == 201
    assert (await alice.balance(), await available(alice), await shop.balance()) == (8000, 8000, 2000)
    assert [(await one(p, body))["state"] for p in (alice, shop)] == ["captured", "captured"]
    again = await shop.use("captures", body, {"amount_minor": "1"})
    assert (again.status, again.slug) == (422, "use_refused") and again.json["rest_minor"] == "0"


async def test_a_use_is_carried_out_once(person):
    alice, shop, body = await agreed(person)
    use_id, asked = spelled(os.urandom(32)), {"amount_minor": "700"}
    answers = await asyncio.gather(*(shop.use("captures", body, asked, use_id) for _ in range(6)))
    assert sorted(a.status for a in answers) == [200] * 5 + [201]
    assert len({a.body for a in answers}) == 1
    assert await shop.balance() == 700
    for other in ({"amount_minor": "701"}, {"amount_minor": "700", "final": True}):
        answer = await shop.use("captures", body, other, use_id)
        assert (answer.status, answer.slug) == (409, "nonce_conflict")
    assert (await shop.use("release", body, {}, use_id)).status == 409
    assert (await alice.balance(), await available(alice)) == (9300, 6000)


async def test_more_than_is_reserved_is_refused_and_may_be_asked_again(person):
    _alice, shop, body = await agreed(person)
    use_id = spelled(os.urandom(32))
    refused = await shop.use("captures", body, {"amount_minor": "4001"}, use_id)
    assert (refused.status, refused.slug, refused.json["rest_minor"]) == (422, "use_refused", "4000")
    assert (await shop.use("captures", body, {"amount_minor": "4000"}, use_id)).status == 201


async def test_a_release_frees_what_is_left(person):
    alice, shop, body = await agreed(person)
    assert (await shop.use("captures", body, {"amount_minor": "100"})).status == 201
    freed = await shop.use("release", body, {})
    assert (freed.status, freed.json["amount_minor"]) == (201, "3900")
    assert (await alice.balance(), await available(alice)) == (9900, 9900)
    assert (await one(alice, body))["state"] == "released"
    state = (await alice.get(f"/v1/orders/{body['order']['nonce']}")).json
    assert (state["type"], state["state"]) == ("LedgerHold", "released")


async def test_a_hold_is_nobodys_but_its_two_sides(person):
    alice, shop, body = await agreed(person)
    eve = await person()
    for someone in (alice, eve):
        for kind, content in (("captures", {"amount_minor": "1"}), ("release", {})):
            answer = await someone.use(kind, body, content)
            assert (answer.status, answer.slug) == (404, "not_found"), answer.body
    holder, nonce = body["order"]["holder"], body["order"]["nonce"]
    theirs, nothing = [await eve.get(f"/v1/holds/{holder}/{n}") for n in (nonce, "0x" + "00" * 32)]
    assert (theirs.status, theirs.body) == (nothing.status, nothing.body) == (404, nothing.body)
    assert (await eve.get("/v1/holds")).json == {"items": [], "next_cursor": None}
    collected = await shop.use("collections", body, {"amount_minor": "1"})
    assert (collected.status, collected.slug) == (404, "not_found"), "a hold is no mandate"
    assert await available(alice) == 6000


async def test_a_hold_expires_by_itself(person):
    alice, shop = await person(funded=10_000), await person()
    for seconds in (3, 15, 60):  # a machine that stalls for longer than that gets a longer hold
        body = alice.hold(shop.holder, 4000, until=now_s() + seconds)
        answer = await alice.order(body)
        if answer.status == 201:
            break
        assert answer.slug == "order_until_wrong", answer.body
    assert answer.status == 201, answer.body
    await until(lambda: alice.get("/v1/holds"), lambda told: told.json["items"][0]["state"] == "expired", 180)
    refused = await shop.use("captures", body, {"amount_minor": "1"})
    assert (refused.status, refused.slug) == (422, "use_refused")
    assert (await available(alice), (await one(shop, body))["state"]) == (10_000, "expired")


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"until": 1}, "order_until_wrong"),
        ({"until": now_s() + 400 * 86400}, "order_until_wrong"),
        ({"captor": bytes([7]) * 32}, "payee_unknown"),
        ({"captor": bytes(32)}, "order_malformed"),
        ({"amount_minor": 0}, "amount_not_positive"),
        ({"shown": bytes(32)}, "texts_mismatch"),
    ],
)
async def test_what_is_refused_leaves_the_nonce_free(person, changes, slug):
    alice, shop = await person(funded=100), await person()
    nonce = os.urandom(32)
    answer = await alice.order(alice.hold(shop.holder, 10, nonce=nonce, **changes))
    assert (answer.status, answer.slug) == (422, slug), answer.body
    assert (await alice.order(alice.hold(shop.holder, 10, nonce=nonce))).status == 201


async def test_pages_lead_from_the_newest_to_the_oldest(person):
    alice, shop = await person(funded=10_000), await person()
    bodies = [alice.hold(shop.holder, 100 + n) for n in range(5)]
    for body in bodies:
        assert (await alice.order(body)).status == 201
    for someone, role in ((alice, "payer"), (shop, "captor")):
        found, path = [], "/v1/holds?limit=2"
        while path:
            page = (await someone.get(path)).json
            found += page["items"]
            path = page["next_cursor"] and f"/v1/holds?limit=2&cursor={page['next_cursor']}"
        assert [item["nonce"] for item in found] == [body["order"]["nonce"] for body in reversed(bodies)]
        assert {item["role"] for item in found} == {role}
    for wrong in ("x", "-1", "01", "9" * 20, "١"):
        assert (await alice.get(f"/v1/holds?cursor={wrong}")).slug == "invalid_input"


async def test_amounts_have_one_spelling(person):
    _alice, shop, body = await agreed(person)
    for wrong in ("0", "-1", "1.0", "01", "1e3", "", " 1", "+1", "١٢", "NaN", str(10**18), 1, 1.5, None, True, []):
        answer = await shop.use("captures", body, {"amount_minor": wrong})
        slugs = ("invalid_input", "amount_not_positive", "amount_too_large", "malformed_json")
        assert 400 <= answer.status < 500 and answer.slug in slugs, wrong


async def test_the_history_tells_what_became_of_a_hold(person):
    alice, shop, body = await agreed(person)
    assert (await shop.use("captures", body, {"amount_minor": "1500"})).status == 201
    assert (await shop.use("release", body, {})).status == 201
    seen = {
        name: [(i["kind"], i["direction"], i["amount"], i["state"], i["memo"]) for i in page["items"]]
        for name, page in (
            ("alice", (await alice.get("/v1/activity")).json),
            ("shop", (await shop.get("/v1/activity")).json),
        )
    }
    told = [("release", "25.00", "released"), ("capture", "15.00", "done"), ("hold", "40.00", "reserved")]
    assert seen["shop"] == [(kind, "in", amount, state, "deposit") for kind, amount, state in told]
    assert seen["alice"][:3] == [(kind, "out", amount, state, "deposit") for kind, amount, state in told]
    assert seen["alice"][3][0] == "topup"
