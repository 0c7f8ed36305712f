"""Another contract's code as one's own account, on a real chain: seen, set, cleared, paid for by another account."""

from __future__ import annotations

import io
import json
import sys
import urllib.request

import pytest

from chain.address import Address
from chain.delegation import PREFIX
from wallet.hd import KeyTree
from wallet.mnemonic import readings
from wallet.purse import TOKENS

PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"
KEYS = KeyTree(readings(PHRASE)[0].seed())
FIRST, SECOND = KEYS.account(0).address, KEYS.account(1).address
DUSD, DEUR = (next(t.address for t in TOKENS.on_chain(31337) if t.symbol == name) for name in ("DUSD", "DEUR"))


@pytest.fixture(scope="module")
def rpc(place):
    def ask(method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(place.chain, body, {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request, timeout=120))["result"]

    return ask


@pytest.fixture
def run(tandem, password_file, monkeypatch, place):
    """Two accounts; the second has coins, the first has none."""

    def call(*arguments, stdin=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        settings = {"TANDEM_PASSWORD_FILE": password_file, "TANDEM_SERVER": place.server, "TANDEM_RPC": place.chain}
        return tandem(*arguments, "--json", **settings)

    assert call("restore", "--light", stdin=PHRASE).status == 0
    assert call("accounts", "add").status == 0
    assert place.operate("devnet", "fund", SECOND, "--eth", "1").status == 0
    return call


def agreed(typed, place, password_file, *arguments):
    """Sets one with a person at the terminal; what was on the screen."""
    settings = {"TANDEM_RPC": place.chain, "TANDEM_SERVER": place.server, "TANDEM_PASSWORD_FILE": password_file}
    child = typed("delegation", *arguments, **settings)
    child.expect("to go on: ")
    shown = child.before
    child.sendline("blind")
    child.expect(r"Sign and send\? \[y/N\] ")
    child.sendline("y")
    child.expect("Done, in block")
    return shown


def test_another_account_pays_for_setting_and_clearing(run, rpc, typed, place, password_file):
    assert [one["delegate"] for one in run("delegation").json["delegations"]] == [None, None]
    set_ = ("delegation", "set", FIRST, DUSD)
    assert run(*set_, "--yes").json["slug"] == "gas-missing", "who is to pay has nothing"
    assert run(*set_, "--paid-by", SECOND, "--yes").json["slug"] == "yes-refused", "a word has to be typed"
    assert run(*set_, "--paid-by", SECOND).json["slug"] == "terminal-needed"
    shown = agreed(typed, place, password_file, "set", FIRST, DUSD, "--paid-by", SECOND)
    assert "from the bytes" in shown and f"claimed by {place.chain}" in shown and "take all it holds" in shown
    assert rpc("eth_getCode", FIRST, "latest") == "0x" + (PREFIX + DUSD.raw).hex()
    found = run("delegation", "show", "0").json["delegations"]
    assert [(one["account"], one["delegate"]) for one in found] == [(FIRST, DUSD)]
    assert found[0]["delegate_code_bytes"] > 100
    assert run(*set_, "--paid-by", SECOND, "--yes").json["reason"] == "the account is so already"
    before = int(rpc("eth_getBalance", SECOND, "latest"), 16)
    cleared = run("delegation", "clear", "0", "--paid-by", "1", "--yes")
    assert (cleared.status, cleared.json["state"], cleared.json["delegate"]) == (0, "done", None), cleared.out
    assert cleared.json["paid_by"] == SECOND and int(rpc("eth_getBalance", SECOND, "latest"), 16) < before
    assert rpc("eth_getCode", FIRST, "latest") == "0x"
    assert run("delegation", "clear", "0", "--paid-by", "1", "--yes").json["field"] == "delegation"


def test_an_account_pays_for_itself(run, rpc, typed, place, password_file):
    agreed(typed, place, password_file, "set", SECOND, DEUR)
    assert rpc("eth_getCode", SECOND, "latest") == "0x" + (PREFIX + DEUR.raw).hex()
    cleared = run("delegation", "clear", SECOND, "--yes")
    assert (cleared.status, cleared.json["state"]) == (0, "done"), cleared.out
    assert rpc("eth_getCode", SECOND, "latest") == "0x"


def test_only_ones_own_accounts_and_no_nonsense(run):
    stranger = Address("0x" + "77" * 20)
    for arguments in (("set", stranger, DUSD), ("clear", stranger), ("clear", "0", "--paid-by", stranger)):
        assert run("delegation", *arguments, "--yes").json["slug"] == "account-unknown"
    assert run("delegation", "set", "0", "0x" + "0" * 40, "--yes").json["field"] == "delegation"
    assert run("delegation", "set", "0", "nobody", "--yes").json["slug"] == "address-malformed"
