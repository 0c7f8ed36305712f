"""The operator's accounting commands on a real server's database: reports, bank lines, reconciliation."""

from __future__ import annotations

import asyncio
import json
import sqlite3

import pytest

from api.bank import end_to_end_id
from tests.api.conftest import Running
from tests.api.people import PAID_IBAN

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def used(tmp_path):
    """A server with fees that two people used, stopped again."""
    server = Running(tmp_path / "state", NOWHERE).start()
    alice = await (await server.person().register()).sign_in()
    bob = await (await server.person().register()).sign_in()
    await alice.top_up(5000)
    assert (await alice.order(alice.transfer(bob.holder, 300))).status == 201
    server.stop()
    return server


async def test_reports_of_a_server_that_was_used(used):
    done = used.run("report", "trial-balance", "--json")
    document = json.loads(done.stdout)
    people = next(row for row in document["rows"] if (row["currency"], row["purpose"]) == ("EUR", "people"))
    assert (done.returncode, document["balances"], people["balance"]) == (0, True, "50.00")
    told = used.run("report", "trial-balance")
    assert told.returncode == 0 and "balanced" in told.stdout and "people" in told.stdout
    income = used.run("report", "income", "--from", "2026-01-01", "--json")
    assert json.loads(income.stdout)["totals"] == []
    assert used.run("report", "income", "--from", "soon").returncode == 2


COLUMNS = ("reference", "booked_on", "amount", "currency", "end_to_end", "counterparty")
DAY = "2026-11-02"  # long before what the server itself books today


def table(path, *rows):
    lines = [",".join(COLUMNS), *(",".join((ref, DAY, amount, "EUR", e2e, "Somebody")) for ref, amount, e2e in rows)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def states(done):
    return [(line["state"], line["to"]) for line in json.loads(done.stdout)["lines"]]


@pytest.fixture
async def withdrawing(tmp_path):
    """A server on which a withdrawal waits to be paid, its database, the person and the order."""
    fast = Running(tmp_path / "state", NOWHERE).start()
    alice = await (await fast.person().register()).sign_in()
    await alice.top_up(5000)
    fast.stop()
    slow = Running(tmp_path / "state", NOWHERE, TANDEM_SANDBOX_DELAY_MS="86400000").start()
    alice.url = slow.url
    body = alice.withdrawal(PAID_IBAN, 1200)
    assert (await alice.order(body)).status == 201
    await until_row(tmp_path / "state" / "tandem.sqlite3")
    yield slow, alice, body["order"]["nonce"]
    slow.stop()


async def until_row(database):
    """The gateway has seen the withdrawal."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as conn:
        for _ in range(200):
            if conn.execute("SELECT count(*) FROM withdrawals").fetchone()[0]:
                return
            await asyncio.sleep(0.05)
    raise AssertionError("the gateway did not follow")


async def test_bank_lines_go_where_they_belong_each_once(withdrawing, tmp_path):
    server, alice, nonce = withdrawing
    named = end_to_end_id(alice.holder, bytes.fromhex(nonce[2:]))
    rows = [("A", "-12.00", named), ("B", "7.77", "hello"), ("C", "-1.00", ""), ("D", "0.00", "")]
    file = table(tmp_path / "bank.csv", *rows)
    before = server.run("reconcile", file, "--json")
    assert (before.returncode, len(json.loads(before.stdout)["missing"])) == (1, 3)
    first = server.run("bank", "import", file, "--json")
    assert first.returncode == 0, first.stderr + first.stdout
    assert states(first) == [("posted", "payout:sandbox"), ("posted", "suspense:bank"), ("posted", "suspense:bank")]
    assert (await alice.get(f"/v1/orders/{nonce}")).json["state"] == "paid"
    again = server.run("bank", "import", file, "--json")
    assert (again.returncode, states(again)) == (0, [("known", "")] * 3)
    after = server.run("reconcile", file, "--json")
    found = json.loads(after.stdout)
    assert (after.returncode, [pair["by"] for pair in found["matched"]]) == (0, ["line"] * 3), after.stdout
    other = table(tmp_path / "other.csv", ("B", "7.78", "hello"))
    wrong = server.run("bank", "import", other, "--json")
    assert (wrong.returncode, states(wrong)) == (1, [("differs", "")])
    compared = server.run("reconcile", other)
    assert compared.returncode == 1 and "wrong amount: 7.78 EUR B, 7.77 EUR" in compared.stdout

    back = table(tmp_path / "back.csv", ("E", "12.00", named))
    assert states(server.run("bank", "import", back, "--json")) == [("posted", "person")]
    assert (await alice.balance(), (await alice.get(f"/v1/orders/{nonce}")).json["state"]) == (5000, "returned")
    for check in (("db", "check"), ("report", "trial-balance")):
        assert server.run(*check).returncode == 0


def test_files_and_accounts_that_are_refused(tmp_path):
    server = Running(tmp_path / "state", NOWHERE)
    file = tmp_path / "bomb.xml"
    file.write_text('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Document>&x;</Document>')
    done = server.run("bank", "import", str(file), "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]) == (1, "BankFileMalformed")
    good = table(tmp_path / "good.csv", ("A", "1.00", ""))
    assert server.run("bank", "import", good, "--account", "clearing:sandbox").returncode == 2
    early = server.run("reconcile", good, "--json")
    assert (early.returncode, json.loads(early.stdout)["error"]) == (1, "SettingWrong")
