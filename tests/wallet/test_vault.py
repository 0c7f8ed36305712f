"""The vault: what it keeps, what it refuses before any work, and what is left when the machine stops in between."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from chain.address import Address
from wallet.errors import (
    PasswordUnfit,
    VaultChanged,
    VaultDamaged,
    VaultExists,
    VaultMissing,
    VaultUnopened,
    VaultUnwritten,
)
from wallet.mnemonic import Language, Mnemonic
from wallet.vault import Vault, read_public
from wallet.vault_format import AccountEntry, Contents, Kdf, KeptPhrase, KeptSecret, Profile, Public, canonical, kdf_of

VECTORS = Path(__file__).parents[1] / "vectors"
VERSION_1, VERSION_2, VERSION_3 = (VECTORS / f"vault_v{number}.json" for number in (1, 2, 3))
PASSWORD = "correct horse battery"
CONTENTS = Contents.of(Mnemonic(bytes(range(16)), Language.CHINESE_TRADITIONAL), "a passphrase")
PUBLIC = Public(Address("0x" + "11" * 20), (AccountEntry("m/44'/60'/0'/0/0", Address("0x" + "22" * 20)),), False)
OTHER_ENTRY = {"path": "m/44'/60'/0'/0/0", "address": "0x" + "33" * 20, "phrase": 0, "name": ""}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "vault.json"


@pytest.fixture
def vault(path):
    return Vault.create(path, PASSWORD, CONTENTS, PUBLIC, Profile.LIGHT)


def changed(path, **members):
    document = json.loads(path.read_text())
    for name, value in members.items():
        place, *inner = name.split("__")
        if inner:
            document[place][inner[0]] = value
        else:
            document[place] = value
    path.write_text(json.dumps(document))


def test_gives_back_what_it_was_given(vault, path):
    opened = Vault.open(path, PASSWORD)
    assert (opened.contents, opened.public) == (CONTENTS, PUBLIC)
    assert read_public(path) == PUBLIC


def test_is_readable_by_its_owner_alone(vault, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_holds_no_secret_in_plain(vault, path):
    text = path.read_bytes()
    for secret in (
        CONTENTS.words.entropy,
        CONTENTS.words.entropy.hex().encode(),
        b"passphrase",
        PASSWORD.encode(),
    ):
        assert secret not in text


def test_its_length_does_not_tell_the_phrases(tmp_path):
    sizes = set()
    for count in (12, 24):
        path = tmp_path / str(count) / "vault.json"
        Vault.create(path, PASSWORD, Contents.of(Mnemonic.generate(count)), PUBLIC, Profile.LIGHT)
        sizes.add(path.stat().st_size)
    assert len(sizes) == 1


def test_never_takes_the_place_of_a_vault(vault, path):
    before = path.read_bytes()
    with pytest.raises(VaultExists):
        Vault.create(path, PASSWORD, CONTENTS, PUBLIC, Profile.LIGHT)
    assert path.read_bytes() == before


def test_the_password_is_the_same_from_every_keyboard(path):
    Vault.create(path, "ｐａｓｓ１２３４é", CONTENTS, PUBLIC, Profile.LIGHT)
    assert Vault.open(path, "pass1234e\u0301").contents == CONTENTS


@pytest.mark.parametrize("password", ["", "seven77", "x" * 1025])
def test_unfit_passwords_are_refused(path, password):
    with pytest.raises(PasswordUnfit):
        Vault.create(path, password, CONTENTS, PUBLIC, Profile.LIGHT)
    assert not path.exists()


def tampered_ciphertext(path):
    sealed = bytearray(base64.b64decode(json.loads(path.read_text())["ciphertext"]))
    sealed[5] ^= 1
    changed(path, ciphertext=base64.b64encode(sealed).decode())


@pytest.mark.parametrize(
    "tamper",
    [
        tampered_ciphertext,
        lambda path: changed(path, ciphertext=""),
        lambda path: changed(path, backed_up=True),
        lambda path: changed(path, root="0x" + "33" * 20),
        lambda path: changed(path, accounts=[OTHER_ENTRY]),
        lambda path: changed(path, accounts=[{**OTHER_ENTRY, "address": "0x" + "22" * 20, "name": "Savings"}]),
        lambda path: changed(path, kdf__salt="00" * 16),
        lambda path: changed(path, kdf__passes=3),
        lambda path: changed(path, kdf__lanes=2),
        lambda path: changed(path, cipher__nonce="00" * 12),
    ],
)
def test_tampering_looks_like_a_wrong_password(vault, path, tamper):
    with pytest.raises(VaultUnopened) as wrong:
        Vault.open(path, "wrong " + PASSWORD)
    tamper(path)
    with pytest.raises(VaultUnopened) as tampered:
        Vault.open(path, PASSWORD)
    assert repr(wrong.value) == repr(tampered.value)


def test_a_wrong_password_takes_as_long_as_tampering(vault, path):
    def took(password):
        started = time.process_time()
        with pytest.raises(VaultUnopened):
            Vault.open(path, password)
        return time.process_time() - started

    wrong = min(took("wrong password") for _ in range(5))
    tampered_ciphertext(path)
    tampered = min(took(PASSWORD) for _ in range(5))
    assert 0.3 < wrong / tampered < 3  # CPU: both are the Argon2; an early exit would be a hundred times faster


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"kdf__memory_kib": 19 * 1024 - 1}, "memory_kib"),
        ({"kdf__memory_kib": 1024 * 1024 + 1}, "memory_kib"),
        ({"kdf__memory_kib": 19456.0}, "floats"),
        ({"kdf__memory_kib": True}, "memory_kib"),
        ({"kdf__passes": 1}, "passes"),
        ({"kdf__passes": 11}, "passes"),
        ({"kdf__lanes": 0}, "lanes"),
        ({"kdf__lanes": 17}, "lanes"),
        ({"kdf__salt": "00" * 15}, "salt"),
        ({"kdf__salt": "0G" * 16}, "salt"),
        ({"kdf__name": "scrypt"}, "derivation"),
        ({"kdf__more": 1}, "derivation"),
        ({"cipher__name": "none"}, "cipher"),
        ({"cipher__nonce": "00"}, "nonce"),
        ({"version": 4}, "version"),
        ({"version": True}, "version"),
        ({"format": "other"}, "no vault"),
        ({"more": 1}, "parts"),
        ({"backed_up": 1}, "parts"),
        ({"ciphertext": "***"}, "ciphertext"),
        ({"ciphertext": 7}, "ciphertext"),
        ({"root": "0x12"}, "malformed"),
        ({"accounts": []}, "accounts"),
        ({"accounts": [{**OTHER_ENTRY, "path": "m/x"}]}, "malformed"),
        ({"accounts": [{**OTHER_ENTRY, "path": ""}]}, "malformed"),
        ({"accounts": [{**OTHER_ENTRY, "phrase": None}]}, "malformed"),
        ({"accounts": [{**OTHER_ENTRY, "phrase": 16}]}, "malformed"),
        ({"accounts": [{**OTHER_ENTRY, "phrase": True}]}, "malformed"),
        ({"accounts": [{**OTHER_ENTRY, "name": "a\u202eb"}]}, "malformed"),
        ({"accounts": [{**OTHER_ENTRY, "name": 7}]}, "malformed"),
        ({"accounts": [{"path": "m/44'/60'/0'/0/0", "address": "0x" + "22" * 20}]}, "malformed"),
    ],
)
def test_what_is_out_of_bounds_is_refused_before_any_work(vault, path, members, reason, monkeypatch):
    changed(path, **members)
    monkeypatch.setattr(Kdf, "key", lambda *_: pytest.fail("work was done"))
    with pytest.raises(VaultDamaged) as caught:
        Vault.open(path, PASSWORD)
    assert reason in caught.value.reason or reason == "floats"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"format": 1, "format": 2}', "[" * 100_000, "x" * 1_100_000, "\xff"]
)
def test_what_is_no_vault_is_refused(path, text):
    path.parent.mkdir()
    path.write_text(text, encoding="latin-1")
    with pytest.raises(VaultDamaged):
        Vault.open(path, PASSWORD)
    with pytest.raises(VaultDamaged):
        read_public(path)


def test_no_vault_is_said_so(path):
    with pytest.raises(VaultMissing):
        Vault.open(path, PASSWORD)


def test_the_public_part_changes_without_the_password(vault, path):
    nonce = json.loads(path.read_text())["cipher"]["nonce"]
    vault.update(lambda public: replace(public, backed_up=True))
    assert read_public(path).backed_up
    assert Vault.open(path, PASSWORD).public.backed_up
    assert json.loads(path.read_text())["cipher"]["nonce"] != nonce


def test_two_holders_of_a_vault_do_not_undo_each_other(vault, path):
    other = Vault.open(path, PASSWORD)
    other.update(lambda public: replace(public, backed_up=True))
    more = AccountEntry("m/44'/60'/0'/0/1", Address("0x" + "44" * 20))
    vault.update(lambda public: replace(public, accounts=(*public.accounts, more)))
    assert Vault.open(path, PASSWORD).public == Public(PUBLIC.root, (*PUBLIC.accounts, more), True)


def test_an_update_does_not_trust_a_changed_header(vault, path):
    changed(path, root="0x" + "33" * 20)
    with pytest.raises(VaultUnopened):
        vault.update(lambda public: replace(public, backed_up=True))


def test_an_update_refuses_a_file_under_another_password(vault, path):
    path.unlink()
    Vault.create(path, "another password", CONTENTS, PUBLIC, Profile.LIGHT)
    before = path.read_bytes()
    with pytest.raises(VaultChanged):
        vault.update(lambda public: replace(public, backed_up=True))
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(VaultUnwritten):
        Vault.create(tmp_path / "file" / "vault.json", PASSWORD, CONTENTS, PUBLIC, Profile.LIGHT)


def test_the_standard_profile_is_the_designs():
    standard, light = Kdf.fresh(Profile.STANDARD), Kdf.fresh(Profile.LIGHT)
    assert (standard.memory_kib, standard.passes, standard.lanes) == (256 * 1024, 3, 4)
    assert (light.memory_kib, light.passes, light.lanes) == (19 * 1024, 2, 1)
    assert standard.salt != Kdf.fresh(Profile.STANDARD).salt


def kept(path, vector):
    path.parent.mkdir()
    path.write_bytes(vector.read_bytes())
    return Vault.open(path, "correct horse")


def test_a_file_of_version_1_opens_for_ever(path):
    opened = kept(path, VERSION_1)
    assert opened.contents.words.text == "test test test test test test test test test test test junk"
    assert opened.public.backed_up
    assert opened.public.accounts[0] == AccountEntry("m/44'/60'/0'/0/0", Address(opened.public.accounts[0].address))


def test_a_file_of_version_2_opens_for_ever(path):
    opened = kept(path, VERSION_2)
    first, second, third = opened.contents.phrases
    assert first.mnemonic.text == "test test test test test test test test test test test junk"
    assert (second, third) == (KeptPhrase(Mnemonic(bytes(16), Language.JAPANESE), "日本"), KeptSecret(bytes(range(32))))
    assert opened.contents.keys == (b"\x42" * 32,)
    assert [(entry.name, entry.phrase) for entry in opened.public.accounts] == [("日常", 0), ("", 2), ("Old key", None)]


def test_a_file_of_version_3_opens_for_ever(path):
    """With the policy that its head holds, which is authenticated with everything else in it."""
    opened = kept(path, VERSION_3)
    policy = opened.public.policy
    assert policy is not None and (policy.id, policy.serial, policy.server) == (
        "0123456789abcdef" * 2,
        3,
        "localhost:8000",
    )
    assert [(rule.id, rule.verdict, rule.client) for rule in policy.rules] == [
        ("r1", "allow", "https://app.example"),
        ("r2", "deny", "*"),
    ]
    for change in ('"deny"', '"10000000"'):
        document = VERSION_3.read_text()
        assert change in document
        path.write_text(document.replace(change, '"ask"' if change == '"deny"' else '"99000000"', 1))
        with pytest.raises(VaultUnopened):
            Vault.open(path, "correct horse")


def test_an_old_file_is_taken_up_whole_by_its_first_change(path):
    vault = kept(path, VERSION_1)
    before = Vault.open(path, "correct horse")
    assert path.read_bytes() == VERSION_1.read_bytes(), "opening changes nothing"
    vault.update(lambda public: public)
    assert json.loads(path.read_text())["version"] == 3
    after = Vault.open(path, "correct horse")
    assert (after.contents, after.public) == (before.contents, before.public)


def test_a_file_of_version_1_with_more_in_it_is_not_read_as_less(path):
    """The first version's program wrote one phrase and no key: what has more was made by nobody we know."""
    path.parent.mkdir()
    document = json.loads(VERSION_1.read_text())
    kdf = kdf_of(path, document)
    document.pop("ciphertext")
    two = Contents((KeptPhrase(CONTENTS.words), KeptPhrase(CONTENTS.words, "x")))
    sealed = ChaCha20Poly1305(kdf.key("correct horse")).encrypt(
        bytes.fromhex(document["cipher"]["nonce"]), two.plaintext(), canonical(document)
    )
    path.write_text(json.dumps({**document, "ciphertext": base64.b64encode(sealed).decode()}))
    with pytest.raises(VaultDamaged, match="later version"):
        Vault.open(path, "correct horse")


