"""`tandem accounts` and `tandem password`, without a server: keys in and out, names, what is found, what is watched."""

from __future__ import annotations

import io
import json
import stat
import sys

import pytest
from eth_account import Account

from tests.wallet.cli.conftest import PASSWORD
from wallet.hd import DerivationPath, KeyTree
from wallet.mnemonic import readings

JUNK = "test test test test test test test test test test test junk"
OTHER = "legal winner thank year wave sausage worth useful legal winner thank yellow"
KEYS = KeyTree(readings(JUNK)[0].seed())
ALICE, BOB = KEYS.account(0).address, KEYS.account(1).address
STRANGER = "0x00a329c0648769A73afAc7F9381E08FB43dBEA72"
LIFE = "0x17c5185167401eD00cF5F5b2fc97D9BBfDb7D025"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def run(tandem, password_file, monkeypatch, tmp_path):
    """A wallet of the well-known phrase; whatever is asked of a server fails at once."""

    def call(*arguments, stdin="", **environ):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        settings = {"TANDEM_PASSWORD_FILE": password_file, "TANDEM_SERVER": NOWHERE, **environ}
        return tandem(*arguments, "--json", **settings)

    assert call("restore", "--light", stdin=JUNK).status == 0
    assert call("unlock").status == 0  # one signer for the whole test
    yield call
    call("lock")


@pytest.fixture
def keystore(tmp_path):
    """A file of another program, and the file of its password."""
    (tmp_path / "old.json").write_text(json.dumps(Account.encrypt(b"\x42" * 32, "foo", kdf="scrypt", iterations=2)))
    (tmp_path / "old.password").write_text("foo\n")
    return ("import", str(tmp_path / "old.json"), "--keystore-password-file", str(tmp_path / "old.password"))


def listed(run):
    return {row["address"]: row for row in run("accounts").json["accounts"]}


def test_accounts_say_whose_they_are_and_where_from(run, keystore):
    assert run("accounts", "add", "--path", "m/44'/60'/1'/0/0", "--name", "Ledger").status == 0
    assert run("accounts", *keystore, "--name", "Old key").json["address"] == LIFE
    assert run("accounts", "watch", STRANGER, "--name", "Treasury").status == 0
    assert run("accounts", "phrase", "--name", "Second", stdin=OTHER).json["phrase"] == 1
    rows = listed(run)
    second = KeyTree(readings(OTHER)[0].seed()).account(0).address
    shown = [(row["index"], row["name"], row["phrase"], row["imported"], row["watched"]) for row in rows.values()]
    assert shown == [
        (0, "", 0, False, False),
        (1, "Ledger", 0, False, False),
        (2, "Old key", None, True, False),
        (3, "Second", 1, False, False),
        (None, "Treasury", None, False, True),
    ]
    assert list(rows) == [ALICE, KEYS.key(DerivationPath("m/44'/60'/1'/0/0")).address, LIFE, second, STRANGER]


def test_what_is_shown_names_the_watched_as_such(run, tandem, keystore):
    run("accounts", "watch", STRANGER)
    run("accounts", *keystore)
    out = tandem("accounts", TANDEM_LANG="en").out
    assert next(line for line in out.splitlines() if STRANGER in line).count("only watched, no key") == 1
    assert next(line for line in out.splitlines() if LIFE in line).count("not in any phrase") == 1


def test_the_next_account_of_each_phrase(run):
    run("accounts", "phrase", stdin=OTHER)
    for _ in range(2):
        assert run("accounts", "add", "--phrase", "2").status == 0
    assert run("accounts", "add", "--name", "日常").status == 0
    found = [(row["phrase"], row["path"][-1], row["name"]) for row in listed(run).values()]
    assert found == [(0, "0", ""), (1, "0", ""), (1, "1", ""), (1, "2", ""), (0, "1", "日常")]
    assert run("accounts", "add", "--phrase", "3").json["slug"] == "input-malformed"


def test_names_are_unique_over_what_is_owned_and_watched(run):
    run("accounts", "watch", STRANGER, "--name", "Savings")
    for arguments in (("add", "--name", "sav1ngs"), ("rename", "0", "SAVINGS")):
        refused = run("accounts", *arguments)
        assert (refused.status, refused.json["slug"], refused.json["other"]) == (2, "name-taken", "Savings")
    assert len(listed(run)) == 2, "nothing was added"
    assert run("accounts", "watch", STRANGER, "--name", "savings").status == 0, "its own"
    assert run("accounts", "unwatch", STRANGER).status == 0
    assert run("accounts", "rename", ALICE, "Savings").status == 0
    assert run("accounts", "unwatch", STRANGER).json["slug"] == "account-unknown"
    assert run("accounts", "watch", ALICE).json["slug"] == "account-known"


def test_an_account_is_named_by_name_address_or_number(run):
    run("accounts", "add")
    for text in ("1", BOB, BOB.lower()):
        assert run("accounts", "rename", text, "Bob").status == 0
        assert listed(run)[BOB]["name"] == "Bob"
        assert run("accounts", "rename", "bob").status == 0
        assert listed(run)[BOB]["name"] == ""
    assert run("accounts", "move", "1", "0").status == 0
    assert list(listed(run)) == [BOB, ALICE]
    assert run("receive").json["address"] == BOB, "the first one is where others send to"
    for text in ("2", "nobody", STRANGER):
        assert run("accounts", "move", text, "0").json["slug"] == "account-unknown"
    run("accounts", "watch", STRANGER, "--name", "Treasury")
    for text in (STRANGER, "treasury"):
        assert run("accounts", "move", text, "0").json["slug"] == "account-watched"


