"""Signed orders over HTTP: what is carried out, what is refused, and that once means once."""

from __future__ import annotations

import asyncio
import os

import pytest

from api.routes.order_models import ORDER_MODELS
from fiat.order import ORDER_TYPES, order_from_json
from fiat.seal import Receipt, Seal
from tests.api.people import PAID_IBAN, RETURNED_IBAN, now_s, until


def receipt_of(answer):
    """The receipt of an answer, as fiat's own value."""
    told = answer.json["receipt"]
    seal = told["seal"]
    return Receipt(
        bytes.fromhex(told["record"][2:]),
        tuple(bytes.fromhex(node[2:]) for node in told["path"]),
        Seal(
            number=int(seal["number"]),
            previous=bytes.fromhex(seal["previous"][2:]),
            first_sequence=int(seal["firstSequence"]),
            size=int(seal["size"]),
            root=bytes.fromhex(seal["root"][2:]),
            counters=bytes.fromhex(seal["counters"][2:]),
            timestamp=int(seal["timestamp"]),
            signature=bytes.fromhex(seal["signature"][2:]),
        ),
    )


async def operator(caller):
    return bytes.fromhex((await caller.get("/v1/ledger")).json["operator"][2:])


async def test_a_transfer_moves_money_and_gives_a_receipt_that_holds(person, running):
    alice, bob = await person(funded=25000), await person()
    body = alice.transfer(bob.holder, 4000)
    answer = await alice.order(body)
    assert answer.status == 201, answer.body
    record = receipt_of(answer).check(running.ledger_id, await operator(alice))
    assert record.order.order.to_json() == body["order"]
    assert (await alice.balance(), await bob.balance()) == (21000, 4000)


async def test_a_session_is_neither_needed_nor_enough(person):
    alice, bob = await person(funded=1000), await person()
    alice.token = None
    assert (await alice.order(alice.transfer(bob.holder, 10))).status == 201
    forged = bob.transfer(bob.holder, 10, holder=alice.holder)
    assert (await bob.order(forged)).slug in ("order_key_unknown", "order_malformed")


async def test_the_same_order_again_gets_the_same_bytes(person):
    alice, bob = await person(funded=1000), await person()
    body = alice.transfer(bob.holder, 300)
    answers = await asyncio.gather(*(alice.order(body) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200] * 7 + [201]
    assert len({answer.body for answer in answers}) == 1
    assert await alice.balance() == 700


async def test_the_same_nonce_with_other_content_is_a_conflict(person):
    alice, bob = await person(funded=1000), await person()
    body = alice.transfer(bob.holder, 300)
    assert (await alice.order(body)).status == 201
    other = alice.transfer(bob.holder, 301, nonce=bytes.fromhex(body["order"]["nonce"][2:]))
    answer = await alice.order(other)
    assert (answer.status, answer.slug) == (409, "nonce_conflict")
    assert await alice.balance() == 700


async def test_too_little_money_is_refused_the_same_every_time(person):
    alice, bob = await person(funded=100), await person()
    body = alice.transfer(bob.holder, 101)
    first = await alice.order(body)
    assert (first.status, first.slug) == (422, "exceeds_credits")
    assert first.json["status"] == 422, "RFC 9457: the HTTP status, whatever the machine calls its own"
    await alice.top_up(1000)
    again = await alice.order(body)
    assert (again.status, again.body) == (422, first.body)
    state = (await alice.get(f"/v1/orders/{body['order']['nonce']}")).json
    assert (state["state"], state["refusal"]) == ("refused", "exceeds_credits")


async def test_a_balance_for_ten_pays_exactly_ten(person):
    """A-3, in small."""
    alice, bob = await person(funded=1000), await person()
    answers = await asyncio.gather(*(alice.order(alice.transfer(bob.holder, 100)) for _ in range(40)))
    assert sorted(a.status for a in answers) == [201] * 10 + [422] * 30
    assert (await alice.balance(), await bob.balance()) == (0, 1000)


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"valid_before": 1}, "order_expired"),
        ({"valid_after": lambda: now_s() + 300}, "order_not_yet_valid"),
        ({"valid_before": lambda: now_s() + 4000}, "order_window_too_long"),
        ({"key_epoch": 2}, "order_epoch_wrong"),
        ({"seen_head": bytes(32)}, "order_head_unknown"),
        ({"amount_minor": 0}, "amount_not_positive"),
        ({"amount_minor": 10**17 + 1, "total_max_minor": 2**63}, "amount_too_large"),
        ({"amount_minor": 50, "total_max_minor": 49}, "order_total_too_small"),
        ({"currency": "XYZ"}, "currency_unknown"),
        ({"exponent": 3}, "order_malformed"),
        ({"payee": bytes([7]) * 32}, "payee_unknown"),
        ({"shown": bytes(32)}, "texts_mismatch"),
    ],
)
async def test_what_is_refused_before_the_machine_leaves_the_nonce_free(person, changes, slug):
    alice, bob = await person(funded=1000), await person()
    nonce = os.urandom(32)
    # A time is one of the request, not of the test's collection, which may be minutes ago.
    wrong = {name: value() if callable(value) else value for name, value in changes.items()}
    answer = await alice.order(alice.transfer(bob.holder, 10, nonce=nonce, **wrong))
    assert (answer.status, answer.slug) == (422, slug), answer.body
    assert (await alice.order(alice.transfer(bob.holder, 10, nonce=nonce))).status == 201


