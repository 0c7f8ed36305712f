"""Controls over HTTP: what makes an account safer holds at once, what makes it less safe waits and can be cancelled."""

from __future__ import annotations

import os

import pytest

from api.auth import rfc3339
from tests.api.people import Key, now_s, spelled

NO_LIMIT = 2**63 - 1
DAY = b"transfer:EUR:day".ljust(32, b"\0")


def subject(key):
    return bytes(12) + key.address


async def controls(person):
    answer = await person.get("/v1/controls")
    assert answer.status == 200, answer.body
    return answer.json


async def limit_of(person, name="transfer:EUR:day"):
    return next(row for row in (await controls(person))["limits"] if row["limit"] == name)


async def test_a_fresh_account_has_its_root_and_no_limit(person):
    alice = await person()
    found = await controls(alice)
    assert (found["epoch"], found["frozen"], found["recovery"], found["pending"], found["limits"]) == (
        1, False, "never", [], [],
    )  # fmt: skip
    (root,) = found["keys"]
    assert (
        root["address"].lower() == "0x" + alice.root.address.hex() and root["is_root"] and root["state"] == "in-force"
    )


async def test_a_key_waits_48_hours_and_can_be_cancelled(person):
    alice, bob, second = await person(funded=1000), await person(), Key()
    order = alice.control("key-add", subject(second))
    before = now_s()
    assert (await alice.order(order)).status == 201
    assert (await alice.order(order)).status == 200
    found = await controls(alice)
    (pending,) = found["pending"]
    assert (pending["action"], pending["nonce"]) == ("key-add", order["order"]["nonce"])
    assert rfc3339((before + 48 * 3600) * 10**9) <= pending["effective_at"] <= rfc3339((now_s() + 48 * 3601) * 10**9)
    assert found["keys"][1]["state"] == "pending"
    state = (await alice.get(f"/v1/orders/{order['order']['nonce']}")).json
    assert (state["type"], state["state"]) == ("LedgerControl", "pending")
    early = alice.transfer(bob.holder, 1)
    early["signature"] = alice.control("freeze", key=second)["signature"]
    assert (await alice.order(early)).slug == "order_key_unknown"
    assert (await alice.order(alice.control("cancel", bytes.fromhex(pending["nonce"][2:])))).status == 201
    assert (await controls(alice))["pending"] == []
    again = await alice.order(alice.control("cancel", bytes.fromhex(pending["nonce"][2:])))
    assert (again.status, again.slug) == (422, "control_refused")


async def test_a_freeze_stops_everything_until_the_root_unfreezes(person):
    alice, shop = await person(funded=1000), await person()
    held = alice.hold(shop.holder, 300)
    assert (await alice.order(held)).status == 201
    assert (await alice.order(alice.control("freeze"))).status == 201
    assert (await controls(alice))["frozen"]
    assert (await alice.order(alice.transfer(shop.holder, 1))).slug == "holder_frozen"
    assert (await shop.use("captures", held, {"amount_minor": "100", "final": True})).status == 201, "promised before"
    assert (await alice.order(alice.control("unfreeze"))).status == 201
    found = await controls(alice)
    assert (found["frozen"], found["epoch"]) == (False, 2)
    stale = await alice.order(alice.transfer(shop.holder, 1))
    assert (stale.status, stale.slug, stale.json["expected"]) == (422, "order_epoch_wrong", "2")
    alice.epoch = 2
    assert (await alice.order(alice.transfer(shop.holder, 1))).status == 201


