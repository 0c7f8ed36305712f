"""Money that does move: a yes on the terminal, the same order again, two at once, and the history that shows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from decimal import Decimal
from pathlib import Path

import pexpect

from wallet.purse import TOKENS

JSON_TYPE = {"Content-Type": "application/json"}


def eur(tandem, person):
    view = tandem("balance", "--json", **person.environ).json
    return next(p["amount"] for p in view["positions"] if p["asset"] == "EUR")


def test_a_yes_on_the_terminal_pays_once_and_pins_the_payee(typed, tandem, people):
    alice, bob = people
    before = eur(tandem, alice), eur(tandem, bob)
    child = typed("send", "1", "EUR", "@bob", "--memo", "lunch", **alice.environ)
    child.expect(r"Sign and send\? \[y/N\] ")
    child.sendline("y")
    child.expect("the receipt is checked and kept")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert (Decimal(eur(tandem, alice)), Decimal(eur(tandem, bob))) == (Decimal(before[0]) - 1, Decimal(before[1]) + 1)
    again = tandem("send", "1", "EUR", "@bob", "--yes", "--json", **alice.environ)  # known now
    assert again.status == 0 and again.json["rail"] == "ledger"
    repeated = tandem("send", "1", "EUR", "@bob", "--yes", "--json", "--again", again.json["nonce"], **alice.environ)
    assert repeated.status == 0 and repeated.json["receipt"] == again.json["receipt"]
    assert Decimal(eur(tandem, bob)) == Decimal(before[1]) + 2
    newest = tandem("activity", "--limit", "2", "--json", **bob.environ).json["items"]
    assert [(i["amount"], i["counterparty"]["handle"], i["memo"]) for i in newest] == [
        ("1.00", "alice", None),
        ("1.00", "alice", "lunch"),
    ]


def test_two_sends_at_once_never_spend_the_same_money(tandem, people):
    alice, bob = people
    holds = eur(tandem, alice)
    command = [str(Path(sys.executable).with_name("tandem")), "send", holds, "EUR", bob.in_full, "--yes"]
    environment = {"PATH": os.environ["PATH"], "TANDEM_LANG": "en", **alice.environ}
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate() for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], said
    assert eur(tandem, alice) == "0.00"
    back = tandem("send", holds, "EUR", alice.in_full, "--yes", **bob.environ)
    assert back.status == 0, back.err


def test_tokens_move_from_the_persons_own_key(tandem, people, place):
    alice, bob = people
    sent = tandem("send", "0.01", "ETH", bob.address, "--yes", "--json", **alice.environ)
    assert sent.status == 0 and sent.json["state"] == "done" and sent.json["to"] == bob.address
    # Another node than the server's relay does as well, and the server need not be there.
    alone = {**alice.environ, "TANDEM_RPC": place.chain, "TANDEM_SERVER": "http://127.0.0.1:1"}
    sent = tandem("send", "2.5", "DUSD", bob.address, "--yes", "--json", **alone)
    assert sent.status == 0 and sent.json["state"] == "done"


def test_whoever_goes_through_the_relay_is_told_whose_it_is(tandem, people, place):
    alice, bob = people
    host = place.server.removeprefix("http://")
    own_node = {**alice.environ, "TANDEM_RPC": place.chain}
    for arguments, through in (
        (("send", "0.001", "ETH", bob.address, "--yes"), "The transaction goes through"),
        (("revoke", "DUSD", bob.address, "--yes"), "The transaction goes through"),
        (("sweep", "DWETH", bob.address, "--yes"), ""),  # there is none: nothing is sent
        (("allowances",), "The chain is asked through"),
        (("pending",), "The chain is asked through"),
        (("delegation",), "The chain is asked through"),
    ):
        said = tandem(*arguments, **alice.environ).err
        assert (f"{through} {host}, which sees" in said) if through else ("which sees" not in said), (arguments, said)
        assert "which sees" not in tandem(*arguments, **own_node).err, arguments


def test_a_payment_link_is_followed_only_where_it_agrees_with_what_was_typed(tandem, people):
    alice, bob = people
    link = f"ethereum:{bob.address}@31337?value=1e16"
    sent = tandem("send", "0.01", "ETH", link, "--yes", "--json", **alice.environ)
    assert sent.status == 0 and (sent.json["state"], sent.json["to"]) == ("done", bob.address)
    for amount, asset, other, about in (
        ("0.02", "ETH", link, "another amount"),
        ("0.01", "DUSD", link, "another asset"),
        ("0.01", "ETH", link.replace("31337", "1"), "another chain"),
        ("0.01", "ETH", link.replace("?", "/approve?"), "for dApps"),
    ):
        refused = tandem("send", amount, asset, other, "--yes", **alice.environ)
        assert refused.status == 2 and about in refused.err


def test_how_soon_and_for_how_much_at_most(tandem, people, place):
    alice, bob = people
    prices = []
    for speed in ("slow", "fast"):
        sent = tandem("send", "0.001", "ETH", bob.address, "--speed", speed, "--yes", "--json", **alice.environ)
        assert sent.status == 0 and sent.json["state"] == "done", sent.out
        found = ask(place, "eth_getTransactionByHash", sent.json["transaction"])
        prices.append(int(found["maxPriorityFeePerGas"], 16))
    assert 0 < prices[0] <= prices[1]
    dear = tandem("send", "0.001", "ETH", bob.address, "--max-fee", "0.000000001", "--yes", **alice.environ)
    assert dear.status == 1 and "gwei per gas, above the cap of 0.000000001 gwei; nothing was sent" in dear.err
    for wrong in ("0", "-1", "1e3", "2.0000000001"):
        refused = tandem("send", "0.001", "ETH", bob.address, "--max-fee", wrong, "--yes", "--json", **alice.environ)
        assert refused.status == 2 and refused.json["field"] == "max-fee"
    fiat = tandem("send", "1", "EUR", bob.in_full, "--max-fee", "30", "--yes", "--json", **alice.environ)
    assert fiat.json["reason"] == "money at the server needs no gas"


TRUE_AND_NOTHING_MORE = "0x60003560e01c63313ce56714601c57600160641b60005260206000f35b600660005260206000f3"
"""A contract that says 6 to `decimals()` and a large number to everything else, and moves nothing."""


def ask(place, method, *params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    return json.load(urllib.request.urlopen(urllib.request.Request(place.chain, body, JSON_TYPE)))["result"]


def test_what_arrives_is_held_against_what_was_reviewed(tandem, people, place):
    alice, bob = people
    honest = tandem("send", "1", "DUSD", bob.address, "--yes", "--json", **alice.environ)
    assert (honest.json["state"], honest.json["arrived"], honest.json["unforeseen"]) == ("done", None, [])
    dusd = next(token.address for token in TOKENS.on_chain(31337) if token.symbol == "DUSD")
    code = ask(place, "eth_getCode", dusd, "latest")
    ask(place, "anvil_setCode", dusd, TRUE_AND_NOTHING_MORE)
    try:
        told = tandem("send", "2", "DUSD", bob.address, "--yes", "--json", **alice.environ)
        assert (told.json["state"], told.json["arrived"]) == ("done", "0"), told.out
        said = tandem("send", "2", "DUSD", bob.address, "--yes", **alice.environ)
        assert "The token's own record says that 0 DUSD arrived, not 2." in said.err
    finally:
        ask(place, "anvil_setCode", dusd, code)


def test_ones_own_transaction_is_simulated_and_the_review_says_so(typed, people):
    alice, bob = people
    child = typed("send", "1", "DUSD", bob.address, **alice.environ)
    child.expect("Simulated by[^\n]*eth_simulateV1")
    child.expect("You would give[^\n]*1 DUSD[^\n]*claimed by")
    child.expect("Digest 0x[0-9a-f]{64}")
    child.expect("Sign and send")
    child.sendline("n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3


def test_a_contract_that_never_handled_the_token_is_warned_of(tandem, people):
    alice, _bob = people
    deur = next(token.address for token in TOKENS.on_chain(31337) if token.symbol == "DEUR")
    refused = tandem("send", "1", "DUSD", deur, "--yes", "--json", **alice.environ)
    assert (refused.status, refused.json["slug"], refused.json["reason"]) == (2, "yes-refused", "warnings")
    dusd = next(token.address for token in TOKENS.on_chain(31337) if token.symbol == "DUSD")
    for lost in (dusd, "0x" + 40 * "0"):
        assert tandem("send", "1", "DUSD", lost, "--yes", "--json", **alice.environ).json["slug"] == "receiver-refused"


def test_many_at_once_have_numbers_in_a_row(people, place, soak):
    alice, bob = people
    count = 50 if soak else 4
    first = int(ask(place, "eth_getTransactionCount", alice.address, "latest"), 16)
    command = [str(Path(sys.executable).with_name("tandem")), "send", "0.0001", "ETH", bob.address, "--yes", "--json"]
    environment = {"PATH": os.environ["PATH"], "TANDEM_LANG": "en", **alice.environ}
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    said = [process.communicate() for process in running]
    assert {process.returncode for process in running} == {0}, said
    assert sorted(int(json.loads(out)["nonce"]) for out, _err in said) == list(range(first, first + count))
    assert int(ask(place, "eth_getTransactionCount", alice.address, "latest"), 16) == first + count


def test_activity_as_csv_runs_no_formula(tandem, people):
    alice, bob = people
    assert tandem("send", "0.10", "EUR", bob.in_full, "--memo", "=1+1", "--yes", **alice.environ).status == 0
    out = tandem("activity", "--csv", "--limit", "3", **alice.environ).out
    assert out.splitlines()[0].startswith("at,kind,rail") and "'=1+1" in out and ",=1+1" not in out


def test_a_head_that_does_not_extend_the_kept_one_is_refused(tandem, people, tmp_path):
    """The server is honest; the kept head is made another, which to this client is the same as a rewritten history."""
    alice, _bob = people
    home = shutil.copytree(alice.environ["TANDEM_HOME"], tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    path = next(home.rglob("head.json"))
    kept = json.loads(path.read_bytes())
    path.write_text(json.dumps({**kept, "head": "ee" * 32}))
    done = tandem("balance", **{**alice.environ, "TANDEM_HOME": home})
    assert done.status == 1 and "contradicts what it signed before" in done.err
    path.write_text(json.dumps({**kept, "count": kept["count"] + 5}))
    done = tandem("balance", **{**alice.environ, "TANDEM_HOME": home})
    assert done.status == 1 and "older than one that was shown before" in done.err


def test_a_phrase_brings_the_account_back_on_another_machine(tandem, people, tmp_path, monkeypatch):
    _alice, bob = people
    phrase = Path(bob.environ["TANDEM_HOME"]).with_suffix(".phrase")
    monkeypatch.setattr("sys.stdin", phrase.open())
    elsewhere = {**bob.environ, "TANDEM_HOME": tmp_path / "elsewhere"}
    restored = tandem("restore", "--light", "--json", **elsewhere)
    assert restored.status == 0 and restored.json["accounts"][0]["address"] == bob.address
    assert tandem("balance", **elsewhere).status == 1  # not signed in here yet
    found = tandem("login", "--json", **elsewhere)
    assert found.status == 0 and (found.json["handle"], found.json["fingerprint"]) == ("bob", bob.fingerprint)
    assert eur(tandem, people[1]) == next(
        p["amount"] for p in tandem("balance", "--json", **elsewhere).json["positions"] if p["asset"] == "EUR"
    )


def test_in_chinese(people):
    alice, _bob = people
    environment = {"PATH": os.environ["PATH"], **alice.environ, "TANDEM_LANG": "zh"}

    def run(*arguments):
        command = [str(Path(sys.executable).with_name("tandem")), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    assert "总额" in run("balance").stdout
    refused = run("send", "1000000", "EUR", "@bob", "--yes")
    assert refused.returncode == 1 and "余额不足：需要 1000000.00 EUR" in refused.stderr
    assert "不是金额" in run("send", "1e3", "EUR", "@bob", "--yes").stderr
    assert "缺少选项" in run("withdraw", "1", "EUR").stderr