def test_another_password_makes_another_key_and_keeps_everything(vault, path):
    salt = json.loads(path.read_text())["kdf"]["salt"]
    other = Vault.open(path, PASSWORD)
    vault.rekey("another password", Profile.LIGHT)
    assert json.loads(path.read_text())["kdf"]["salt"] != salt
    with pytest.raises(VaultUnopened):
        Vault.open(path, PASSWORD)
    opened = Vault.open(path, "another password")
    assert (opened.contents, opened.public) == (CONTENTS, PUBLIC)
    vault.update(lambda public: replace(public, backed_up=True))
    with pytest.raises(VaultChanged):
        other.refresh()
    with pytest.raises(PasswordUnfit):
        vault.rekey("seven77", Profile.LIGHT)
    assert Vault.open(path, "another password").public.backed_up


def test_what_another_holder_wrote_is_taken_up(vault, path):
    other = Vault.open(path, PASSWORD)
    assert other.refresh() is False
    vault.change(lambda public, contents: (public, replace(contents, keys=(b"\x42" * 32,))))
    assert other.refresh() is True
    assert other.contents.keys == (b"\x42" * 32,)
    assert other.refresh() is False


def test_a_vault_beside_an_old_one_loses_neither(vault, path):
    before = path.read_bytes()
    contents = Contents.of(Mnemonic(bytes(32)))
    for number in (1, 2):
        Vault.create(path, f"password {number}", contents, PUBLIC, Profile.LIGHT, beside=True)
    assert (path.parent / "vault.old-1.json").read_bytes() == before
    assert Vault.open(path.parent / "vault.old-2.json", "password 1").contents == contents
    assert Vault.open(path, "password 2").contents == contents
    assert stat.S_IMODE((path.parent / "vault.old-1.json").stat().st_mode) == 0o600


