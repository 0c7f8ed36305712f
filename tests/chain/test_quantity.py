"""Hex as nodes write it, and as they must not."""

from __future__ import annotations

import pytest

from chain.errors import AnswerMalformed
from chain.quantity import data, quantity


def test_bytes() -> None:
    assert data("0x") == b""
    assert data("0xaBcD") == b"\xab\xcd"
    assert data("0x00", 1) == b"\0"


@pytest.mark.parametrize(
    "value", ["", "00", "0X00", "0x0", "0x0g", "0x00 ", "0x 00", "0x0 0", "0x0\n0", "0x\u06600", None, 7, b"0x00"]
)
def test_no_bytes(value: object) -> None:
    with pytest.raises(AnswerMalformed):
        data(value)
    with pytest.raises(AnswerMalformed):
        data("0x00", 2)


def test_numbers() -> None:
    assert [quantity("0x0"), quantity("0xff", 8)] == [0, 255]
    for value in ("0x", "0x00", "0xg", "1", "0x100", "0x1 ", None, 1):
        with pytest.raises(AnswerMalformed):
            quantity(value, 8)
