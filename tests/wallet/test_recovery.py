"""Shares out of the signer and back in, and the drill: what a backup opens, without showing it."""

from __future__ import annotations

import json

import pytest
from eth_account import Account

from tests.wallet.test_keeper import JUNK, KEYS, LIFE, LIFE_ADDRESS, OTHER, PASSWORD, ask, refusal, signs_as
from wallet.hd import KeyTree
from wallet.mnemonic import Language, Mnemonic, Seed, readings
from wallet.shares import combine
from wallet.signer import Signer

EIGHTEEN = [  # a share of 18 bytes, which the standard allows and BIP-39 does not
    "hand wisdom academic academic acid graduate acrobat dive craft element broken "
    "writing work else downtown corner ceiling reward eclipse behavior alive paid"
]
WORDS = {"language": "english", "passphrase": ""}
ALICE = KEYS.account(0).address


@pytest.fixture
def signer(tmp_path):
    return restored(tmp_path / "vault.json")


def restored(path, phrase=JUNK, passphrase="", language=""):
    signer = Signer(path, [])
    given = {"phrase": phrase, "language": language, "passphrase": passphrase}
    ask(signer, "restore", **given, password=PASSWORD, profile="light")
    return signer


def shares_of(signer, passphrase=""):
    made = ask(signer, "split", password=PASSWORD, threshold=1, groups=[[2, 3]], passphrase=passphrase)
    return made, made["groups"][0][:2]


def test_a_phrase_comes_back_out_of_its_shares(signer, tmp_path):
    made, two = shares_of(signer)
    assert (made["holds"], made["language"]) == ("phrase", "english")
    again = Signer(tmp_path / "again" / "vault.json", [])
    given = {"shares": two, "passphrase": "", "holds": "phrase", "words": WORDS}
    status = ask(again, "restore_shares", **given, password=PASSWORD, profile="light")
    assert status["accounts"][0]["address"] == ALICE and status["backed_up"]
    assert " ".join(ask(again, "reveal", password=PASSWORD)["words"]) == JUNK
    assert refusal(again, "restore_shares", **given, password=PASSWORD, profile="light")[0] == "vault-exists"


def test_a_phrase_of_another_language_and_its_passphrase_come_back_if_both_are_told(tmp_path):
    phrase = Mnemonic(bytes(16), Language.JAPANESE)
    signer = restored(tmp_path / "one.json", phrase.text, "日本", "japanese")
    made, two = shares_of(signer, "ascii only")
    assert made["language"] == "japanese"
    words = {"language": "japanese", "passphrase": "日本"}
    given = {"shares": two, "passphrase": "ascii only", "holds": "phrase", "words": words}
    assert ask(signer, "prove_shares", **given)["root"]
    for wrong in ({"words": WORDS}, {"words": {**words, "passphrase": ""}}, {"passphrase": ""}, {"holds": "wallet"}):
        proved = ask(signer, "prove_shares", **{**given, **wrong})
        assert (proved["root"], proved["covered"]) == (False, [])


def test_shares_alone_are_a_wallet_as_the_standard_says(tmp_path, signer):
    _made, two = shares_of(signer)
    wallet = Signer(tmp_path / "wallet" / "vault.json", [])
    given = {"shares": two, "passphrase": "", "holds": "wallet", "words": WORDS}
    status = ask(wallet, "restore_shares", **given, password=PASSWORD, profile="light")
    account = KeyTree(Seed(combine(two, ""))).account(0).address
    assert status["accounts"][0]["address"] == account != ALICE and signs_as(wallet, account)
    assert refusal(wallet, "reveal", password=PASSWORD)[0] == "phrase-absent"
    assert refusal(wallet, "prove_backup", words={"1": "a", "2": "b", "3": "c"})[0] == "phrase-absent"
    assert refusal(wallet, "find", phrase=0, passphrase="x", address=ALICE, paths=["m"])[0] == "input-malformed"
    again = ask(wallet, "split", password=PASSWORD, threshold=1, groups=[[1, 1]], passphrase="")
    assert again["holds"] == "wallet" and combine(again["groups"][0], "") == combine(two, "")


def test_shares_need_the_password(signer):
    given = {"threshold": 1, "groups": [[2, 3]], "passphrase": ""}
    assert refusal(signer, "split", password="wrong password", **given)[0] == "vault-unopened"
    for groups in ([[2]], [[2, "3"]], ["2of3"], [[2, True]]):
        odd = {**given, "groups": groups}
        assert refusal(signer, "split", password=PASSWORD, **odd)[0] == "call-refused"


def test_a_secret_that_is_no_phrases_is_said_so(tmp_path):
    shares = EIGHTEEN
    given = {"shares": shares, "passphrase": "", "holds": "phrase", "words": WORDS}
    signer = Signer(tmp_path / "vault.json", [])
    refused = refusal(signer, "restore_shares", **given, password=PASSWORD, profile="light")
    assert refused == ("shares-unfit", {"reason": "what they hold is no recovery phrase"})
    for wrong in (
        {"holds": "both"},
        {"shares": [1]},
        {"words": {"language": "english"}},
        {"words": {**WORDS, "x": ""}},
    ):
        odd = {**given, **wrong}
        assert refusal(signer, "restore_shares", **odd, password=PASSWORD, profile="light")[0] == "call-refused"


def test_a_drill_says_what_a_phrase_covers_and_needs_no_password(signer, tmp_path):
    ask(signer, "add_account")
    ask(signer, "add_keystore", document=LIFE, keystore_password="foo", name="")
    ask(signer, "add_phrase", phrase=OTHER, language="", passphrase="", name="")
    second = KeyTree(readings(OTHER)[0].seed()).account(0).address
    locked = Signer(tmp_path / "vault.json", [])
    own = [ALICE, KEYS.account(1).address]
    assert ask(locked, "prove", phrase=JUNK, passphrase="") == {
        "root": True,
        "covered": own,
        "uncovered": [LIFE_ADDRESS, second],
    }
    assert ask(locked, "prove", phrase=OTHER, passphrase="") == {
        "root": False,
        "covered": [second],
        "uncovered": [*own, LIFE_ADDRESS],
    }
    assert ask(locked, "prove", phrase=JUNK, passphrase="x")["covered"] == []
    assert refusal(locked, "prove", phrase="test " * 12, passphrase="")[0] == "checksum-wrong"
    assert locked.keyring is None, "a drill leaves nothing open"
    assert refusal(Signer(tmp_path / "no.json", []), "prove", phrase=JUNK, passphrase="")[0] == "vault-missing"


def test_a_drill_answers_with_no_secret(signer):
    _made, two = shares_of(signer)
    shown = json.dumps(ask(signer, "prove_shares", shares=two, passphrase="", holds="phrase", words=WORDS))
    assert "junk" not in shown and readings(JUNK)[0].entropy.hex() not in shown
    assert bytes(Account.from_key(KEYS.account(0).raw).key).hex() not in shown
