"""`tandem shares`, `tandem restore --shares` and `tandem drill`, as people and scripts call them."""

from __future__ import annotations

import io
import re
import stat
import sys

import pytest

JUNK = "test test test test test test test test test test test junk"
OTHER = "legal winner thank year wave sausage worth useful legal winner thank yellow"
ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


@pytest.fixture
def run(tandem, password_file, monkeypatch, tmp_path):
    def call(*arguments, stdin="", **environ):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        return tandem(*arguments, "--json", TANDEM_PASSWORD_FILE=password_file, **environ)

    assert call("restore", "--light", stdin=JUNK).status == 0
    return call


@pytest.fixture
def shares(run, tmp_path):
    """Two groups: 2 of 3 friends, or 1 of 1 in the bank."""
    arguments = ("shares", "--group", "2of3", "--group", "1of1", "--file", str(tmp_path / "shares"))
    made = run(*arguments)
    assert made.json["groups"] == [{"needed": 2, "shares": 3}, {"needed": 1, "shares": 1}]
    assert run(*arguments).json["slug"] == "state-unusable", "a file is never written over"
    assert stat.S_IMODE((tmp_path / "shares").stat().st_mode) == 0o600
    lines = (tmp_path / "shares").read_text().splitlines()
    assert [line.startswith("#") for line in lines] == [True, False, False, False, True, False]
    return [line for line in lines if not line.startswith("#")]


def test_a_wallet_comes_back_from_its_shares(run, shares, tmp_path):
    elsewhere = {"TANDEM_HOME": tmp_path / "elsewhere"}
    one = run("restore", "--shares", "phrase", "--light", stdin=shares[0], **elsewhere)
    assert (one.json["slug"], one.json["groups"]) == ("shares-missing", ["1/2"])
    back = run("restore", "--shares", "phrase", "--light", stdin="\n".join(shares[1:3]), **elsewhere)
    assert back.json["accounts"][0]["address"] == ALICE
    bank = run("restore", "--shares", "phrase", "--light", stdin=shares[3], TANDEM_HOME=tmp_path / "third")
    assert bank.json["accounts"][0]["address"] == ALICE


def test_a_drill_tells_a_backup_from_another_wallets(run, shares):
    whole = run("drill", "--shares", "phrase", stdin="\n".join(shares[:2]))
    assert whole.json == {"root": True, "covered": [ALICE], "uncovered": []}
    assert run("drill", stdin=JUNK).json == whole.json
    other = run("drill", stdin=OTHER)
    assert (other.status, other.json["slug"]) == (1, "backup-unfit")
    assert run("drill", "--shares", "wallet", stdin=shares[3]).json["slug"] == "backup-unfit"
    assert run("drill", stdin=JUNK.replace("junk", "test")).json["slug"] == "checksum-wrong"
    for secret in (JUNK, *shares):
        assert secret not in whole.out + other.out


def test_what_cannot_be_shared_is_said_so(run, tmp_path):
    def slug(*arguments):
        refused = run("shares", *arguments, "--file", str(tmp_path / "none"))
        assert not (tmp_path / "none").exists()
        return refused.status, refused.json["slug"]

    assert slug("--group", "2/3") == (2, "input-malformed")
    assert slug("--group", "4of3") == (1, "shares-unfit")
    assert slug("--group", "1of3") == (1, "shares-unfit")
    assert slug("--threshold", "2") == (1, "shares-unfit")
    assert run("shares").json["slug"] == "terminal-needed", "never into --json"


def test_on_a_terminal_each_share_is_shown_alone(typed, run, password_file):
    child = typed("shares", "--group", "2of2", TANDEM_PASSWORD_FILE=password_file)
    shown = []
    for place in (1, 2):
        child.expect(rf"Group 1 \(2 needed\): share {place} of 2")
        child.expect("Press Enter")
        numbered = {int(n): word for n, word in re.findall(r"(\d+)\. ([a-z]+)", child.before)}
        shown.append(" ".join(numbered[n] for n in sorted(numbered)))
        child.sendline("")
    child.expect("A passphrase of the phrase itself is not in them")
    child.close()
    assert run("drill", "--shares", "phrase", stdin="\n".join(shown)).json["root"]


def test_on_a_terminal_a_drill_shows_nothing_of_what_is_typed(typed, run):
    child = typed("drill")
    child.expect("Recovery phrase .*: ")
    child.sendline(JUNK)
    child.expect("This backup opens your wallet: your account at the server, and 1 of your accounts")
    assert "junk" not in child.before
