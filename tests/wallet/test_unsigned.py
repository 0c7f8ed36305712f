"""Files of offline signing: what was changed on the way shows, or is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chain.address import Address
from chain.transaction import SignedTransaction, TransactionRequest
from wallet.errors import InputMalformed
from wallet.hd import PrivateKey
from wallet.unsigned import Unsigned, read_signed, read_unsigned, signed_json

KEY = PrivateKey(bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"))
ALICE = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
REQUEST = TransactionRequest(
    31337, BOB, 5, b"\x12", ALICE, nonce=7, max_priority_fee_per_gas=1, max_fee_per_gas=2, gas=21000
)
SIGNED = SignedTransaction.join(REQUEST, KEY.sign(REQUEST.signing_hash))


def test_both_files_come_back_as_they_were():
    assert read_unsigned(json.dumps(Unsigned(REQUEST).to_json())) == Unsigned(REQUEST)
    assert read_signed(json.dumps(signed_json(SIGNED))) == SIGNED
    assert SIGNED.request.sender == ALICE


@pytest.mark.parametrize(
    "change",
    [
        {"payload": "0x" + replace(REQUEST, value=6).unsigned_payload.hex()},
        {"payload": "0x02"},
        {"payload": 7},
        {"digest": "0x" + "00" * 32},
        {"chain_id": 1},
        {"chain_id": "31337"},
        {"sender": "0x12"},
        {"sender": None},
        {"version": 2},
        {"format": "tandem-signed"},
        {"more": 1},
    ],
)
def test_an_unsigned_file_that_was_changed_is_refused(change):
    with pytest.raises(InputMalformed):
        read_unsigned(json.dumps(Unsigned(REQUEST).to_json() | change))


@pytest.mark.parametrize(
    "change",
    [
        {"raw": "0x02"},
        {"raw": "zz"},
        {"transaction": "0x"},
        {"sender": BOB},
        {"chain_id": 1},
        {"format": "x"},
        {"v": 1},
    ],
)
def test_a_signed_file_that_was_changed_is_refused(change):
    with pytest.raises(InputMalformed):
        read_signed(json.dumps(signed_json(SIGNED) | change))


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"format": "tandem-unsigned", "version": 1}', "x" * 600_000])
def test_what_is_no_such_file_is_said_so(text):
    for read in (read_unsigned, read_signed):
        with pytest.raises(InputMalformed):
            read(text)