def test_a_key_leaves_as_a_keystore_that_only_its_owner_reads(run, tmp_path):
    (tmp_path / "new.password").write_text("a new password\n")
    arguments = ("accounts", "export", ALICE, str(tmp_path / "out.json"))
    done = run(*arguments, "--keystore-password-file", str(tmp_path / "new.password"))
    assert done.json == {"address": ALICE, "file": str(tmp_path / "out.json")}
    assert stat.S_IMODE((tmp_path / "out.json").stat().st_mode) == 0o600
    assert bytes(Account.decrypt((tmp_path / "out.json").read_text(), "a new password")) == KEYS.account(0).raw
    again = run(*arguments, "--keystore-password-file", str(tmp_path / "new.password"))
    assert again.json["slug"] == "state-unusable"


@pytest.mark.parametrize(
    ("content", "slug"),
    [(b"", "keystore-malformed"), (b"{}", "keystore-malformed"), (b"\xff", "state-unusable"), (None, "state-unusable")],
)
def test_what_is_no_keystore_is_said_so(run, tmp_path, keystore, content, slug):
    if content is not None:
        (tmp_path / "old.json").write_bytes(content)
    else:
        (tmp_path / "old.json").unlink()
    assert run("accounts", *keystore).json["slug"] == slug
    assert len(listed(run)) == 1


def test_the_path_of_an_address_is_found(run):
    live = KEYS.key(DerivationPath("m/44'/60'/41'/0/0")).address
    found = run("accounts", "find", live, "--indexes", "50")
    assert found.json == {"address": live, "phrase": 0, "path": "m/44'/60'/41'/0/0", "passphrase": None}
    unfound = run("accounts", "find", live, "--indexes", "10")
    assert (unfound.json["slug"], unfound.json["tried"]) == ("address-unfound", 111)
    assert run("accounts", "find", ALICE).json["path"] == "m/44'/60'/0'/0/0"
    run("accounts", "phrase", stdin=OTHER)
    second = KeyTree(readings(OTHER)[0].seed()).account(9).address
    assert run("accounts", "find", second, "--indexes", "10").json["phrase"] == 1


def test_the_passphrase_of_an_address_is_found(typed, run, tmp_path, password_file):
    hidden = KeyTree(readings(JUNK)[0].seed("open sesame")).account(3).address
    child = typed("accounts", "find", hidden, "--passphrases", TANDEM_PASSWORD_FILE=password_file)
    for number, typed_one in enumerate(("sesame", "open sesame", "")):
        child.expect(f"Passphrase {number + 1} ")
        child.sendline(typed_one)
    child.expect("Phrase 1, path m/44'/60'/0'/0/3")
    child.expect("With passphrase 2 of those you typed")
    assert "sesame" not in child.before


def test_the_password_is_changed_for_one_who_knows_it(run, tandem, tmp_path, password_file):
    (tmp_path / "new").write_text("another password\n")
    wrong = tmp_path / "wrong"
    wrong.write_text("no password\n")
    given = ("password", "--light", "--new-password-file", str(tmp_path / "new"))
    assert run(*given, TANDEM_PASSWORD_FILE=wrong).json["slug"] == "vault-unopened"
    assert run(*given).json == {"changed": True}
    assert run("accounts", "rename", "0", "x").json["slug"] == "vault-unopened", "whoever held it open is locked"
    assert run("accounts", "rename", "0", "x", TANDEM_PASSWORD_FILE=tmp_path / "new").status == 0
    assert listed(run)[ALICE]["name"] == "x"


def test_a_phrase_never_passes_the_running_clients_door(run, password_file):
    assert run("accounts", "phrase", stdin=OTHER).json["phrase"] == 1
    assert run("accounts", "rename", "1", "Second").status == 0, "the running client took it up"
    assert PASSWORD not in json.dumps(run("accounts").json)


def test_a_bare_key_is_taken_from_stdin_and_named_as_not_in_the_phrase(run, tmp_path):
    key = b"\x43" * 32
    address = Account.from_key(key).address
    taken = run("accounts", "key", "--name", "Faucet", stdin=f"0x{key.hex()}\n")
    assert (taken.status, taken.json["address"], taken.json["phrase"]) == (0, address, None)
    row = listed(run)[address]
    assert (row["name"], row["imported"], row["path"]) == ("Faucet", True, "")
    assert run("accounts", "key", stdin=key.hex().upper()).json["slug"] == "account-known"
    backed = run("backup", str(tmp_path / "backup"))
    assert backed.json["imported"] == [address], "the phrase does not cover it, and the backup says so"
    signed = run("sign-message", "hi", "--from", "Faucet", "--yes")
    assert signed.status == 0 and signed.json["address"] == address


def test_what_is_no_key_is_refused_and_never_repeated(run):
    for text in ("", "0x", "42" * 31, "42" * 33, "zz" * 32, "00" * 32, "ff" * 32, "0x0x" + "42" * 31):
        done = run("accounts", "key", stdin=text)
        assert (done.status, done.json["slug"], done.json["field"]) == (2, "input-malformed", "private-key")
        assert not text.strip("0x") or text not in done.out + done.err
    assert run("accounts", "key", "42" * 32).status == 2, "never as an argument"


def test_a_bare_key_is_typed_unseen(run, typed, password_file):
    child = typed("accounts", "key", TANDEM_PASSWORD_FILE=password_file, TANDEM_SERVER=NOWHERE)
    child.expect("not shown")
    child.sendline("44" * 32)
    child.expect("is an account of yours now")
    assert "44" * 32 not in child.before
    child.expect("only `tandem backup` keeps it")
