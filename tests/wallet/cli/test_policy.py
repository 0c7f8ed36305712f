"""`tandem policy` as a person meets it: adding, listing, trying, the log, and the password for what no rule allows."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.wallet.cli.conftest import PASSWORD, outside
from tests.wallet.policies import DUSD
from wallet.config import Config
from wallet.dapp_prices import prices_in
from wallet.policy_decision import PRICE_SECONDS_MAX
from wallet.policy_files import LOG_NAME
from wallet.state import Store

PAGE = "https://app.example"
ALLOW = ("policy", "add", "allow", "--client", PAGE, "--kind", "send_transaction", "--a-day", "20 DUSD")


@pytest.fixture(scope="module")
def wallet(tmp_path_factory, password_file):
    """A wallet whose signer runs, so that each command need not start one; its settings."""
    folder = tmp_path_factory.mktemp("policy")
    environ = {"TANDEM_HOME": str(folder / "home"), "TANDEM_PASSWORD_FILE": str(password_file)}
    for arguments in (("init", "--light", "--phrase-file", str(folder / "phrase")), ("unlock",)):
        made = outside(environ, *arguments)
        assert made.returncode == 0, made.stderr
    yield environ
    outside(environ, "lock")


@pytest.fixture
def run(tandem, wallet):
    return lambda *arguments, **more: tandem(*arguments, **{**wallet, **more})


def rules_of(run):
    policy = run("policy", "--json").json["policy"]
    return [rule["id"] for rule in policy["rules"]] if policy else []


def test_rules_come_and_go_in_words(run, wallet):
    assert "There are no rules" in run("policy").out
    added = run(*ALLOW, "--recipient", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "--note", "lunch")
    assert added.status == 0 and "Added as r1." in added.out
    assert "20 DUSD a day" in added.out and "0.01 ETH a day" in added.out
    assert run("policy", "add", "deny", "--client", "*", "--kind", "send_calls").status == 0
    listed = run("policy").out
    assert "app.example" in listed and "everybody" in listed and "wants your password" in listed
    assert "lunch" in run("policy", "show", "r1").out
    assert "密码" in outside({**wallet, "TANDEM_LANG": "zh"}, "policy").stdout
    assert run("policy", "remove", "r1", "--json").json == {"removed": "r1", "left": 1}
    assert "Without rules" in run("policy", "remove", "r2").out
    assert run("policy", "reset", "--json").json == {"reset": True}


@pytest.mark.parametrize(
    ("arguments", "slug"),
    [
        (("add", "perhaps"), "usage"),
        (("add", "allow", "--client", "*", "--kind", "connect"), "input-malformed"),
        (("add", "allow", "--client", PAGE, "--kind", "send_transaction", "--up-to", "1 DUSD"), "input-malformed"),
        (("add", "allow", "--client", PAGE, "--kind", "send_transaction", "--a-day", "1 NOPE"), "asset-unknown"),
        (("add", "allow", "--client", PAGE, "--kind", "everything"), "usage"),
        (("add", "deny"), "input-malformed"),
        (("show", "r9"), "input-malformed"),
        (("remove", "r9"), "input-malformed"),
        (("test", "--client", PAGE), "input-malformed"),
        (("test", "--without", "r9"), "input-malformed"),
        (("log", "--limit", "0"), "usage"),
    ],
)
def test_what_is_wrong_is_usage_and_changes_nothing(run, arguments, slug):
    before = rules_of(run)
    refused = run("policy", *arguments, "--json")
    assert (refused.status, refused.json["slug"]) == (2, slug)
    assert rules_of(run) == before


def test_a_rule_wants_the_very_password_and_somebody_who_types_it(run, tandem, wallet, tmp_path):
    before = rules_of(run)
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong horse battery")
    refused = run(*ALLOW, "--json", TANDEM_PASSWORD_FILE=wrong)
    assert (refused.status, refused.json["slug"]) == (1, "vault-unopened")
    assert tandem(*ALLOW, "--json", TANDEM_HOME=wallet["TANDEM_HOME"]).status == 2
    assert rules_of(run) == before


def test_ones_own_commands_keep_to_the_policy_and_the_log_tells(run, typed, wallet):
    rule = run("policy", "add", "allow", "--client", "tandem", "--kind", "sign_message", "--json").json["rule"]["id"]
    assert run("sign-message", "hello", "--yes", "--json").status == 0
    log = run("policy", "log", "--json")
    assert log.status == 0 and [entry["event"] for entry in log.json["entries"]][-2:] == ["policy", "decision"]
    assert "allowed" in run("policy", "log", "--limit", "1").out
    assert "1 allowed, 0 asked, 0 denied" in run("policy", "test").out
    assert "0 allowed, 1 asked, 0 denied" in run("policy", "test", "--without", rule).out
    assert run("policy", "test", "deny", "--client", "*", "--json").json["counts"] == {"allow": 0, "ask": 0, "deny": 1}

    run("policy", "add", "ask", "--client", "tandem")
    asked = typed("sign-message", "hello", TANDEM_HOME=wallet["TANDEM_HOME"])
    asked.expect("y/N")
    asked.sendline("y")
    asked.expect("a rule says so")
    asked.expect("Password: ")
    asked.sendline(PASSWORD)
    asked.expect("0x[0-9a-f]{130}")

    run("policy", "add", "deny", "--client", "tandem")
    denied = run("sign-message", "hello", "--yes", "--json")
    assert (denied.status, denied.json["slug"]) == (1, "policy-denied")


def test_prices_for_rules_in_fiat_are_those_of_ones_own_portfolio(people):
    environ = people[0].environ
    config = Config.read(environ)
    prices = asyncio.run(prices_in("EUR", config, Store(config.home)))
    assert {None, DUSD.address} <= {price.token for price in prices}
    assert all(0 <= time.time() - price.as_of < PRICE_SECONDS_MAX for price in prices)
    nowhere = Config.read({**environ, "TANDEM_SERVER": "http://127.0.0.1:9"})
    assert asyncio.run(prices_in("EUR", nowhere, Store(config.home))) == ()


def test_a_log_that_was_touched_is_said_to_be_broken(run, wallet):
    """The last test here: the log stays so."""
    path = Path(wallet["TANDEM_HOME"]) / LOG_NAME
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0].replace('"event":"policy"', '"event":"nothing"'), *lines[1:], ""]))
    broken = run("policy", "log", "--json")
    assert (broken.status, broken.json["whole"], broken.json["faults"][0]) == (1, False, 1)
    path.write_text("\n".join([*lines[:-1], ""]))
    assert run("policy", "log").status == 1, "the last line is missing"