def test_secrets_stay_out_of_repr(vault):
    shown = repr(vault)
    assert CONTENTS.words.entropy.hex() not in shown
    assert "passphrase" not in shown
    assert vault._key.hex() not in shown and repr(vault._key) not in shown


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from wallet.vault import Vault
vault = Vault.open(Path(sys.argv[1]), sys.argv[2])
print("ready", flush=True)
while True:
    vault.update(lambda public: replace(public, backed_up=not public.backed_up))
"""


def test_who_is_killed_while_writing_leaves_the_old_file_or_the_new(vault, path):
    seen = set()
    for round_ in range(12):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path, PASSWORD], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(0.002 * round_)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        opened = Vault.open(path, PASSWORD)
        assert opened.contents == CONTENTS
        seen.add(opened.public.backed_up)
    vault.update(lambda public: public)
    assert {entry.name for entry in path.parent.iterdir()} == {"vault.json", ".vault.json.lock"}  # leftovers are gone


def test_two_who_create_at_once_make_one_vault(path):
    code = (
        "import sys; from pathlib import Path; from wallet.mnemonic import Mnemonic; "
        "from wallet.vault import *; from wallet.vault_format import *; "
        "from chain.address import Address; a = Address('0x' + '11' * 20); "
        "Vault.create(Path(sys.argv[1]), 'password', Contents.of(Mnemonic.generate(12)), "
        "Public(a, (AccountEntry('m/0', a),), False), Profile.LIGHT)"
    )
    racers = [subprocess.Popen([sys.executable, "-c", code, path], stderr=subprocess.PIPE) for _ in range(3)]
    errors = [racer.communicate()[1] for racer in racers]
    assert sorted(racer.returncode for racer in racers) == [0, 1, 1]
    assert sum(b"VaultExists" in error for error in errors) == 2
    Vault.open(path, "password")
