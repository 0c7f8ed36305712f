"""The operator's accounting commands on a real server's database: reports, bank lines, reconciliation."""

from __future__ import annotations

import json

import pytest

from tests.api.conftest import Running

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
