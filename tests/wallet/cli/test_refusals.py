"""Bad input: each gives one clear sentence and its exit status, and nothing changes."""

from __future__ import annotations

import json
import shutil
import time
from decimal import Decimal
from pathlib import Path

import pytest

AMOUNTS = [
    "0",
    "0.00",
    "-5",
    "-0",
    "1.001",
    "1e3",
    "NaN",
    "Infinity",
    "1,000",
    "１２",
    "٣",
    "+5",
    " 5",
    "05",
    "5.",
    ".5",
    "",
]
BIG = str(2**63)
TOKENS = Path(__file__).parents[3] / "wallet" / "tokens.json"


def refused(done, status, words):
    assert (done.status, done.out) == (status, ""), done
    assert words in done.err and done.err.count("\n") == 1, done.err


@pytest.mark.parametrize("amount", [*AMOUNTS, BIG])
@pytest.mark.parametrize("asset", ["EUR", "ETH"])
def test_amounts_are_refused_before_anything_is_asked(tandem, amount, asset):
    """No wallet and no server is there: the amount alone is at fault."""
    if asset == "ETH" and amount in ("1.001", BIG):
        return  # is an amount of ether
    done = tandem("send", amount, asset, "@bob", "--yes", TANDEM_SERVER="http://127.0.0.1:1")
    assert done.status == 2 and done.err.count("\n") == 1
    assert any(
        words in done.err for words in ("is no amount", "above zero", "too many decimals", "more than one order")
    )


def test_too_many_decimals_of_a_token(tandem):
    refused(tandem("send", "1.0000001", "DUSD", "@bob", "--yes"), 2, "too many decimals: DUSD has 6")


