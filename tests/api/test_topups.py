"""Money in: once means once, every state is visible, and nothing is lost or made when the server dies."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from contextlib import closing

from tests.api.conftest import Running
from tests.api.people import PAID_IBAN, RETURNED_IBAN, spelled, until


def asked(amount="25000", currency="EUR"):
    return {"gateway": "sandbox", "currency": currency, "amount_minor": amount}


async def test_a_topup_is_pending_and_then_settled(person):
    alice = await person()
    path = f"/v1/topups/{spelled(os.urandom(32))}"
    first = await alice.put(path, asked())
    assert (first.status, first.json["state"], first.json["amount"]) == (201, "pending", "250.00")
    settled = (await until(lambda: alice.get(path), lambda a: a.json["state"] == "settled")).json
    assert settled["sequence"] is not None
    assert await alice.balance() == 25000
    again = await alice.put(path, asked())
    assert (again.status, again.body) == (200, first.body), "the first answer, ever after"
    assert await alice.balance() == 25000


async def test_the_same_topup_many_times_at_once_is_one(person):
    alice = await person()
    path = f"/v1/topups/{spelled(os.urandom(32))}"
    answers = await asyncio.gather(*(alice.put(path, asked("500")) for _ in range(16)))
    assert sorted(a.status for a in answers) == [200] * 15 + [201]
    assert len({a.body for a in answers}) == 1
    await until(lambda: alice.get(path), lambda a: a.json["state"] == "settled")
    assert await alice.balance() == 500


async def test_the_same_id_with_other_content_is_a_conflict(person):
    alice = await person()
    path = f"/v1/topups/{spelled(os.urandom(32))}"
    await alice.put(path, asked())
    for other in (asked("1"), asked(currency="USD")):
        answer = await alice.put(path, other)
        assert (answer.status, answer.slug) == (409, "id_conflict")


async def test_currencies_and_gateways_that_are_not_offered_are_refused(person):
    alice = await person()
    path = f"/v1/topups/{spelled(os.urandom(32))}"
    assert (await alice.put(path, asked(currency="XTS"))).slug == "currency_unknown"
    assert (await alice.put(path, asked() | {"gateway": "bank"})).slug == "invalid_input"
    assert (await alice.get(path)).slug == "not_found"


async def test_a_server_that_is_killed_does_every_thing_once(tmp_path, chain_url):
    """SIGKILL between asking and settling, again and again: the sums are right at the end, and the journal intact."""
    server = Running(tmp_path / "state", chain_url, TANDEM_SANDBOX_DELAY_MS="300").start()
    alice = await (await server.person().register()).sign_in()
    await alice.top_up(10_000)
    paths, orders = [], []
    for destination in (PAID_IBAN, RETURNED_IBAN):
        paths.append(f"/v1/topups/{spelled(os.urandom(32))}")
        assert (await alice.put(paths[-1], asked("1000"))).status == 201
        orders.append(alice.withdrawal(destination, 700))
        assert (await alice.order(orders[-1])).status == 201
        server.stop(kill=True)
        alice.url = server.start().url
    for path in paths:
        await until(lambda path=path: alice.get(path), lambda a: a.json["state"] == "settled")
    for order in orders:
        path = f"/v1/orders/{order['order']['nonce']}"
        await until(lambda path=path: alice.get(path), lambda a: a.json["state"] != "accepted")
        assert (await alice.order(order)).status == 200
    assert await alice.balance() == 10_000 + 2 * 1000 - 700
    assert server.stop() == 0
    checked = server.run("db", "check", "--json")
    assert (checked.returncode, json.loads(checked.stdout)["intact"]) == (0, True)


async def test_a_death_between_money_and_row_moves_nothing_twice(tmp_path, chain_url):
    """The money has moved and its row does not know it yet: what a server finds that was killed right there."""
    server = Running(tmp_path / "state", chain_url).start()
    alice = await (await server.person().register()).sign_in()
    await alice.top_up(10_000)
    orders = [alice.withdrawal(destination, 700) for destination in (PAID_IBAN, RETURNED_IBAN)]
    for order in orders:
        assert (await alice.order(order)).status == 201
        path = f"/v1/orders/{order['order']['nonce']}"
        await until(lambda path=path: alice.get(path), lambda a: a.json["state"] != "accepted")
    assert await alice.balance() == 10_000 - 700
    server.stop(kill=True)
    with closing(sqlite3.connect(server.folder / "tandem.sqlite3")) as database, database:
        before = database.execute("SELECT sequence FROM topups UNION ALL SELECT settled_sequence FROM withdrawals")
        sequences = before.fetchall()
        database.execute("UPDATE topups SET state = 'pending', settled_at = NULL, sequence = NULL")
        database.execute("UPDATE withdrawals SET state = 'accepted', settled_sequence = NULL")
    alice.url = server.start().url
    for order, state in zip(orders, ("paid", "returned"), strict=True):
        path = f"/v1/orders/{order['order']['nonce']}"
        await until(lambda path=path: alice.get(path), lambda a, state=state: a.json["state"] == state)
    assert await alice.balance() == 10_000 - 700
    assert server.stop() == 0
    with closing(sqlite3.connect(server.folder / "tandem.sqlite3")) as database:
        after = database.execute("SELECT sequence FROM topups UNION ALL SELECT settled_sequence FROM withdrawals")
        assert sorted(after.fetchall()) == sorted(sequences), "the same records as before"