async def test_a_limit_counts_and_the_lower_wins(person):
    alice, bob = await person(funded=10_000), await person()
    assert (await alice.order(alice.control("limit", DAY, 500))).status == 201
    assert (await alice.order(alice.transfer(bob.holder, 300))).status == 201
    nonce = os.urandom(32)
    over = await alice.order(alice.transfer(bob.holder, 201, nonce=nonce))
    assert (over.status, over.slug) == (422, "limit_exceeded")
    facts = {name: over.json[name] for name in ("kind", "currency", "period", "limit_minor", "used_minor")}
    assert facts == {"kind": "transfer", "currency": "EUR", "period": "day", "limit_minor": "500", "used_minor": "300"}
    row = await limit_of(alice)
    assert (row["limit_minor"], row["used_minor"], row["left_minor"], row["decimals"]) == ("500", "300", "200", 2)
    assert (await alice.order(alice.transfer(bob.holder, 200, nonce=nonce))).status == 201, "the nonce stayed free"
    assert (await alice.order(alice.control("limit", DAY, NO_LIMIT))).status == 201
    row = await limit_of(alice)
    assert (row["limit_minor"], row["left_minor"]) == ("500", "0"), "a raise waits"
    (pending,) = (await controls(alice))["pending"]
    assert (pending["action"], pending["about"], pending["value"]) == ("limit", "transfer:EUR:day", None)


async def test_revoking_a_key_ends_its_sessions(person):
    """A key that was to come can be revoked too; the account's epoch moves."""
    alice, second = await person(), Key()
    assert (await alice.order(alice.control("key-add", subject(second)))).status == 201
    assert (await alice.order(alice.control("key-revoke", subject(second)))).status == 201
    found = await controls(alice)
    assert (found["epoch"], found["pending"], len(found["keys"])) == (2, [], 1)


@pytest.mark.parametrize(
    ("action", "given", "value", "slug"),
    [
        ("unfreeze", bytes(32), 0, "control_refused"),
        ("freeze", bytes(32), 1, "order_malformed"),
        ("freeze", b"\1" * 32, 0, "order_malformed"),
        ("key-add", b"\1" * 32, 0, "order_malformed"),
        ("key-revoke", bytes(12) + b"\1" * 20, 0, "control_refused"),
        ("limit", b"transfer:EUR:week".ljust(32, b"\0"), 1, "order_malformed"),
        ("limit", DAY, 10**17 + 1, "order_malformed"),
        ("mandate-revoke", b"\1" * 32, 0, "control_refused"),
        ("cancel", b"\1" * 32, 0, "control_refused"),
    ],
)
async def test_what_is_refused_leaves_the_nonce_free(person, action, given, value, slug):
    alice, nonce = await person(), os.urandom(32)
    answer = await alice.order(alice.control(action, given, value, nonce=nonce))
    assert (answer.status, answer.slug) == (422, slug), answer.body
    assert (await alice.order(alice.control("freeze", nonce=nonce))).status == 201


async def test_actions_that_are_none_are_refused_before_anything(person):
    alice = await person()
    answer = await alice.order(alice.control("grant"))
    assert (answer.status, answer.slug) == (422, "invalid_input")


async def test_a_control_by_somebody_elses_key_changes_nothing(person):
    alice, eve = await person(), await person()
    forged = alice.control("freeze", key=eve.root)
    assert (await eve.order(forged)).slug == "order_key_unknown"
    assert not (await controls(alice))["frozen"]
    nonce = forged["order"]["nonce"]
    assert (await eve.get(f"/v1/orders/{nonce}")).slug == "not_found"
    assert spelled(alice.holder) == forged["order"]["holder"]


async def test_nothing_was_done_by_the_operator(person):
    assert (await (await person()).get("/v1/notices")).json == {"items": [], "next_cursor": None}


async def test_the_one_view_says_what_waits(person):
    alice = await person()
    assert (await alice.get("/v1/portfolio")).json["waiting"] == {
        "operator_holds": 0,
        "pending_changes": 0,
        "frozen": False,
    }
    for order in (alice.control("key-add", subject(Key())), alice.control("freeze")):
        assert (await alice.order(order)).status == 201
    assert (await alice.get("/v1/portfolio")).json["waiting"] == {
        "operator_holds": 0,
        "pending_changes": 1,
        "frozen": True,
    }