ZERO, ALICE = "0x" + 40 * "0", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
OFFLINE = [
    (("send", "1", "ETH", ALICE.replace("f39F", "f39f"), "--yes"), 2, "wrong checksum"),
    (("send", "1", "ETH", "0x1234", "--yes"), 2, "is no address"),
    (("send", "1", "EUR", "bob", "--yes"), 2, "no address and none of your contacts"),
    (("send", "1", "EUR", "@bob#12", "--yes"), 2, "a fingerprint has 16 hex digits"),
    (("send", "1", "EUR", "@bob", "--memo", "a\x1b[31mb", "--yes"), 2, "is no memo"),
    (("withdraw", "1", "EUR", "--to", "iban:DE88370400440532013000", "--yes"), 2, "mistyped"),
    (("withdraw", "1", "EUR"), 2, "Missing option '--to'"),
    (("send", "1", "EUR"), 2, "AMOUNT ASSET TO are expected"),
    (("send", "1", "EUR", "@bob", "extra"), 2, "unexpected extra argument"),
    (("balance", "--in"), 2, "requires an argument"),
    (("networks", "add", "x", "Name", "http://127.0.0.1:1"), 2, "a chain id is a number"),
    (("networks", "add", "5", "Name", "gopher://x"), 2, "http://HOST:PORT"),
    (("networks", "use", "5"), 2, "is no network"),
    (("accounts", "watch", "0x12"), 2, "is no address"),
    (("init", "--words", "13", "--phrase-file", "/nowhere/x"), 2, "'13'"),
    (("init",), 2, "there is no terminal"),
    (("init", "--json"), 2, ""),
    (("restore",), 1, "12, 15, 18, 21 or 24 words"),
    (("accounts",), 1, "There is no wallet"),
    (("unlock",), 1, "There is no wallet"),
    (("balance",), 1, "You have no account"),
    (("receive", "XYZ"), 2, "neither a currency"),
    (("convert", "1", "EUR", "USD"), 4, "does not answer"),
    (("convert", "1,5", "EUR", "USD"), 2, "is no amount"),
    (("convert", "1", "EUR", "ETH"), 4, "does not answer"),
    (("convert", "1", "DUSD", "EUR"), 4, "does not answer"),
    (("convert", "1", "DUSD", "ETH"), 1, "`tandem convert DUSD ETH` is not built yet"),
    (("hold", "1", "EUR", "@bob", "--until", "soon"), 2, "a date such as 2026-12-31"),
    (("hold", "1", "EUR", "@bob", "--until", "2020-01-01"), 2, "that is over already"),
    (("hold", "1", "EUR", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"), 2, "is sent to a @handle"),
    (("mandate", "1", "EUR", "@bob", "--every", "often", "--count", "1"), 2, "a number of seconds from 60"),
    (("mandate", "1", "EUR", "@bob"), 2, "Missing option '--every'"),
    (("limits", "set", "transfer", "EUR", "week", "1"), 2, "'week'"),
    (("keys", "add", "0x12"), 2, "is no address"),
    (("freeze",), 2, "there is no terminal"),
    (("holds",), 1, "You have no account"),
    (("notices",), 1, "You have no account"),
    (("audit",), 1, "You have no account"),
    (("audit", "nowhere"), 2, "cannot be read"),
    (("backup", "x"), 1, "There is no wallet"),
    (("drill",), 1, "There is no wallet"),
    (("shares", "--file", "x"), 1, "There is no wallet"),
    (("password",), 1, "There is no wallet"),
    (("sign-message", "x", "--yes"), 1, "There is no wallet"),
    (("verify-message", "x", "0x12", ALICE), 2, "65 bytes in hex"),
    (("register", "alice", "--yes"), 1, "There is no wallet"),
    (("register", "a/b", "--yes"), 2, "is no handle"),
    (("topup", "1", "EUR"), 4, "does not answer"),
    (("login",), 4, "does not answer"),
]


@pytest.mark.parametrize(
    ("arguments", "status", "words"), OFFLINE, ids=lambda value: " ".join(value) if type(value) is tuple else ""
)
def test_without_wallet_and_server(tandem, tmp_path, monkeypatch, arguments, status, words):
    monkeypatch.setattr("sys.stdin", (tmp_path / "nothing").open("w+"))
    done = tandem(*arguments, TANDEM_SERVER="http://127.0.0.1:1")
    said = done.json["detail"] if "--json" in arguments else done.err
    assert done.status == status and words in said, done
    assert not (tmp_path / "home" / "vault.json").exists()


@pytest.mark.parametrize(("name", "value"), [("TANDEM_SERVER", "nonsense"), ("TANDEM_RPC", "x://y")])
def test_settings(tandem, name, value):
    refused(tandem("networks", **{name: value}), 2, f"{name} is not right")


def test_json_prints_the_problem(tandem):
    done = tandem("send", "1e3", "EUR", "@bob", "--yes", "--json")
    assert done.status == 2 and done.err == ""
    assert (done.json["slug"], done.json["text"], done.json["exit"]) == ("amount-malformed", "1e3", 2)


# With a wallet, a server and a chain


def holdings(tandem, person):
    view = tandem("balance", "--json", **person.environ).json
    return {position["asset"]: position["amount"] for position in view["positions"]}


def test_nothing_changes(tandem, strangers, place):
    nina, otto = strangers
    before = holdings(tandem, nina)
    over = str(Decimal(before["EUR"]) + Decimal("0.01"))
    cases = [
        (("send", "1000", "EUR", otto.in_full, "--yes"), 1, f"1000.00 EUR are needed, {before['EUR']} EUR are there"),
        (("withdraw", over, "EUR", "--to", "account:DEMO0001", "--yes"), 1, "0.01 EUR are missing"),
        (("send", "500", "DUSD", otto.address, "--yes"), 1, "500 DUSD are needed, 100 DUSD are there, 400 DUSD"),
        (("send", "50", "ETH", otto.address, "--yes"), 1, "Not enough coins"),
        (("send", "1", "EUR", "@nobody", "--yes"), 1, "knows no such"),
        (("send", "1", "EUR", f"@{otto.name}", "--yes"), 2, "--yes is not enough here (payee)"),
        (("send", "0.1", "ETH", f"@{otto.name}", "--yes"), 2, "--yes is not enough here (payee)"),
        (("send", "1", "EUR", f"@{otto.name}#0000000000000000", "--yes"), 1, "names another person than expected"),
        (("send", "1", "EUR", f"@{nina.name}", "--yes"), 2, "that is your own account"),
        (("send", "1", "EUR", otto.address, "--yes"), 2, "EUR is sent to a @handle"),
        (("send", "1", "ETH", f"@{otto.name}", "--yes"), 1, "Not enough coins"),
        (("send", "1", "XYZ", f"@{otto.name}", "--yes"), 2, "neither a currency"),
        (("send", "1", "THB", f"@{otto.name}", "--yes"), 2, "neither a currency"),
        (("send", "1", "ETH", ZERO, "--yes"), 2, "what goes there is lost"),
        (("send", "1", "DUSD", dusd(), "--yes"), 2, "what goes there is lost"),
        (("send", "0.1", "ETH", nina.address, "--yes"), 2, "--yes is not enough here (warnings)"),
        (("send", "1", "EUR", otto.in_full), 2, "there is no terminal"),
        (("send", "1", "ETH", otto.address), 2, "there is no terminal"),
        (("register", "another", "--yes"), 1, "has an account"),
        (("topup", "0", "EUR"), 2, "above zero"),
        (("send", "1", "EUR", f"@{otto.name}", "--again", "0x12", "--yes"), 2, "no such order was sent from here"),
    ]
    for arguments, status, words in cases:
        done = tandem(*arguments, **nina.environ)
        assert done.status == status and words in done.err, (arguments, done)
        assert done.out == ""
    assert holdings(tandem, nina) == before
    assert otto.name not in pins(nina)


def dusd():
    return next(t["address"] for t in json.loads(TOKENS.read_bytes())["tokens"] if t["symbol"] == "DUSD")


def pins(person):
    found = list((Path(person.environ["TANDEM_HOME"]) / "ledgers").glob("*/pins.json"))
    return json.loads(found[0].read_bytes()) if found else {}


def test_server_and_chain_that_are_down(tandem, people):
    alice, bob = people
    down = {**alice.environ, "TANDEM_SERVER": "http://127.0.0.1:1"}
    assert tandem("balance", **down).status == 1  # another server, which this wallet has no account at
    done = tandem("send", "1", "EUR", bob.in_full, "--yes", **down)
    assert done.status == 4 and "does not answer" in done.err
    done = tandem("send", "1", "ETH", bob.address, "--yes", TANDEM_RPC="http://127.0.0.1:1", **alice.environ)
    assert done.status == 4 and "The node http://127.0.0.1:1 does not answer" in done.err


def test_a_clock_that_is_off_is_told(tandem, people, monkeypatch):
    alice, bob = people
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 600 * 1_000_000_000)
    done = tandem("send", "1", "EUR", bob.in_full, "--yes", **alice.environ)
    assert done.status == 1 and "clock is" in done.err and "off" in done.err


def test_a_wrong_password_says_no_more_than_that(tandem, people, tmp_path):
    alice, _bob = people
    home = shutil.copytree(alice.environ["TANDEM_HOME"], tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    (tmp_path / "wrong").write_text("not the password\n")
    settings = {**alice.environ, "TANDEM_HOME": home, "TANDEM_PASSWORD_FILE": tmp_path / "wrong"}
    done = tandem("login", **settings)
    assert done.status == 1 and "the password is wrong, or the file was changed" in done.err


def test_a_ledger_that_was_reset_is_noticed(tandem, people, tmp_path):
    alice, bob = people
    home = shutil.copytree(alice.environ["TANDEM_HOME"], tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    known = json.loads((home / "servers.json").read_bytes())
    old = next(iter(known.values()))
    (home / "ledgers" / old).rename(home / "ledgers" / ("11" * 32))
    (home / "servers.json").write_text(json.dumps(dict.fromkeys(known, "11" * 32)))
    settings = {**alice.environ, "TANDEM_HOME": home}
    done = tandem("send", "1", "EUR", bob.in_full, "--yes", **settings)
    assert done.status == 1 and "You have no account" in done.err  # a new ledger: nothing of the old one is used
    done = tandem("login", **settings)
    assert done.status == 0 and "Signed in as @alice" in done.out  # the phrase's key is known there after all
