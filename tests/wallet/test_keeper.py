"""The signer's other half: several phrases, imported keys, names and order, and what another signer wrote meanwhile."""

from __future__ import annotations

import json

import pytest
from eth_account import Account

from chain.address import Address
from chain.transaction import TransactionRequest
from wallet.frames import pack, result, unpack
from wallet.hd import BACKUP_PATH, ROOT_PATH, DerivationPath, KeyTree
from wallet.mnemonic import Mnemonic, readings
from wallet.signer import Signer, answer
from wallet.vault import Vault

JUNK = "test test test test test test test test test test test junk"
OTHER = "legal winner thank year wave sausage worth useful legal winner thank yellow"
PASSWORD = "correct horse battery"
KEYS = KeyTree(readings(JUNK)[0].seed())
ALICE = KEYS.account(0).address
LIFE = json.dumps(Account.encrypt(b"\x42" * 32, "foo", kdf="scrypt", iterations=2))
LIFE_ADDRESS = Address("0x17c5185167401eD00cF5F5b2fc97D9BBfDb7D025")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
REQUEST = TransactionRequest(31337, BOB, 1, nonce=0, max_priority_fee_per_gas=1, max_fee_per_gas=2, gas=21000)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "vault.json"


@pytest.fixture
def signer(path):
    signer = Signer(path, [])
    ask(signer, "restore", phrase=JUNK, language="", passphrase="", password=PASSWORD, profile="light")
    return signer


def over_the_pipe(signer, call, arguments):
    request = unpack(pack({"call": call, "with": arguments})[4:])
    return unpack(pack(answer(signer, request))[4:])


def ask(signer, call, **arguments):
    return result(over_the_pipe(signer, call, arguments))


def refusal(signer, call, **arguments):
    refused = over_the_pipe(signer, call, arguments)
    return refused["error"], refused["fields"]


def signs_as(signer, account):
    digest = "0x" + REQUEST.signing_hash.hex()
    signed = ask(
        signer, "sign_transaction", payload="0x" + REQUEST.unsigned_payload.hex(), account=account, digest=digest
    )
    return Account.recover_transaction(signed["raw"]) == account


def names(status):
    return [(one["name"], one["address"]) for one in status["accounts"]]


def opened_again(path, password=PASSWORD):
    again = Signer(path, [])
    ask(again, "unlock", password=password)
    return again


# Phrases


def test_a_second_phrase_signs_beside_the_first_and_the_root_stays(signer, path):
    root = ask(signer, "status")["root"]
    status = ask(signer, "add_phrase", phrase=OTHER, language="", passphrase="", name="Second")
    second = KeyTree(readings(OTHER)[0].seed()).account(0).address
    assert status["root"] == root
    assert status["accounts"][1] == {"path": "m/44'/60'/0'/0/0", "address": second, "phrase": 1, "name": "Second"}
    for one in (signer, opened_again(path)):
        assert signs_as(one, second) and signs_as(one, ALICE)


def test_the_same_words_with_a_passphrase_are_another_phrase(signer):
    status = ask(signer, "add_phrase", phrase=JUNK, language="", passphrase="x", name="")
    hidden = KeyTree(readings(JUNK)[0].seed("x")).account(0).address
    assert status["accounts"][1]["address"] == hidden and signs_as(signer, hidden)
    assert refusal(signer, "add_phrase", phrase=JUNK, language="", passphrase="x", name="") == (
        "phrase-known",
        {"number": 2},
    )


def test_a_phrase_is_read_as_strictly_as_by_restore(signer):
    before = ask(signer, "status")
    wrong = OTHER.replace("yellow", "winner")
    assert refusal(signer, "add_phrase", phrase=wrong, language="", passphrase="", name="")[0] == "checksum-wrong"
    assert ask(signer, "status") == before


def test_the_first_phrase_is_the_one_that_is_shown_and_proved(signer):
    ask(signer, "add_phrase", phrase=OTHER, language="", passphrase="", name="")
    assert " ".join(ask(signer, "reveal", password=PASSWORD)["words"]) == JUNK
    assert ask(signer, "prove_backup", words={"1": "test", "2": "test", "12": "junk"})["backed_up"]


