"""Accounts with a chain behind them: another account than the first pays, and used ones are discovered."""

from __future__ import annotations

import io
import sys

import pytest

from wallet.hd import DerivationPath, KeyTree
from wallet.mnemonic import readings

PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"
KEYS = KeyTree(readings(PHRASE)[0].seed())
LIVE = KEYS.key(DerivationPath("m/44'/60'/2'/0/0")).address


@pytest.fixture
def run(tandem, password_file, monkeypatch, place):
    def call(*arguments, stdin="", **environ):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        settings = {"TANDEM_PASSWORD_FILE": password_file, "TANDEM_SERVER": place.server, "TANDEM_RPC": place.chain}
        return tandem(*arguments, "--json", **{**settings, **environ})

    assert call("restore", "--light", stdin=PHRASE).status == 0
    return call


def fund(place, address, *more):
    funded = place.operate("devnet", "fund", address, *more)
    assert funded.status == 0, funded.stderr


def test_another_account_than_the_first_pays(run, place):
    fund(place, KEYS.account(1).address, "--eth", "2", "--dusd", "50")
    assert run("accounts", "add", "--name", "Daily").status == 0
    receiver = KEYS.account(7).address
    for asset, amount in (("ETH", "0.5"), ("DUSD", "12.5")):
        sent = run("send", amount, asset, receiver, "--from", "daily", "--yes")
        assert (sent.status, sent.json["state"]) == (0, "done"), sent.out + sent.err
    poor = run("send", "0.5", "ETH", receiver, "--yes")
    assert poor.json["slug"] == "insufficient-native", "the first account has nothing"
    fiat = run("send", "1", "EUR", "@nobody", "--from", "Daily", "--yes")
    assert (fiat.status, fiat.json["field"]) == (2, "account")
    assert run("send", "1", "ETH", receiver, "--from", "nobody", "--yes").json["slug"] == "account-unknown"
    run("accounts", "watch", receiver)
    watched = run("send", "1", "ETH", LIVE, "--from", receiver, "--yes")
    assert watched.json["slug"] == "account-watched"


def test_used_accounts_are_discovered_to_the_gap(run, place):
    for address, more in ((KEYS.account(3).address, ("--eth", "1")), (KEYS.account(9).address, ("--dusd", "1"))):
        fund(place, address, *more)
    fund(place, LIVE, "--eth", "1")
    shallow = run("accounts", "discover", "--gap", "3").json["added"]
    assert KEYS.account(9).address not in {entry["address"] for entry in shallow}
    deeper = run("accounts", "discover", "--gap", "6", "--everywhere").json["added"]
    assert {KEYS.account(9).address, LIVE} <= {entry["address"] for entry in deeper}
    assert run("accounts", "discover", "--gap", "6", "--everywhere").json == {"added": []}
