"""`tandem backup`, `tandem restore --state` and `--beside`, as people call them."""

from __future__ import annotations

import io
import json
import shutil
import sys

import pytest
from eth_account import Account

JUNK = "test test test test test test test test test test test junk"
OTHER = "legal winner thank year wave sausage worth useful legal winner thank yellow"
LIFE = "0x17c5185167401eD00cF5F5b2fc97D9BBfDb7D025"
STRANGER = "0x00a329c0648769A73afAc7F9381E08FB43dBEA72"


@pytest.fixture
def run(tandem, password_file, monkeypatch, tmp_path):
    """A wallet with an imported key and a watched address."""

    def call(*arguments, stdin="", **environ):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        return tandem(*arguments, "--json", **{"TANDEM_PASSWORD_FILE": password_file, **environ})

    (tmp_path / "old.json").write_text(json.dumps(Account.encrypt(b"\x42" * 32, "foo", kdf="scrypt", iterations=2)))
    (tmp_path / "old.password").write_text("foo\n")
    assert call("restore", "--light", stdin=JUNK).status == 0
    keystore = ("import", str(tmp_path / "old.json"), "--keystore-password-file", str(tmp_path / "old.password"))
    assert call("accounts", *keystore, "--name", "Old key").status == 0
    assert call("accounts", "watch", STRANGER, "--name", "Treasury").status == 0
    return call


def test_on_another_machine_everything_comes_back(run, tmp_path):
    file = str(tmp_path / "backup")
    made = run("backup", file)
    assert (made.json["imported"], made.json["accounts"], made.json["documents"]) == ([LIFE], 2, 1)
    assert run("backup", file).json["slug"] == "state-unusable"
    before = run("accounts").json["accounts"]
    elsewhere = {"TANDEM_HOME": tmp_path / "elsewhere"}
    foreign = run("restore", "--state", file, "--light", stdin=OTHER, **elsewhere)
    assert foreign.json["slug"] == "backup-foreign" and not (tmp_path / "elsewhere" / "vault.json").exists()
    back = run("restore", "--state", file, "--light", stdin=JUNK, **elsewhere)
    assert (back.status, back.json["documents"]) == (0, 1), back.err
    assert run("accounts", **elsewhere).json["accounts"] == before


def test_a_forgotten_password_names_what_the_phrase_does_not_cover(run, tmp_path):
    (tmp_path / "new").write_text("a new password\n")
    new = {"TANDEM_PASSWORD_FILE": tmp_path / "new"}
    assert run("accounts", "rename", "0", "x", **new).json["slug"] == "vault-unopened"
    assert run("restore", "--light", stdin=JUNK, **new).json["slug"] == "vault-exists"
    assert run("restore", "--light", "--beside", stdin=OTHER, **new).json["slug"] == "phrase-foreign"
    back = run("restore", "--light", "--beside", stdin=JUNK, **new)
    assert (back.status, back.json["uncovered"]) == (0, [LIFE]), back.err
    assert run("accounts", "rename", "0", "x", **new).status == 0
    assert (tmp_path / "home" / "vault.old-1.json").exists()


def test_with_a_backup_a_forgotten_password_costs_nothing(run, tmp_path):
    file = str(tmp_path / "backup")
    assert run("backup", file).status == 0
    (tmp_path / "new").write_text("a new password\n")
    new = {"TANDEM_PASSWORD_FILE": tmp_path / "new"}
    back = run("restore", "--state", file, "--light", "--beside", stdin=JUNK, **new)
    assert (back.status, back.json["documents"], back.json["kept"]) == (0, 0, 1), back.err
    assert [row["address"] for row in run("accounts").json["accounts"]][1:] == [LIFE, STRANGER]
    assert run("accounts", "rename", "Old key", "Older key", **new).status == 0


def test_the_sentence_of_a_wrong_password_says_the_way_out(run, tandem, tmp_path):
    (tmp_path / "new").write_text("a new password\n")
    said = tandem("accounts", "rename", "0", "x", TANDEM_PASSWORD_FILE=tmp_path / "new", TANDEM_LANG="en")
    assert said.status == 1 and "tandem restore --beside" in said.err


def test_a_damaged_backup_changes_nothing(run, tmp_path):
    file = tmp_path / "backup"
    assert run("backup", str(file)).status == 0
    file.write_bytes(file.read_bytes()[:-1])
    shutil.copytree(tmp_path / "home", tmp_path / "before")
    refused = run("restore", "--state", str(file), "--light", "--beside", stdin=JUNK)
    assert refused.json["slug"] == "backup-damaged"
    names = [sorted(p.name for p in (tmp_path / n).iterdir() if p.suffix == ".json") for n in ("home", "before")]
    assert names[0] == names[1]


def test_a_drill_opens_a_backup_whole_and_writes_nothing(run, tmp_path):
    file = tmp_path / "backup"
    assert run("backup", str(file)).status == 0
    elsewhere = {"TANDEM_HOME": tmp_path / "elsewhere"}
    assert run("drill", "--state", str(file), stdin=JUNK, **elsewhere).json == {"documents": 1}
    assert not (tmp_path / "elsewhere").exists()
    assert run("drill", "--state", str(file), stdin=OTHER).json["slug"] == "backup-foreign"
    file.write_bytes(file.read_bytes()[:-1])
    assert run("drill", "--state", str(file), stdin=JUNK).json["slug"] == "backup-damaged"
