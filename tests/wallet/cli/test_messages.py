"""`tandem sign-message` and `verify-message`, held against eth-account."""

from __future__ import annotations

import io
import sys

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from wallet.siwe import SignInText

JUNK = "test test test test test test test test test test test junk"
ALICE, BOB = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.fixture
def run(tandem, password_file, monkeypatch):
    def call(*arguments, stdin=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        return tandem(*arguments, "--json", TANDEM_PASSWORD_FILE=password_file)

    assert call("restore", "--light", stdin=JUNK).status == 0
    return call


def test_what_is_signed_is_verified_here_and_elsewhere(run):
    signed = run("sign-message", "I am Alice. 我是。", "--yes")
    assert signed.json["address"] == ALICE, signed.out
    signature = signed.json["signature"]
    assert Account.recover_message(encode_defunct(text="I am Alice. 我是。"), signature=signature) == ALICE
    for spelt in (signature, signature[:-2] + f"{int(signature[-2:], 16) - 27:02x}"):
        assert run("verify-message", "I am Alice. 我是。", spelt, ALICE).json["valid"] is True
    for text, address in (("I am Alice.", ALICE), ("I am Alice. 我是。", BOB)):
        refused = run("verify-message", text, signature, address)
        assert (refused.status, refused.json["slug"]) == (1, "signature-differs")
    for broken in ("0x12", "zz", signature[:-2] + "ff"):
        assert run("verify-message", "x", broken, ALICE).json["field"] == "signature"


def test_bytes_and_stdin_and_another_account(run):
    run("accounts", "add", "--name", "Bob")
    signed = run("sign-message", "0x00ff", "--hex", "--from", "bob", "--yes")
    assert signed.json["slug"] == "yes-refused", "what is no text is looked at first"
    signed = run("sign-message", "--from", "bob", "--yes", stdin="from a pipe")
    assert Account.recover_message(encode_defunct(text="from a pipe"), signature=signed.json["signature"]) == BOB
    assert run("sign-message", "0xzz", "--hex", "--yes").json["field"] == "message"
    assert run("sign-message", "x", "--from", "nobody", "--yes").json["slug"] == "account-unknown"


def test_a_text_that_signs_in_somewhere_takes_a_typed_word(run):
    def text(domain):
        return SignInText(
            domain=domain, address=ALICE, uri=f"http://{domain}", chain_id=1, nonce="abcdef123456",
            issued_at="2026-01-02T03:04:05Z",
        ).text  # fmt: skip

    assert run("sign-message", text("phish.example"), "--yes").json["slug"] == "yes-refused"
    assert run("sign-message", text("127.0.0.1:8000"), "--yes").json["slug"] == "input-malformed"
