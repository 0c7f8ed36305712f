"""`tandem-server` by hand: statuses, JSON, restart, and what is not there."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys

import pytest
from click.testing import CliRunner

from api.cli import commands, main
from tests.api.conftest import PROGRAM, Running
from tests.api.people import Caller

NOWHERE = "http://127.0.0.1:9"


def test_every_command_has_help():
    """And none is missing from the program's own."""
    names = ("serve", "db upgrade", "db check", "devnet up", "devnet fund", "devnet price", "demo", "export")
    names += tuple(f"devnet {name}" for name in ("status", "travel", "mine", "automine", "snapshot", "revert"))
    names += tuple(f"officer {name}" for name in ("keygen", "name", "propose", "sign", "change", "post", "list"))
    names += ("rates import", "rates show")
    for name in names:
        done = CliRunner().invoke(commands, [*name.split(), "--help"])
        assert (done.exit_code, "Usage:" in done.output, "--json" in done.output) == (0, True, True), name
    listed = CliRunner().invoke(commands, ["--help"]).output
    assert {name.split()[0] for name in names} <= set(listed.split())


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """The program as its entry point runs it, in this process: status and what it printed."""

    def called(*arguments, **settings):
        for name, value in {"TANDEM_STATE": str(tmp_path / "state"), "TANDEM_CHAIN_RPC": NOWHERE, **settings}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["tandem-server", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr()

    return called


@pytest.mark.parametrize(
    ("arguments", "settings", "status"),
    [
        (["nonsense"], {}, 2),
        (["serve", "--workers-only", "--no-workers"], {}, 2),
        (["serve"], {"TANDEM_LISTEN": "x"}, 1),
        (["demo", "--exit"], {"TANDEM_CHAIN_RPC": "nonsense"}, 1),
        (["devnet", "fund", "0x12"], {}, 2),
        (["devnet", "fund", "0x" + "11" * 20, "--eth", "1e3"], {}, 2),
        (["devnet", "price", "DOGE/USD", "1"], {}, 2),
        (["devnet", "price", "ETH/USD", "3000", "--json"], {"TANDEM_CHAIN_RPC": NOWHERE}, 4),
        (["devnet", "fund", "0x" + "11" * 20], {"TANDEM_CHAIN_RPC": NOWHERE}, 4),
        (["devnet", "up", "--state", "/nowhere/chain.json"], {}, 2),
        (["devnet", "up", "--hardfork", "--x"], {}, 2),
        (["devnet", "up", "--kind", "hardhat", "--state", "chain.json"], {}, 1),
        (["devnet", "travel", "yesterday"], {}, 2),
        (["devnet", "travel", "2027-01-01T00:00:00"], {}, 2),
        (["devnet", "mine", "0"], {}, 2),
        (["devnet", "status", "--json"], {"TANDEM_CHAIN_RPC": NOWHERE}, 4),
        (["db", "check", "--json"], {}, 1),
    ],
)
def test_statuses(run, arguments, settings, status):
    ended, printed = run(*arguments, **settings)
    assert ended == status, printed.err
    assert "Traceback" not in printed.out + printed.err
    if "--json" in arguments:
        assert isinstance(json.loads(printed.out), dict)
    else:
        assert printed.err and "?" not in printed.err and "{" not in printed.err, "people are told why"


def test_a_test_chain_by_its_commands(run, chain_url):
    def told(*arguments):
        status, printed = run("devnet", *arguments, "--json", TANDEM_CHAIN_RPC=chain_url)
        assert status == 0, printed.out + printed.err
        return json.loads(printed.out)

    before = told("status")
    assert (before["chain_id"], before["pending"], before["program"][:5]) == (31337, 0, "anvil")
    kept = told("snapshot")["snapshot"]
    assert told("mine", "2")["block"] == before["block"] + 2
    assert told("travel", "90s")["timestamp"] >= before["timestamp"] + 90
    assert told("revert", kept)["block"] == before["block"]
    assert (told("automine", "off"), told("automine", "on")) == ({"automine": False}, {"automine": True})
    status, printed = run("devnet", "revert", kept, TANDEM_CHAIN_RPC=chain_url)
    assert (status, printed.err) == (1, "The test chain cannot do this: it has no such snapshot, or not any more.\n")


def test_python_without_assertions_is_refused():
    environment = os.environ | {"PYTHONOPTIMIZE": "1"}
    done = subprocess.run(
        [sys.executable, PROGRAM, "serve"], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, "python -O" in done.stderr) == (2, True)


async def test_a_server_without_its_chain_serves_the_ledger(tmp_path):
    """Health says what is wrong; the ledger side works; a restart is the same ledger."""
    server = Running(tmp_path / "state", NOWHERE).start()
    caller = Caller(server.url)
    health = await caller.get("/v1/health")
    assert (health.status, health.json["chain"]["reason"], health.json["database"]["ok"]) == (503, "unreachable", True)
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    assert (await caller.post("/v1/rpc/31337", call)).slug == "chain_unavailable"
    alice = await (await server.person().register()).sign_in()
    await alice.top_up(500)
    view = (await alice.get("/v1/portfolio")).json
    assert (view["positions"][0]["amount"], view["total_state"], view["chains"][0]["state"]) == (
        "5.00",
        "partial",
        "unreachable",
    )
    ledger_id = server.ledger_id
    assert server.stop() == 0
    for path in (tmp_path / "state").iterdir():
        assert not path.stat().st_mode & stat.S_IRWXO or path.name.startswith("tandem"), path
    server.start()
    alice.url = server.url
    assert server.ledger_id == ledger_id
    assert await alice.balance() == 500
    assert server.stop() == 0
    assert server.run("db", "check").returncode == 0


async def test_db_check_names_a_changed_record_and_addresses_are_rate_limited(tmp_path):
    server = Running(tmp_path / "state", NOWHERE, TANDEM_RATE="1", TANDEM_RATE_BURST="7").start()
    alice = await server.person().register()
    answers = [await alice.post("/v1/sessions/challenge", {"address": "0x" + "ab" * 20}) for _ in range(8)]
    assert [answer.status for answer in answers][:2] == [200, 200], "a burst is granted"
    assert (answers[-1].status, answers[-1].slug, answers[-1].headers["Retry-After"]) == (429, "too_many_requests", "1")
    alice.token, topup = "0" * 64, {"gateway": "sandbox", "currency": "EUR", "amount_minor": "1"}
    limited = [await alice.order(alice.transfer(bytes(32), 1)), await alice.order(alice.control("freeze"))]
    limited += [await alice.use("captures", alice.hold(bytes(32), 1), {"amount_minor": "1"})]
    limited += [await alice.put("/v1/topups/0x" + "22" * 32, topup)]
    assert [answer.slug for answer in limited][:2] == ["too_many_requests"] * 2, "before a signature is checked"
    assert [answer.slug for answer in limited][2:] == ["session_required"] * 2, "a session is asked for first"
    server.stop()
    database = sqlite3.connect(tmp_path / "state" / "tandem.sqlite3")
    (trigger,) = database.execute("SELECT name FROM sqlite_master WHERE name = 'records_no_update'").fetchone()
    database.execute(f"DROP TRIGGER {trigger}")
    body = bytearray(database.execute("SELECT body FROM records WHERE sequence = 5").fetchone()[0])
    body[-1] ^= 1
    database.execute("UPDATE records SET body = ? WHERE sequence = 5", (bytes(body),))
    database.commit()
    database.close()
    done = server.run("db", "check", "--json")
    problems = json.loads(done.stdout)["problems"]
    assert done.returncode == 1
    assert any(p["sequence"] == 5 or "root" in p["reason"] for p in problems), problems


async def test_two_processes_split_the_work_on_postgresql(tmp_path, chain_url, postgres):
    """`--no-workers` answers, `--workers-only` settles; both on one PostgreSQL."""
    postgres.psql("CREATE DATABASE split")
    settings = {"TANDEM_DATABASE_URL": postgres.get_uri("split")}
    front = Running(tmp_path / "state", chain_url, **settings).start("--no-workers")
    behind = Running(tmp_path / "state", chain_url, **settings).start("--workers-only")
    try:
        alice = await (await front.person().register()).sign_in()
        bob = await (await front.person().register()).sign_in()
        await alice.top_up(5000)
        assert (await alice.order(alice.transfer(bob.holder, 1500))).status == 201
        assert (await alice.balance(), await bob.balance()) == (3500, 1500)
        caller = Caller(behind.url)
        assert ((await caller.get("/v1/health")).status, (await caller.get("/v1/ledger")).status) == (200, 404)
        assert front.run("db", "check").returncode == 0
    finally:
        statuses = [server.stop() for server in (front, behind)]
    assert statuses == [0, 0]


def test_the_demo_says_that_no_chain_answers(run, tmp_path):
    status, printed = run("demo", "--exit", "--folder", str(tmp_path / "demo"))
    assert (status, NOWHERE in printed.err, "NodeUnreachable" in printed.err) == (4, True, False)


def test_the_demo_as_json_prints_one_document(run, tmp_path):
    status, printed = run("demo", "--exit", "--json", "--folder", str(tmp_path / "demo"))
    assert (status, json.loads(printed.out)["error"]) == (4, "NodeUnreachable")
