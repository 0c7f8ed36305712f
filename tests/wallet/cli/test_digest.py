"""`tandem digest` as it is typed: a file, stdin, and what it says of a bad one."""

from __future__ import annotations

import json
import subprocess

from tests.wallet.cli.conftest import TANDEM

HELLO = "0x50b2c43fd39106bafbba0da34fc430e1f91e3c96ea2acee2bc34119f92b37750"


def test_a_file_and_stdin_give_the_same(tandem, tmp_path):
    path = tmp_path / "message.txt"
    path.write_bytes(b"hello")
    done = tandem("digest", str(path), "--json")
    assert done.json == {"kind": "message", "bytes": 5, "digest": HELLO}
    piped = subprocess.run([TANDEM, "digest", "-"], input=b"hello", capture_output=True, check=True)
    assert HELLO in piped.stdout.decode()


def test_the_standards_own_words_are_kept(tandem, tmp_path):
    path = tmp_path / "mail.json"
    mail = {"types": {"Mail": [{"name": "n", "type": "uint8"}]}, "primaryType": "Mail", "message": {"n": 1}}
    path.write_text(json.dumps(mail))
    for language in ("en", "zh"):
        shown = tandem("digest", str(path), TANDEM_LANG=language).out
        for words in ("EIP-712 Digest", "Domain Hash", "Message Hash"):
            assert words in shown


def test_a_bad_file_gives_one_sentence(tandem, tmp_path):
    path = tmp_path / "bad"
    path.write_text("0x1234")
    for arguments in ((str(path),), (str(tmp_path / "none"),), (str(path), "--as", "typed-data")):
        done = tandem("digest", *arguments)
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
