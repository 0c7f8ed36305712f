"""The ABI against eth-abi, and the inputs that made other decoders run away."""

import time
from typing import Any

import pytest
from eth_abi.abi import encode as peer_encode
from hypothesis import given
from hypothesis import strategies as st

from chain import calldata
from chain.address import Address
from chain.errors import CalldataMalformed

BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")

CASES: list[tuple[str, tuple[Any, ...]]] = [
    ("(address,uint256)", (BOB, 2**256 - 1)),
    ("(bool,bool,uint8,int16)", (True, False, 255, -32768)),
    ("(bytes32,bytes4,bytes1)", (bytes(range(32)), b"abcd", b"z")),
    ("(string,uint256,bytes)", ("Grüße, 世界", 1, b"x" * 33)),
    ("(uint256[],string[])", ((1, 2, 3), ("a", "", "b" * 40))),
    ("(uint256[2][3],(address,bytes)[])", (((1, 2), (3, 4), (5, 6)), ((BOB, b"hi"), (BOB, b"")))),
    ("((uint8,(string,int256)),bytes)", ((7, ("deep", -1)), b"")),
    ("(string[2],(uint8,uint8)[2])", (("x", "y"), ((1, 2), (3, 4)))),
    ("(uint256[])", ((),)),
]


@pytest.mark.parametrize(("types", "values"), CASES)
def test_same_as_eth_abi(types: str, values: tuple[Any, ...]) -> None:
    encoded = calldata.encode(types, values)
    assert encoded == peer_encode([types], [values])[0 if not calldata.parse_type(types).is_dynamic else 32 :]
    assert calldata.decode(types, encoded) == values


@given(st.integers(-(2**255), 2**255 - 1), st.text(), st.binary(), st.lists(st.booleans(), max_size=5))
def test_round_trip(number: int, text: str, raw: bytes, flags: list[bool]) -> None:
    types, values = "(int256,string,bytes,bool[])", (number, text, raw, tuple(flags))
    try:
        encoded = calldata.encode(types, values)
    except CalldataMalformed:
        assert not text.isprintable() or any(0xD800 <= ord(c) < 0xE000 for c in text)
        return
    assert calldata.decode(types, encoded) == values


@pytest.mark.parametrize(
    "types",
    [
        "",
        "uint",
        "(int)",
        "(uint7)",
        "(uint08)",
        "(bytes33)",
        "(bytes0)",
        "(uint256[0])",
        "(())",
        "(()[])",
        "(function)",
        "(address,)",
        "(address",
        "(string5)",
        "(fixed128x18)",
        "(a)",
        "(" * 20 + "bool" + ")" * 20,
        "(bool" + "[]" * 20 + ")",
    ],
)
def test_types_that_are_refused(types: str) -> None:
    with pytest.raises(CalldataMalformed):
        calldata.encode(types, ())


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.mark.parametrize(
    ("types", "data"),
    [
        ("(address)", b"\1" + bytes(31)),
        ("(uint8)", word(256)),
        ("(bool)", word(2)),
        ("(bytes4)", b"abcde" + bytes(27)),
        ("(uint256)", bytes(31)),
        ("(uint256)", bytes(33)),
        ("(string)", word(32) + word(3) + b"abc"),
        ("(string)", word(32) + word(3) + b"abcd" + bytes(28)),
        ("(string)", word(32) + word(1) + b"\xff" + bytes(31)),
        ("(string)", word(64) + word(0) + word(0)),
        ("(bytes)", word(2**255) + word(0)),
        ("(bytes,bytes)", word(64) + word(64) + word(0)),
        ("(uint256[])", word(32) + word(2**200)),
    ],
)
def test_bytes_that_are_refused(types: str, data: bytes) -> None:
    with pytest.raises(CalldataMalformed):
        calldata.decode(types, data)


ENCODED = [(types, calldata.encode(types, values)) for types, values in CASES]


@given(st.data())
def test_whatever_is_read_is_written_the_same(data: Any) -> None:
    """One pass reads exactly what `encode` writes: no other bytes for the same values, no value twice."""
    types, encoded = data.draw(st.sampled_from(ENCODED))
    changed = bytearray(encoded)
    for _ in range(data.draw(st.integers(0, 3))):
        word_at = 32 * data.draw(st.integers(0, len(encoded) // 32 - 1))
        byte_at = word_at + data.draw(st.sampled_from([0, 11, 12, 30, 31]))
        changed[byte_at] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(changed), len(changed) - 1, len(changed) - 32]))
    try:
        values = calldata.decode(types, bytes(changed[:end]))
    except CalldataMalformed:
        return
    assert calldata.encode(types, values) == changed[:end]


@pytest.mark.parametrize("bits", range(8, 257, 8))
def test_the_bounds_of_integers(bits: int) -> None:
    least, most = -(1 << bits - 1), (1 << bits - 1) - 1
    for number in (least, -1, 0, most):
        assert calldata.decode(f"(int{bits})", calldata.encode(f"(int{bits})", (number,))) == (number,)
    for number in (least - 1, most + 1) if bits < 256 else ():
        with pytest.raises(CalldataMalformed):
            calldata.decode(f"(int{bits})", number.to_bytes(32, "big", signed=True))


def test_i20_a_small_input_never_becomes_large() -> None:
    """Pointers that all lead to one place: eth-abi makes 64 MB of 96 kB."""
    count = 1000
    bomb = word(32) + word(count) + word(32 * count) * count + word(32 * 100) + bytes(32 * 100)
    began = time.process_time()
    with pytest.raises(CalldataMalformed):
        calldata.decode("(bytes[])", bomb)
    nested = word(32) + word(1) + word(0)
    with pytest.raises(CalldataMalformed):
        calldata.decode("(uint256[][][][][][][][][][])", nested)
    assert time.process_time() - began < 0.1  # of CPU: what it would take to unfold it is a thousand times more


@pytest.mark.parametrize("value", [1, "x", True, None, 1.0, "0x" + 40 * "1"])
def test_an_address_is_an_address(value: Any) -> None:
    with pytest.raises(CalldataMalformed):
        calldata.encode("(address)", (value,))


def test_no_bool_is_a_number_and_no_number_a_bool() -> None:
    for types, value in (("(uint256)", True), ("(bool)", 1), ("(uint8)", 256), ("(uint8)", -1)):
        with pytest.raises(CalldataMalformed):
            calldata.encode(types, (value,))


def test_calls_and_reverts() -> None:
    call = calldata.encode_call("transfer(address,uint256)", BOB, 5)
    assert call[:4].hex() == "a9059cbb"
    assert calldata.decode_call("transfer(address,uint256)", call) == (BOB, 5)
    assert calldata.decode_call("approve(address,uint256)", call) is None
    assert calldata.encode_call("decimals()").hex() == "313ce567"
    assert calldata.revert_reason(calldata.encode_call("Error(string)", "no money")) == "no money"
    assert calldata.revert_reason(calldata.encode_call("Panic(uint256)", 17)) == "panic 17"
    assert calldata.revert_reason(b"\x08\xc3\x79\xa0junk") is None
    assert calldata.revert_reason(b"") is None
