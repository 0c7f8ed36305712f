"""Offline signing with two machines: one has the network and no key, the other the key and no network."""

from __future__ import annotations

import io
import json
import sys

import pytest

from wallet.hd import KeyTree
from wallet.mnemonic import readings

PHRASE = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above"
KEYS = KeyTree(readings(PHRASE)[0].seed("cold"))
COLD, BOB = KEYS.account(0).address, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.fixture
def online(tandem, place, tmp_path):
    """Watches the cold address; has no vault."""
    assert place.operate("devnet", "fund", COLD, "--eth", "2", "--dusd", "9").status == 0
    environ = {"TANDEM_HOME": tmp_path / "online", "TANDEM_SERVER": place.server, "TANDEM_RPC": place.chain}
    return lambda *arguments: tandem(*arguments, "--json", **environ)


@pytest.fixture
def cold(tandem, tmp_path, password_file, monkeypatch, typed):
    """Has the key; every server and node that it could ask is nowhere."""
    environ = {
        "TANDEM_HOME": tmp_path / "cold",
        "TANDEM_PASSWORD_FILE": password_file,
        "TANDEM_SERVER": "http://127.0.0.1:9",
        "TANDEM_RPC": "http://127.0.0.1:9",
    }
    child = typed("restore", "--light", "--passphrase", **environ)
    child.expect("Recovery phrase .*: ")
    child.sendline(PHRASE)
    child.expect("Passphrase: ")
    child.sendline("cold")
    child.expect(COLD)
    child.close()
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    return lambda *arguments: tandem(*arguments, "--json", **environ)


@pytest.mark.parametrize(("amount", "asset"), [("0.5", "ETH"), ("3.25", "DUSD")])
def test_signed_where_the_key_is_and_sent_where_the_network_is(online, cold, tmp_path, amount, asset):
    unsigned, signed = str(tmp_path / "unsigned"), str(tmp_path / "signed")
    written = online("send", amount, asset, BOB, "--from", COLD, "--offline", unsigned)
    assert (written.status, written.json["sender"]) == (0, COLD), written.out
    assert online("send", amount, asset, BOB, "--from", COLD, "--offline", unsigned).json["slug"] == "state-unusable"
    done = cold("sign", unsigned, signed, "--yes")
    assert done.status == 0, done.out
    sent = online("broadcast", signed)
    assert (sent.json["state"], sent.json["transaction"]) == ("done", done.json["transaction"])
    assert online("broadcast", signed).json["state"] == "done", "sent again, it is the same one"


def test_what_was_changed_on_the_way_is_not_signed(online, cold, tmp_path):
    unsigned = tmp_path / "unsigned"
    assert online("send", "0.5", "ETH", BOB, "--from", COLD, "--offline", str(unsigned)).status == 0
    document = json.loads(unsigned.read_text())
    unsigned.write_text(json.dumps({**document, "payload": document["payload"].replace(BOB[2:].lower(), "ab" * 20)}))
    assert cold("sign", str(unsigned), str(tmp_path / "signed"), "--yes").json["field"] == "file"
    assert not (tmp_path / "signed").exists()
    unsigned.write_text(json.dumps({**document, "sender": BOB}))
    assert cold("sign", str(unsigned), str(tmp_path / "signed"), "--yes").json["slug"] == "account-unknown"


def test_what_is_prepared_elsewhere_has_to_be_a_token_for_an_address(online, tmp_path):
    file = str(tmp_path / "unsigned")
    for arguments, slug in (
        (("1", "EUR", BOB), "asset-unknown"),
        (("1", "ETH", "@bob"), "input-malformed"),
        (("1", "ETH", "bob"), "contact-unknown"),
    ):
        assert online("send", *arguments, "--from", COLD, "--offline", file).json["slug"] == slug
    assert online("send", "1", "ETH", BOB, "--from", "nobody", "--offline", file).json["slug"] in (
        "vault-missing",
        "account-unknown",
    )
    online("contacts", "add", "Bob", BOB)
    watched = online("accounts", "watch", COLD, "--name", "Cold").json["accounts"]
    assert [(row["address"], row["watched"]) for row in watched] == [(COLD, True)], "who only watches needs no vault"
    assert online("send", "1", "ETH", "Bob", "--from", "cold", "--offline", file).status == 0
