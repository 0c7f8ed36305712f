"""Function fragments: the names of arguments beside their types, and what is no fragment."""

from __future__ import annotations

from typing import Any

import pytest

from chain.address import Address
from chain.calldata import encode_call
from chain.errors import CalldataMalformed
from chain.fragment import Argument, Fragment
from chain.methods import METHODS

BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")


def test_names_and_types_come_from_one_text() -> None:
    order = Fragment.parse("submit((address token,uint256[2] amounts)[] orders,bytes32 salt,bool)")
    assert order.signature == "submit((address,uint256[2])[],bytes32,bool)"
    salt = b"\x01" * 32
    data = encode_call(order.signature, [(BOB, (1, 2)), (BOB, (3, 4))], salt, True)
    named = order.decode(data)
    assert (named["salt"], named["2"]) == (salt, True)
    assert list(order.flat(list(named.values()))) == [
        Argument("orders[0].token", "address", BOB),
        Argument("orders[0].amounts[0]", "uint256", 1),
        Argument("orders[0].amounts[1]", "uint256", 2),
        Argument("orders[1].token", "address", BOB),
        Argument("orders[1].amounts[0]", "uint256", 3),
        Argument("orders[1].amounts[1]", "uint256", 4),
        Argument("salt", "bytes32", salt),
        Argument("2", "bool", True),
    ]


def test_an_empty_array_is_still_an_argument() -> None:
    method = Fragment.parse("f(uint256[] ids)")
    named = method.decode(encode_call(method.signature, []))
    assert list(method.flat(list(named.values()))) == [Argument("ids", "uint256[]", ())]


def test_known_selectors() -> None:
    """As every block explorer has them."""
    known = {
        "a9059cbb": "transfer(address,uint256)",
        "095ea7b3": "approve(address,uint256)",
        "d505accf": "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
        "a22cb465": "setApprovalForAll(address,bool)",
        "2b67b570": "permit(address,((address,uint160,uint48,uint48),address,uint256),bytes)",
        "82ad56cb": "aggregate3((address,bool,bytes)[])",
        "5ae401dc": "multicall(uint256,bytes[])",
        "6a761202": "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)",
        "8d80ff0a": "multiSend(bytes)",
    }
    for digits, signature in known.items():
        assert METHODS[bytes.fromhex(digits)][1].signature == signature


def test_another_function_is_not_decoded() -> None:
    with pytest.raises(CalldataMalformed):
        Fragment.parse("f(uint256 a)").decode(encode_call("g(uint256)", 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "transfer",
        "transfer(",
        "(address to)",
        "transfer(address to,)",
        "transfer(,address to)",
        "transfer(address  to)",
        "transfer(address to, uint256 value)",
        "transfer(uint value)",
        "transfer(address payable to)",
        "transfer(address to,address to)",
        "transfer(address to) returns (bool)",
        "transfer((address to)",
        "transfer(uint256[0] a)",
        "transfer(uint7 a)",
        "f" + "(" * 40 + "uint256 a" + ")" * 40,
        "f(" + "uint256 a," * 900 + "uint256 b)",
    ],
)
def test_what_is_no_fragment_is_refused(text: Any) -> None:
    with pytest.raises(CalldataMalformed):
        Fragment.parse(text)