def test_a_vault_is_bounded(signer, path):
    for number in range(1, 16):
        phrase = Mnemonic(bytes([number]) * 16).text
        ask(signer, "add_phrase", phrase=phrase, language="", passphrase="", name="")
    full = refusal(signer, "add_phrase", phrase=OTHER, language="", passphrase="", name="")
    assert full == ("vault-full", {"what": "phrases", "count_max": 16})
    assert len(ask(opened_again(path), "status")["accounts"]) == 16


# Paths


def test_any_path_can_be_an_account(signer, path):
    live, odd = "m/44'/60'/3'/0/0", "m/1/2/3/4/5/6/7/8/9/10"
    status = ask(signer, "add_paths", phrase=0, paths=[live, odd], name="Ledger")
    assert [(one["path"], one["name"]) for one in status["accounts"][1:]] == [(live, "Ledger"), (odd, "")]
    for text in (live, odd):
        assert signs_as(opened_again(path), KEYS.key(DerivationPath(text)).address)


@pytest.mark.parametrize(
    "text", [ROOT_PATH, BACKUP_PATH, "m/44'/60'/7265'", "m/44'/60'/7265'/0/0", "m/44'/60'/07265'/0'"]
)
def test_the_ledgers_keys_are_no_accounts(signer, text):
    for call, more in (("add_paths", {"name": ""}), ("addresses", {})):
        assert refusal(signer, call, phrase=0, paths=[text], **more)[0] == "input-malformed"
    root = ask(signer, "status")["root"]
    assert ask(signer, "find", phrase=0, passphrase="", address=root, paths=[text]) == {"path": ""}


def test_an_account_is_there_once(signer):
    first = "m/44'/60'/0'/0/0"
    known = ("account-known", {"address": ALICE})
    assert refusal(signer, "add_paths", phrase=0, paths=[first], name="") == known
    for twice in (["m/0", "m/0"], ["m/0", "m/00"]):
        assert refusal(signer, "add_paths", phrase=0, paths=twice, name="")[0] == "account-known"
    ask(signer, "add_phrase", phrase=OTHER, language="", passphrase="", name="")
    assert refusal(signer, "add_paths", phrase=2, paths=["m/0"], name="")[0] == "input-malformed"


def test_the_next_account_fills_the_first_gap_of_the_first_phrase(signer):
    ask(signer, "add_paths", phrase=0, paths=["m/44'/60'/0'/0/2"], name="")
    ask(signer, "add_phrase", phrase=OTHER, language="", passphrase="", name="")
    ask(signer, "add_account")
    assert ask(signer, "add_account")["accounts"][-1]["path"] == "m/44'/60'/0'/0/3"


def test_looking_keeps_nothing(signer, path):
    before = path.read_bytes()
    paths = [f"m/44'/60'/{n}'/0/0" for n in range(1000)]
    found = ask(signer, "addresses", phrase=0, paths=paths)["addresses"]
    assert found[7] == KEYS.derived(DerivationPath(paths[7])).address
    assert ask(signer, "find", phrase=0, passphrase="", address=found[999], paths=paths) == {"path": paths[999]}
    assert ask(signer, "find", phrase=0, passphrase="x", address=found[999], paths=paths) == {"path": ""}
    assert path.read_bytes() == before
    assert refusal(signer, "addresses", phrase=0, paths=[*paths, "m/0"])[0] == "call-refused"
    assert refusal(signer, "find", phrase=0, passphrase="", address=ALICE, paths=[*paths, "m"])[0] == "call-refused"


def test_a_passphrase_is_found_by_the_address_that_it_gives(signer):
    hidden = KeyTree(readings(JUNK)[0].seed("héllo")).account(4).address
    paths = [f"m/44'/60'/0'/0/{n}" for n in range(10)]
    found = [ask(signer, "find", phrase=0, passphrase=p, address=hidden, paths=paths) for p in ("a", "héllo")]
    assert found == [{"path": ""}, {"path": paths[4]}]