async def test_a_payment_to_oneself_and_another_key_or_ledger_are_refused(person):
    alice, bob = await person(funded=1000), await person()
    assert (await alice.order(alice.transfer(alice.holder, 10))).slug == "order_malformed"
    body = alice.transfer(bob.holder, 10)
    assert (
        await alice.order(body | {"signature": bob.transfer(bob.holder, 1)["signature"]})
    ).slug == "order_key_unknown"
    ledger_id, alice.ledger_id = alice.ledger_id, bytes(32)
    elsewhere = alice.transfer(bob.holder, 10)
    alice.ledger_id = ledger_id
    assert (await alice.order(elsewhere)).slug == "order_key_unknown"
    high_s = body | {"signature": body["signature"][:66] + "f" * 64 + "1b"}
    assert (await alice.order(high_s)).slug == "order_signature_wrong"


async def test_nothing_is_paid_to_the_operators_own_id(person):
    alice = await person(funded=100)
    assert (await alice.order(alice.transfer(bytes(32), 1))).slug == "payee_unknown"
    assert await alice.balance() == 100


async def test_an_order_lives_at_its_own_nonce(person):
    alice, bob = await person(funded=1000), await person()
    answer = await alice.put("/v1/orders/0x" + "00" * 32, alice.transfer(bob.holder, 10))
    assert answer.slug == "order_malformed"


async def test_a_payee_without_an_account_in_the_currency_gets_one(person):
    alice, bob = await person(), await person()
    await alice.top_up(5000, "JPY")
    body = alice.transfer(bob.holder, 700, currency="JPY", exponent=0)
    assert (await alice.order(body)).status == 201
    assert await bob.balance("JPY") == 700


async def test_a_known_nonce_tells_nothing_to_whoever_did_not_sign_it(person):
    """The look-up comes before every other check, and the signature before the answer."""
    alice, bob = await person(funded=1000), await person()
    accepted, refused = alice.transfer(bob.holder, 300), alice.transfer(bob.holder, 10**6)
    assert ((await alice.order(accepted)).status, (await alice.order(refused)).status) == (201, 422)
    forged = bob.transfer(bob.holder, 1)["signature"]
    for body in (accepted, refused):
        answer = await bob.order(body | {"signature": forged})
        assert (answer.status, answer.slug) == (422, "order_key_unknown")
    assert (await alice.order(accepted)).status == 200
    assert (await alice.order(refused)).slug == "exceeds_credits"


async def test_a_withdrawal_is_accepted_and_then_paid(person):
    alice = await person(funded=25000)
    body = alice.withdrawal(PAID_IBAN, 2000)
    assert (await alice.order(body)).status == 201
    assert await alice.balance() == 23000
    path = f"/v1/orders/{body['order']['nonce']}"
    state = (await until(lambda: alice.get(path), lambda a: a.json["state"] != "accepted")).json
    assert (state["state"], state["withdrawal"]["destination"]) == ("paid", PAID_IBAN)
    assert await alice.balance() == 23000


async def test_a_withdrawal_that_comes_back_is_credited_again(person):
    alice = await person(funded=25000)
    body = alice.withdrawal(RETURNED_IBAN, 2000)
    assert (await alice.order(body)).status == 201
    path = f"/v1/orders/{body['order']['nonce']}"
    state = (await until(lambda: alice.get(path), lambda a: a.json["state"] != "accepted")).json
    assert state["state"] == "returned"
    assert await alice.balance() == 25000
    first_answer = await alice.order(body)
    assert first_answer.status == 200, "an order that came back is known, and not carried out again"
    assert await alice.balance() == 25000


@pytest.mark.parametrize(
    "destination", ["iban:DE89370400440532013001", "iban:DE8937040044053201300", "card:4242424242424241", "x", "iban:"]
)
async def test_a_destination_with_a_typing_error_is_refused(person, destination):
    alice = await person(funded=1000)
    answer = await alice.order(alice.withdrawal(destination, 10))
    assert (answer.status, answer.slug) == (422, "destination_invalid")
    assert await alice.balance() == 1000


async def test_an_order_of_somebody_else_is_not_there(person):
    alice, bob = await person(funded=1000), await person()
    body = alice.transfer(bob.holder, 10)
    await alice.order(body)
    path = f"/v1/orders/{body['order']['nonce']}"
    assert (await alice.get(path)).json["order"] == body["order"]
    assert (await bob.get(path)).slug == "not_found"


def test_the_order_models_and_the_order_types_have_the_same_fields():
    """A field that the signature covers cannot be missing in the HTTP model, nor the other way round."""
    assert set(ORDER_MODELS) == set(ORDER_TYPES)
    for name, model in ORDER_MODELS.items():
        assert set(model.model_fields) == {field for field, _ in ORDER_TYPES[name].STRUCT.fields}, name


async def test_no_field_of_an_order_may_be_left_out_or_added(person):
    alice, bob = await person(), await person()
    bodies = [alice.transfer(bob.holder, 1), alice.withdrawal(PAID_IBAN, 1), alice.hold(bob.holder, 1)]
    for body in [*bodies, alice.mandate(bob.holder, 1), alice.control("freeze")]:
        path = f"/v1/orders/{body['order']['nonce']}"
        for name in body["order"]:
            shorter = {n: v for n, v in body["order"].items() if n != name}
            assert (await alice.put(path, body | {"order": shorter})).slug == "invalid_input"
        longer = body | {"order": body["order"] | {"fee": "0"}}
        assert (await alice.order(longer)).slug == "invalid_input"
        assert (await alice.order(body | {"texts": body["texts"] | {"more": {}}})).slug == "invalid_input"
        assert order_from_json(body["type"], body["order"]).to_json() == body["order"]
