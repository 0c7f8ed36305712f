"""Backups through the signer's calls: what is in one, who opens it, and what a forgotten password leads to."""

from __future__ import annotations

import base64
import json

import pytest

from tests.wallet.test_keeper import (
    JUNK,
    KEYS,
    LIFE,
    LIFE_ADDRESS,
    OTHER,
    PASSWORD,
    ask,
    opened_again,
    over_the_pipe,
    refusal,
    signs_as,
)
from wallet.hd import KeyTree
from wallet.mnemonic import readings
from wallet.sealed import Pieces
from wallet.signer import Signer
from wallet.vault import Vault

SECOND = KeyTree(readings(OTHER)[0].seed()).account(0).address
ALICE = KEYS.account(0).address
SOURCE = {"phrase": JUNK, "language": "", "passphrase": ""}
NEW = {"password": "another one", "profile": "light"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "vault.json"


@pytest.fixture
def signer(path):
    """With a second account, an imported key and a second phrase."""
    signer = Signer(path, [])
    ask(signer, "restore", **SOURCE, password=PASSWORD, profile="light")
    ask(signer, "add_paths", phrase=0, paths=["m/44'/60'/9'/0/0"], name="Ledger")
    ask(signer, "add_keystore", document=LIFE, keystore_password="foo", name="Old key")
    ask(signer, "add_phrase", phrase=OTHER, language="", passphrase="", name="")
    return signer


@pytest.fixture
def backup(signer):
    begun = ask(signer, "begin_backup", password=PASSWORD)
    sealed = [
        ask(signer, "seal_backup", data=base64.b64encode(d).decode(), last=d == b"b")["piece"] for d in (b"a", b"b")
    ]
    return begun["header"], begun["piece"], sealed


def test_a_vault_comes_back_whole(signer, backup, tmp_path):
    header, first, rest = backup
    new = Signer(tmp_path / "new" / "vault.json", [])
    told = ask(new, "open_backup", source=SOURCE, header=header, piece=first)
    before = ask(signer, "status")
    assert told == {"accounts": [one["address"] for one in before["accounts"]], "keys": 1}
    data = [ask(new, "unseal_backup", piece=p, last=n == 1)["data"] for n, p in enumerate(rest)]
    assert [base64.b64decode(one) for one in data] == [b"a", b"b"]
    status = ask(new, "restore_backup", **NEW, beside=False)
    assert {**status, "backed_up": before["backed_up"]} == before
    for account in (ALICE, LIFE_ADDRESS, SECOND):
        assert signs_as(new, account)


def test_only_its_own_phrase_opens_it(backup, tmp_path):
    header, first, _rest = backup
    new = Signer(tmp_path / "new" / "vault.json", [])
    for wrong in ({"phrase": OTHER}, {"passphrase": "x"}):
        refused = refusal(new, "open_backup", source={**SOURCE, **wrong}, header=header, piece=first)
        assert refused == ("backup-foreign", {"root": KEYS.root().address})
    lied = json.dumps({**json.loads(header), "root": KeyTree(readings(OTHER)[0].seed()).root().address})
    other = {**SOURCE, "phrase": OTHER}
    assert refusal(new, "open_backup", source=other, header=lied, piece=first)[0] == "backup-damaged"
    assert refusal(new, "restore_backup", **NEW, beside=False)[0] == "call-refused"


def test_shares_of_the_phrase_open_it_too(signer, backup, tmp_path):
    made = ask(signer, "split", password=PASSWORD, threshold=1, groups=[[1, 1]], passphrase="")
    words = {"language": "english", "passphrase": ""}
    source = {"shares": made["groups"][0], "passphrase": "", "holds": "phrase", "words": words}
    new = Signer(tmp_path / "new" / "vault.json", [])
    assert ask(new, "open_backup", source=source, header=backup[0], piece=backup[1])["keys"] == 1


def test_it_takes_the_password_and_shows_no_secret(signer, backup):
    assert refusal(signer, "begin_backup", password="wrong password")[0] == "vault-unopened"
    header, first, rest = backup
    plain = header.encode() + b"".join(base64.b64decode(one) for one in (first, *rest))
    for secret in (b"42" * 32, b"\x42" * 32, readings(OTHER)[0].entropy, readings(OTHER)[0].entropy.hex().encode()):
        assert secret not in plain


def test_a_backup_whose_accounts_are_not_its_keys_is_refused(tmp_path):
    """Made by one who has the phrase and a broken program: the vault of it would not sign."""
    good = {"path": "m/44'/60'/0'/0/0", "address": ALICE, "phrase": 0, "name": ""}
    secrets = [
        {"phrases": [], "keys": [], "accounts": [{**good, "address": SECOND}]},
        {"phrases": [], "keys": [], "accounts": [{**good, "phrase": 1}]},
        {"phrases": [], "keys": [], "accounts": [{**good, "path": "", "phrase": None, "address": LIFE_ADDRESS}]},
        {"phrases": [], "keys": [], "accounts": []},
        {
            "phrases": [],
            "keys": [],
            "accounts": [{**good, "path": "m/44'/60'/7265'/0'", "address": KEYS.root().address}],
        },
        {"phrases": [], "accounts": [good]},
        {"phrases": [{}], "keys": [], "accounts": [good]},
    ]
    new = Signer(tmp_path / "vault.json", [])
    for secret in (*secrets, [], 7):
        pieces = Pieces.begin(KEYS)
        piece = base64.b64encode(pieces.seal(json.dumps(secret).encode(), last=False)).decode()
        assert refusal(new, "open_backup", source=SOURCE, header=pieces.header, piece=piece)[0] == "backup-damaged"
    assert not (tmp_path / "vault.json").exists()


def test_a_forgotten_password_leads_to_a_vault_beside(signer, path):
    status = ask(Signer(path, []), "restore_beside", source=SOURCE, **NEW)
    assert status["uncovered"] == [LIFE_ADDRESS, SECOND]
    assert [one["name"] for one in status["accounts"]] == ["", "Ledger"]
    assert signs_as(opened_again(path, "another one"), ALICE)
    old = Vault.open(path.parent / "vault.old-1.json", PASSWORD)
    assert len(old.contents.phrases) == 2 and len(old.contents.keys) == 1


def test_with_the_backup_everything_comes_back_beside(signer, backup, path):
    new = Signer(path, [])
    ask(new, "open_backup", source=SOURCE, header=backup[0], piece=backup[1])
    assert refusal(new, "restore_backup", **NEW, beside=False)[0] == "vault-exists"
    status = ask(new, "restore_backup", **NEW, beside=True)
    assert len(status["accounts"]) == 4 and signs_as(new, LIFE_ADDRESS)
    assert Vault.open(path.parent / "vault.old-1.json", PASSWORD)


def test_another_wallets_phrase_touches_nothing(signer, path):
    before = path.read_bytes()
    other = {**SOURCE, "phrase": OTHER}
    assert refusal(Signer(path, []), "restore_beside", source=other, **NEW) == ("phrase-foreign", {"path": str(path)})
    assert path.read_bytes() == before and sorted(p.name for p in path.parent.glob("vault*")) == ["vault.json"]
    absent = Signer(path.with_name("none.json"), [])
    assert refusal(absent, "restore_beside", source=SOURCE, **NEW)[0] == "vault-missing"


@pytest.mark.parametrize(
    "source",
    [{}, {"phrase": JUNK}, {**SOURCE, "phrase": 7}, {"shares": "x", "passphrase": "", "holds": "", "words": {}}],
)
def test_sources_of_another_shape_are_refused(signer, source):
    assert over_the_pipe(signer, "restore_beside", {"source": source, **NEW})["error"] == "call-refused"


def test_pieces_without_a_beginning_are_refused(path):
    fresh = Signer(path, [])
    assert refusal(fresh, "seal_backup", data="", last=True)[0] == "call-refused"
    assert refusal(fresh, "unseal_backup", piece="", last=True)[0] == "call-refused"
    assert refusal(fresh, "open_backup", source=SOURCE, header="{}", piece="*")[0] in ("backup-damaged", "call-refused")
