"""Money that does move: a yes on the terminal, the same order again, two at once, and the history that shows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pexpect


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