# Imported keys


def test_an_imported_key_signs_and_is_no_part_of_any_phrase(signer, path):
    status = ask(signer, "add_keystore", document=LIFE, keystore_password="foo", name="Old key")
    assert status["accounts"][1] == {"path": "", "address": LIFE_ADDRESS, "phrase": None, "name": "Old key"}
    assert signs_as(signer, LIFE_ADDRESS) and signs_as(opened_again(path), LIFE_ADDRESS)
    assert ("42" * 32).encode() not in path.read_bytes()
    again = refusal(signer, "add_keystore", document=LIFE, keystore_password="foo", name="")
    assert again == ("account-known", {"address": LIFE_ADDRESS})
    assert refusal(signer, "add_keystore", document=LIFE, keystore_password="bar", name="")[0] == "keystore-unopened"


def test_a_bare_key_comes_in_like_one_of_a_keystore(signer, path):
    status = ask(signer, "import_key", key=" 0x" + "42" * 32 + "\n", name="Old key")
    assert status["accounts"][1] == {"path": "", "address": LIFE_ADDRESS, "phrase": None, "name": "Old key"}
    assert signs_as(signer, LIFE_ADDRESS) and signs_as(opened_again(path), LIFE_ADDRESS)
    assert refusal(signer, "import_key", key="42" * 32, name="")[0] == "account-known"
    assert refusal(signer, "import_key", key=KEYS.root().raw.hex(), name="")[0] == "account-known", "the root's"
    for text in ("", "42" * 31, "00" * 32, "ff" * 32, "４" * 64):
        code, facts = refusal(signer, "import_key", key=text, name="")
        assert code == "input-malformed" and facts["text"] == "***", "what was typed is not repeated"


def test_the_root_key_does_not_come_back_in_as_an_account(signer):
    document = json.dumps(Account.encrypt(KEYS.root().raw, "foo", kdf="scrypt", iterations=2))
    assert refusal(signer, "add_keystore", document=document, keystore_password="foo", name="")[0] == "account-known"


def test_an_account_leaves_as_a_keystore_for_the_password_alone(signer, path):
    given = {"account": ALICE, "password": PASSWORD, "keystore_password": "another one"}
    document = ask(Signer(path, []), "make_keystore", **given)["document"]
    assert bytes(Account.decrypt(document, "another one")) == KEYS.account(0).raw
    wrong = {**given, "password": "wrong password"}
    assert refusal(signer, "make_keystore", **wrong)[0] == "vault-unopened"
    root = {**given, "account": KEYS.root().address}
    assert refusal(signer, "make_keystore", **root)[0] == "account-unknown"


# Names, order


def test_names_and_order_are_the_persons(signer, path):
    for _ in range(2):
        ask(signer, "add_account")
    addresses = [one["address"] for one in ask(signer, "status")["accounts"]]
    status = ask(signer, "edit_account", account=addresses[2], change={"name": "日常", "position": 0})
    assert names(status) == [("日常", addresses[2]), ("", addresses[0]), ("", addresses[1])]
    status = ask(signer, "edit_account", account=addresses[2], change={"position": 2})
    assert names(status)[2] == ("日常", addresses[2])
    assert names(ask(signer, "edit_account", account=addresses[2], change={"name": ""}))[2] == ("", addresses[2])
    assert ask(opened_again(path), "status")["accounts"] == ask(signer, "status")["accounts"]


