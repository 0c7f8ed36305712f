"""The operator's accounting commands on a real server's database: reports, bank lines, reconciliation."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from api.bank import end_to_end_id
from api.cli import commands
from fiat.audit import audit
from fiat.sheet import from_json
from tests.api.conftest import Running
from tests.api.people import PAID_IBAN, until

NOWHERE = "http://127.0.0.1:9"


async def operate(server, *arguments):
    """A command in this process, in a thread of its own: it has an event loop of its own."""
    environment = {name: None for name in os.environ if name.startswith("TANDEM")} | server.environment
    return await asyncio.to_thread(CliRunner().invoke, commands, list(arguments), env=environment)


@pytest.fixture
async def used(tmp_path):
    """A server that two people used, stopped again; the end-to-end ids of the top-up and of the withdrawal."""
    server = Running(
        tmp_path / "state", NOWHERE, TANDEM_SANDBOX_SETTLE_MS="86400000", TANDEM_SANDBOX_LIQUIDITY="0"
    ).start()
    alice = await (await server.person().register()).sign_in()
    bob = await (await server.person().register()).sign_in()
    await alice.top_up(5000)
    assert (await alice.order(alice.transfer(bob.holder, 300))).status == 201
    body = alice.withdrawal(PAID_IBAN, 200)
    assert (await alice.order(body)).status == 201
    paid = f"/v1/orders/{body['order']['nonce']}"
    await until(lambda: alice.get(paid), lambda answer: answer.json["state"] == "paid")
    rows = from_json((await alice.get("/v1/statements")).json).rows
    server.stop()
    return server, rows[0].reference, rows[-1].reference


async def reports_are_right(used):
    done = await operate(used, "report", "trial-balance", "--json")
    document = json.loads(done.output)
    people = next(row for row in document["rows"] if (row["currency"], row["purpose"]) == ("EUR", "people"))
    assert (done.exit_code, document["balances"], people["balance"]) == (0, True, "48.00")
    told = await operate(used, "report", "trial-balance")
    assert told.exit_code == 0 and "balanced" in told.output and "people" in told.output
    income = await operate(used, "report", "income", "--from", "2026-01-01", "--json")
    assert json.loads(income.output)["totals"] == []
    assert (await operate(used, "report", "income", "--from", "soon")).exit_code == 2


async def test_reports_are_right_and_what_the_gateway_booked_is_not_booked_again(used, tmp_path):
    server, topup, withdrawal = used
    await reports_are_right(server)
    today = datetime.now(UTC).date().isoformat()
    file = table(tmp_path / "bank.csv", ("A", "-2.00", withdrawal), ("B", "50.00", topup), day=today)
    before = json.loads((await operate(server, "reconcile", file, "--json")).output)
    assert [(pair["by"], pair["line"]["reference"]) for pair in before["matched"]] == [("reference", "A")]
    assert [line["reference"] for line in before["missing"]] == ["B"]
    first = await operate(server, "bank", "import", file, "--json")
    assert (first.exit_code, states(first)) == (0, [("booked", ""), ("posted", "clearing:sandbox")])
    after = json.loads((await operate(server, "reconcile", file, "--json")).output)
    assert ([pair["by"] for pair in after["matched"]], after["agrees"]) == (["line", "reference"], True)
    more = table(tmp_path / "more.csv", ("C", "50.00", topup))
    assert states(await operate(server, "bank", "import", more, "--json")) == [("posted", "suspense:bank")], (
        "owed nothing more"
    )
    assert (await operate(server, "db", "check")).exit_code == 0
    assert (await operate(server, "export", str(tmp_path / "journal"))).exit_code == 0
    with (tmp_path / "journal").open("rb") as journal:
        report = audit(journal)
    assert report.failures == []


COLUMNS = ("reference", "booked_on", "amount", "currency", "end_to_end", "counterparty")
DAY = "2026-11-02"  # long before what the server itself books today


def table(path, *rows, day=DAY):
    lines = [",".join(COLUMNS), *(",".join((ref, day, amount, "EUR", e2e, "Somebody")) for ref, amount, e2e in rows)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def states(done):
    return [(line["state"], line["to"]) for line in json.loads(done.output)["lines"]]


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
        for _ in range(1200):
            if conn.execute("SELECT count(*) FROM withdrawals").fetchone()[0]:
                return
            await asyncio.sleep(0.05)
    raise AssertionError("the gateway did not follow")


async def test_bank_lines_go_where_they_belong_each_once(withdrawing, tmp_path):
    server, alice, nonce = withdrawing
    named = end_to_end_id(alice.holder, bytes.fromhex(nonce[2:]))
    rows = [("A", "-12.00", named), ("B", "7.77", "hello"), ("C", "-1.00", ""), ("D", "0.00", "")]
    file = table(tmp_path / "bank.csv", *rows)
    before = await operate(server, "reconcile", file, "--json")
    assert (before.exit_code, len(json.loads(before.output)["missing"])) == (1, 3)
    first = await operate(server, "bank", "import", file, "--json")
    assert first.exit_code == 0, first.output
    assert states(first) == [("posted", "payout:sandbox"), ("posted", "suspense:bank"), ("posted", "suspense:bank")]
    assert (await alice.get(f"/v1/orders/{nonce}")).json["state"] == "paid"
    again = await operate(server, "bank", "import", file, "--json")
    assert (again.exit_code, states(again)) == (0, [("known", "")] * 3)
    after = await operate(server, "reconcile", file, "--json")
    found = json.loads(after.output)
    assert (after.exit_code, [pair["by"] for pair in found["matched"]]) == (0, ["line"] * 3), after.output
    other = table(tmp_path / "other.csv", ("B", "7.78", "hello"))
    wrong = await operate(server, "bank", "import", other, "--json")
    assert (wrong.exit_code, states(wrong)) == (1, [("differs", "")])
    compared = await operate(server, "reconcile", other)
    assert compared.exit_code == 1 and "wrong amount: 7.78 EUR B, 7.77 EUR" in compared.output

    back = table(tmp_path / "back.csv", ("E", "12.00", named))
    assert states(await operate(server, "bank", "import", back, "--json")) == [("posted", "person")]
    assert (await alice.balance(), (await alice.get(f"/v1/orders/{nonce}")).json["state"]) == (5000, "returned")
    # A crash behind the posting left the withdrawal's row as it was, and the bank says it again: nobody is paid twice.
    with sqlite3.connect(server.folder / "tandem.sqlite3") as conn:
        conn.execute("UPDATE withdrawals SET state = 'paid'")
    twice = table(tmp_path / "twice.csv", ("F", "12.00", named))
    assert states(await operate(server, "bank", "import", twice, "--json")) == [("posted", "suspense:bank")]
    assert states(await operate(server, "bank", "import", back, "--json")) == [("known", "")]
    assert (await alice.balance(), (await alice.get(f"/v1/orders/{nonce}")).json["state"]) == (5000, "returned")
    when = f"/v1/statements?from={DAY}&to={DAY}&by="
    by_value = from_json((await alice.get(when + "effective")).json)
    assert [(row.kind, row.amount_minor) for row in by_value.rows] == [("withdrawal_returned", 1200)]
    assert from_json((await alice.get(when + "recorded")).json).rows == (), "it was recorded today"
    for check in (("db", "check"), ("report", "trial-balance")):
        assert (await operate(server, *check)).exit_code == 0


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
