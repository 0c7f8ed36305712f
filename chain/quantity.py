"""Hex as Ethereum's JSON-RPC writes it: quantities without leading zeros, data byte by byte."""

from __future__ import annotations

import re

from chain.errors import AnswerMalformed

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})", re.ASCII)


def quantity(value: object, bits: int = 256) -> int:
    """The integer of a QUANTITY below 2^bits. Raises AnswerMalformed."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise AnswerMalformed("quantity expected")
    number = int(value, 16)
    if number.bit_length() > bits:
        raise AnswerMalformed(f"quantity above {bits} bits")
    return number


def data(value: object, length: int | None = None) -> bytes:
    """The bytes of DATA, of exactly `length` where given. Raises AnswerMalformed."""
    if not isinstance(value, str) or value[:2] != "0x":
        raise AnswerMalformed("data expected")
    try:
        raw = bytes.fromhex(value[2:])
    except ValueError:
        raise AnswerMalformed("data expected") from None
    size = len(raw)
    if 2 * size + 2 != len(value):  # it passes over spaces
        raise AnswerMalformed("data expected")
    if size != length and length is not None:
        raise AnswerMalformed(f"{length} bytes expected")
    return raw


def to_hex(value: int | bytes) -> str:
    """The QUANTITY of an integer, the DATA of bytes."""
    return hex(value) if isinstance(value, int) else "0x" + value.hex()