def test_no_two_accounts_have_names_that_pass_for_each_other(signer):
    ask(signer, "add_account")
    first, second = (one["address"] for one in ask(signer, "status")["accounts"])
    ask(signer, "edit_account", account=first, change={"name": "Savings"})
    for alike in ("savings", "Sav1ngs", "Sävings", "SAVlNGS"):
        refused = refusal(signer, "edit_account", account=second, change={"name": alike})
        assert refused == ("name-taken", {"name": alike, "other": "Savings"})
    ask(signer, "edit_account", account=first, change={"name": "savings"})  # its own
    cases = ({"position": 2}, {"position": -1}, {"name": "a\u202eb"}, {"name": "0x12"})
    assert {refusal(signer, "edit_account", account=first, change=c)[0] for c in cases} == {"input-malformed"}
    assert refusal(signer, "edit_account", account="0x" + "ab" * 20, change={"position": 0})[0] == "account-unknown"
    for change in ({"name": 7}, {"position": "1"}, {"position": True}, {"colour": "red"}):
        assert refusal(signer, "edit_account", account=first, change=change)[0] == "call-refused"


# Other signers


def test_what_another_signer_wrote_is_taken_up_without_a_password(signer, path):
    other = opened_again(path)
    ask(other, "add_keystore", document=LIFE, keystore_password="foo", name="")
    assert signs_as(signer, LIFE_ADDRESS)
    assert len(ask(signer, "status")["accounts"]) == 2


def test_a_changed_password_locks_whoever_has_the_vault_open(signer, path):
    other = opened_again(path)
    given = {"password": PASSWORD, "new_password": "another one", "profile": "light"}
    assert ask(signer, "change_password", **given)["unlocked"] and signs_as(signer, ALICE)
    payload = {"payload": "0x" + REQUEST.unsigned_payload.hex(), "account": ALICE, "digest": "0x"}
    assert refusal(other, "sign_transaction", **payload)[0] == "vault-changed"
    assert refusal(other, "sign_transaction", **payload)[0] == "signer-locked"
    assert ask(other, "status")["unlocked"] is False
    assert refusal(other, "unlock", password=PASSWORD)[0] == "vault-unopened"
    assert ask(other, "unlock", password="another one")["unlocked"]
    assert refusal(signer, "change_password", **given)[0] == "vault-unopened"
    short = {**given, "password": "another one", "new_password": "short"}
    assert refusal(signer, "change_password", **short)[0] == "password-unfit"
    odd = {**given, "password": "another one", "profile": "heavy"}
    assert refusal(signer, "change_password", **odd)[0] == "call-refused"
    assert Vault.open(path, "another one").contents.words.text == JUNK


def test_status_of_a_vault_under_another_password_is_locked(signer, path):
    other = opened_again(path)
    ask(signer, "change_password", password=PASSWORD, new_password="another one", profile="light")
    assert ask(other, "status")["unlocked"] is False


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("add_account", {}),
        ("add_paths", {"phrase": 0, "paths": ["m/0"], "name": ""}),
        ("edit_account", {"account": ALICE, "change": {"name": "x"}}),
        ("addresses", {"phrase": 0, "paths": ["m/0"]}),
        ("find", {"phrase": 0, "passphrase": "", "address": ALICE, "paths": ["m/0"]}),
        ("add_phrase", {"phrase": OTHER, "language": "", "passphrase": "", "name": ""}),
        ("add_keystore", {"document": LIFE, "keystore_password": "foo", "name": ""}),
    ],
)
def test_without_a_password_nothing_changes(signer, path, call, arguments):
    before = path.read_bytes()
    assert refusal(Signer(path, []), call, **arguments)[0] == "signer-locked"
    assert path.read_bytes() == before


def test_what_crosses_is_of_the_shape_that_is_told(signer):
    for paths in ([], [1], [None]):
        assert refusal(signer, "add_paths", phrase=0, paths=paths, name="")[0] == "call-refused"
    assert refusal(signer, "addresses", phrase=-1, paths=["m"])[0] == "input-malformed"


def test_secrets_stay_out_of_repr(signer):
    ask(signer, "add_keystore", document=LIFE, keystore_password="foo", name="")
    shown = repr(signer) + repr(signer.keyring) + repr(signer.keyring.vault) + repr(signer.keyring.vault.contents)
    assert "42" * 16 not in shown and "junk" not in shown and KEYS.account(0).raw.hex() not in shown
