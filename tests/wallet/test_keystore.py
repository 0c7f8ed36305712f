"""v3 keystores: everybody's vectors, every legal parameter, and files that were made to do harm."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest
from eth_account import Account

from wallet import keystore
from wallet.errors import KeystoreMalformed, KeystoreUnopened, PasswordUnfit
from wallet.hd import PrivateKey
from wallet.keystore import make_keystore, open_keystore

ROOT = Path(__file__).parents[2]
WALLETS = ROOT / "node_modules/@ethersproject/testcases/testcases/wallets.json.gz"
CASES = [case for case in json.loads(gzip.decompress(WALLETS.read_bytes())) if case["type"] == "secret-storage"]
DEFINED = json.loads((ROOT / "tests/vectors/keystore_v3.json").read_text())
LIFE = next(case for case in CASES if case["name"] == "life")
KEY = PrivateKey(b"\x42" * 32)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_ethers_vectors(case):
    key = open_keystore(case["json"], case["password"])
    assert ("0x" + key.raw.hex(), key.address.lower()) == (case["privateKey"], case["address"])


@pytest.mark.parametrize("name", DEFINED)
def test_vectors_of_the_definition_and_of_geth(name):
    """r=1 p=8 with N=262144 among them; keys of 31 and 30 bytes are those with their leading zeros back."""
    vector = DEFINED[name]
    assert open_keystore(json.dumps(vector["json"]), vector["password"]).raw.hex() == vector["priv"].rjust(64, "0")


@pytest.mark.parametrize(("kdf", "work"), [("scrypt", 2), ("scrypt", 1024), ("pbkdf2", 1), ("pbkdf2", 3000)])
def test_what_eth_account_writes_is_read(kdf, work):
    text = json.dumps(Account.encrypt(KEY.raw, "pass", kdf=kdf, iterations=work))
    assert open_keystore(text, "pass").raw == KEY.raw


def test_what_is_written_is_read_by_others():
    text = make_keystore(KEY, "ｐａｓｓword")
    document = json.loads(text)
    assert document["crypto"]["kdfparams"] | {"salt": ""} == {"dklen": 32, "n": 262144, "r": 8, "p": 1, "salt": ""}
    assert bytes(Account.decrypt(text, "password")) == KEY.raw
    script = (
        "const {Wallet} = require('@ethersproject/wallet'); const [t, p] = JSON.parse(require('fs').readFileSync(0)); "
    )
    script += "process.stdout.write(Wallet.fromEncryptedJsonSync(t, p).privateKey)"
    read = subprocess.run(["node", "-e", script], input=json.dumps([text, "password"]).encode(), capture_output=True,
                          cwd=ROOT, check=True)  # fmt: skip
    assert read.stdout.decode() == "0x" + KEY.raw.hex()
    assert open_keystore(text, "ｐａｓｓword").raw == KEY.raw
    assert make_keystore(KEY, "password") != make_keystore(KEY, "password"), "salt, iv and id are new every time"


def test_a_short_password_protects_nothing():
    with pytest.raises(PasswordUnfit):
        make_keystore(KEY, "seven77")


def test_another_password_or_a_changed_byte_does_not_open_it():
    with pytest.raises(KeystoreUnopened):
        open_keystore(LIFE["json"], "fop")
    document = json.loads(LIFE["json"])
    document["Crypto"]["ciphertext"] = "00" + document["Crypto"]["ciphertext"][2:]
    with pytest.raises(KeystoreUnopened):
        open_keystore(json.dumps(document), LIFE["password"])


def changed(**members):
    document = json.loads(LIFE["json"])
    for name, value in members.items():
        *way, last = name.split("__")
        place = document
        for step in way:
            place = place[step]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return json.dumps(document)


PARAMS = "Crypto__kdfparams__"


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({PARAMS + "n": 2**40}, "n"),
        ({PARAMS + "n": 2**24}, "kdfparams"),
        ({PARAMS + "n": 2**20, PARAMS + "r": 64}, "kdfparams"),
        ({PARAMS + "p": 2**20}, "kdfparams"),
        ({PARAMS + "r": 2**31, PARAMS + "n": 2}, "kdfparams"),
        ({PARAMS + "n": 1000}, "n"),
        ({PARAMS + "n": 1}, "n"),
        ({PARAMS + "n": 0}, "n"),
        ({PARAMS + "n": -8}, "n"),
        ({PARAMS + "n": True}, "n"),
        ({PARAMS + "n": "1024"}, "n"),
        ({PARAMS + "r": 0}, "r"),
        ({PARAMS + "p": 0}, "p"),
        ({PARAMS + "dklen": 31}, "dklen"),
        ({PARAMS + "dklen": 2**31}, "dklen"),
        ({PARAMS + "salt": "zz"}, "salt"),
        ({PARAMS + "salt": "00" * 2000}, "salt"),
        ({PARAMS + "salt": 7}, "salt"),
        ({"Crypto__kdf": "pbkdf2"}, "prf"),
        ({"Crypto__kdf": "pbkdf2", PARAMS + "prf": "hmac-sha256", PARAMS + "c": 10**9}, "c"),
        ({"Crypto__kdf": "pbkdf2", PARAMS + "prf": "hmac-sha256", PARAMS + "c": 0}, "c"),
        ({"Crypto__kdf": "argon2"}, "kdf"),
        ({"Crypto__kdfparams": None}, "kdfparams"),
        ({"Crypto__kdfparams": []}, "kdfparams"),
        ({"Crypto__cipher": "aes-256-ctr"}, "cipher"),
        ({"Crypto__cipherparams__iv": "00" * 17}, "iv"),
        ({"Crypto__ciphertext": "00" * 33}, "ciphertext"),
        ({"Crypto__ciphertext": ""}, "ciphertext"),
        ({"Crypto__mac": None}, "mac"),
        ({"Crypto": None}, "crypto"),
        ({"crypto": {}}, "file"),
        ({"version": 1}, "version"),
        ({"version": True}, "version"),
        ({"address": 7}, "address"),
    ],
)
def test_what_is_out_of_bounds_is_refused_before_any_work(members, field, monkeypatch):
    monkeypatch.setattr(keystore, "scrypt", lambda *_, **__: pytest.fail("work was done"))
    monkeypatch.setattr(keystore.hashlib, "pbkdf2_hmac", lambda *_: pytest.fail("work was done"))
    with pytest.raises(KeystoreMalformed) as caught:
        open_keystore(changed(**members), LIFE["password"])
    assert caught.value.field == field


def test_the_bounds_themselves_are_let_through(monkeypatch):
    asked = []
    monkeypatch.setattr(keystore, "scrypt", lambda *given, **named: asked.append(named) or b"\0" * 32)
    with pytest.raises(KeystoreUnopened):
        open_keystore(changed(**{PARAMS + "n": 2**20, PARAMS + "r": 8, PARAMS + "p": 4}), "x")
    assert asked == [{"N": 2**20, "r": 8, "p": 4}]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 3.0}', "[" * 70_000, '{"version":3,"VERSION":3}'])
def test_what_is_no_keystore_is_refused(text):
    with pytest.raises(KeystoreMalformed):
        open_keystore(text, "x")


def test_an_address_that_is_not_the_keys_is_refused():
    with pytest.raises(KeystoreMalformed) as caught:
        open_keystore(changed(address="00" * 20), LIFE["password"])
    assert caught.value.field == "address"


def test_a_wrong_password_costs_a_derivation_for_each_of_its_spellings(monkeypatch):
    asked = []
    monkeypatch.setattr(keystore, "scrypt", lambda *given, **named: asked.append(given[0]) or b"\0" * 32)
    for password, spellings in (("plain", 1), ("ｗｉｄｅ", 2)):
        asked.clear()
        with pytest.raises(KeystoreUnopened):
            open_keystore(LIFE["json"], password)
        assert len(asked) == spellings


def test_no_key_shows_itself():
    key = open_keystore(LIFE["json"], LIFE["password"])
    assert key.raw.hex() not in repr(key)
