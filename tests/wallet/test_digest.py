"""`tandem digest`: the digests of ERC-8213 for each kind of document, against viem; what is no such document."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from chain.address import Address
from chain.transaction import TransactionRequest
from wallet.digest import Form, digests_of
from wallet.errors import InputMalformed
from wallet.review import Label

ROOT = Path(__file__).parents[2]
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
MAIL = {
    "types": {"EIP712Domain": [{"name": "name", "type": "string"}], "Mail": [{"name": "to", "type": "address"}]},
    "primaryType": "Mail",
    "domain": {"name": "Mail"},
    "message": {"to": BOB},
}
REQUEST = TransactionRequest(
    31337, BOB, 5, b"\x01\x02", nonce=0, gas=21000, max_fee_per_gas=2, max_priority_fee_per_gas=1
)


def test_typed_data_as_viem_hashes_it():
    found = digests_of(json.dumps(MAIL).encode())
    script = ROOT / "tests/vectors/with_viem.mjs"
    asked = json.dumps({"typed": [MAIL]}).encode()
    done = subprocess.run(["node", script], input=asked, capture_output=True, check=True)
    rows = dict(found.rows)
    assert found.form is Form.TYPED_DATA
    assert rows[Label.EIP712_DIGEST] == json.loads(done.stdout)["typed"][0]
    assert {Label.DOMAIN_HASH, Label.MESSAGE_HASH} <= set(rows)


def test_a_transaction_and_its_calldata():
    written = b"0x" + REQUEST.unsigned_payload.hex().encode() + b"\n"
    rows = dict(digests_of(written).rows)
    assert rows[Label.DIGEST] == "0x" + REQUEST.signing_hash.hex()
    assert (rows[Label.NETWORK], rows[Label.ADDRESS], rows[Label.AMOUNT]) == ("31337", BOB, "5 wei")
    assert rows[Label.CALLDATA_DIGEST] == dict(digests_of(b"0x0102", Form.CALLDATA).rows)[Label.CALLDATA_DIGEST]


def test_a_message_is_hashed_to_the_byte():
    plain, line = digests_of(b"hello"), digests_of(b"hello\n")
    assert (plain.form, plain.length, line.length) == (Form.MESSAGE, 5, 6)
    assert dict(plain.rows)[Label.DIGEST] == "0x50b2c43fd39106bafbba0da34fc430e1f91e3c96ea2acee2bc34119f92b37750"
    assert plain.rows != line.rows
    assert digests_of(b"0x68656c6c6f", Form.MESSAGE_HEX).rows == plain.rows
    assert digests_of(b"0x68656c6c6f", Form.MESSAGE).rows != plain.rows
    assert digests_of(b"\xff", Form.MESSAGE).length == 1


@pytest.mark.parametrize(
    ("document", "form"),
    [
        (b"0x1234", Form.AUTO),
        (b"\xff\xfe", Form.AUTO),
        (b"{}", Form.AUTO),
        (b"{}", Form.TYPED_DATA),
        (b"hello", Form.TRANSACTION),
        (b"0x123", Form.CALLDATA),
        (b"1234", Form.CALLDATA),
        (b"0x04c0", Form.TRANSACTION),
        (b"x" * (128 * 1024 + 1), Form.MESSAGE),
    ],
)
def test_what_is_not_such_a_document_is_refused(document, form):
    with pytest.raises(InputMalformed) as caught:
        digests_of(document, form)
    assert caught.value.field == "file"
