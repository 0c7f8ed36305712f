"""Typed values of the first version: the digests of MetaMask's own library, and what is refused."""

from __future__ import annotations

import json

import pytest

from chain.errors import TypedDataMalformed
from chain.keccak import keccak256
from chain.typed_values import TypedValues

TEXT = {"type": "string", "name": "message", "value": "Hi, Alice!"}
BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.mark.parametrize(
    ("values", "digest"),
    [
        ([TEXT], "14b9f24872e28cc49e72dc104d7380d8e0ba84a3fe2e712704bcac66a5702bd5"),
        (
            [TEXT, {"type": "uint8", "name": "value", "value": 10}],
            "f7ad23226db5c1c00ca0ca1468fd49c8f8bbc1489bc1c382de5adc557a69c229",
        ),
        (
            [{"type": "bytes", "name": "message", "value": "0xdeadbeaf"}],
            "6c69d03412450b174def7d1e48b3bcbbbd8f51df2e76e2c5b3a5d951125be3a9",
        ),
    ],
)
def test_digests_of_eth_sig_util(values, digest):
    assert TypedValues.parse(values).digest.hex() == TypedValues.parse(json.dumps(values)).digest.hex() == digest


def packed(kind, value):
    """What the value was packed to, told by the digest."""
    found = TypedValues.parse([{"type": kind, "name": "A name", "value": value}])
    assert (found.values[0].path, found.values[0].type) == ("A name", kind)
    return lambda raw: found.digest == keccak256(keccak256(f"{kind} A name".encode()) + keccak256(raw))


@pytest.mark.parametrize(
    ("kind", "value", "raw"),
    [
        ("bool", True, b"\x01"),
        ("address", BOB, bytes.fromhex(BOB[2:])),
        ("uint", "7", bytes(31) + b"\x07"),
        ("int16", -2, b"\xff\xfe"),
        ("bytes4", "0x01020304", b"\x01\x02\x03\x04"),
        ("string", "é", "é".encode()),
    ],
)
def test_nothing_is_padded(kind, value, raw):
    assert packed(kind, value)(raw)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1],
        [{**TEXT, "value": 1}],
        [{**TEXT, "extra": 1}],
        [{**TEXT, "name": ""}],
        [{**TEXT, "name": "a\n"}],
        [{**TEXT, "type": "string[]", "value": ["a"]}],
        [{**TEXT, "type": "Mail"}],
        [{**TEXT, "type": "uint8", "value": 256}],
        [TEXT] * 65,
    ],
)
def test_refused(values):
    with pytest.raises(TypedDataMalformed):
        TypedValues.parse(values)


@pytest.mark.parametrize("document", ["{}", "[", '[{"name":"a","name":"a"}]'])
def test_text_that_is_no_array(document):
    with pytest.raises(TypedDataMalformed):
        TypedValues.parse(document)
