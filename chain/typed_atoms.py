"""The atomic values of typed data (EIP-712): what JSON may say of each type, and the 32 bytes that are hashed. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from chain.address import Address
from chain.errors import TypedDataMalformed
from chain.keccak import keccak256

Atom: TypeAlias = "bool | int | bytes | str | Address"
Reader: TypeAlias = Callable[[object, str], tuple[Atom, bytes]]
"""Of a value and its path. Raises TypedDataMalformed."""

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,77})|0x[0-9a-fA-F]{1,128}", re.ASCII)
_HEX = re.compile(r"0x([0-9a-fA-F]{2})*", re.ASCII)
_ADDRESS_PADDING = bytes(12)


def address_word(address: Address) -> bytes:
    """Addresses are read by who walks the document, which notes their spelling."""
    return _ADDRESS_PADDING + address.raw


def _bool(value: object, path: str) -> tuple[Atom, bytes]:
    if not isinstance(value, bool):
        raise TypedDataMalformed(path, "bool expected")
    return value, value.to_bytes(32, "big")


def _string(value: object, path: str) -> tuple[Atom, bytes]:
    if not isinstance(value, str):
        raise TypedDataMalformed(path, "string expected")
    try:
        return value, keccak256(value.encode())
    except UnicodeEncodeError as error:
        raise TypedDataMalformed(path, "lone surrogate") from error


def _bytes(value: object, path: str) -> tuple[Atom, bytes]:
    raw = _hex(value, path, "bytes")
    return raw, keccak256(raw)


def _fixed(size: int) -> Reader:
    kind = f"bytes{size}"

    def read(value: object, path: str) -> tuple[Atom, bytes]:
        raw = _hex(value, path, kind)
        if len(raw) != size:
            raise TypedDataMalformed(path, f"{kind} expected")
        return raw, raw.ljust(32, b"\0")

    return read


def _hex(value: object, path: str, kind: str) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise TypedDataMalformed(path, f"{kind} expected")
    return bytes.fromhex(value[2:])


def _integer(bits: int, *, signed: bool) -> Reader:
    """A JSON integer, decimal digits, or hex of any padding: wallets meet all three. Never true, never 1.0."""
    kind = f"int{bits}" if signed else f"uint{bits}"
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

    def read(value: object, path: str) -> tuple[Atom, bytes]:
        if type(value) is int:
            number = value
        elif isinstance(value, str) and value != "-0" and _INTEGER.fullmatch(value):
            number = int(value, 16 if value.startswith("0x") else 10)
        else:
            raise TypedDataMalformed(path, f"{kind} expected")
        if not least <= number <= most:
            raise TypedDataMalformed(path, f"{kind} expected")
        return number, number.to_bytes(32, "big", signed=signed)

    return read


READERS: dict[str, Reader] = {
    "bool": _bool,
    "string": _string,
    "bytes": _bytes,
    **{f"bytes{size}": _fixed(size) for size in range(1, 33)},
    **{f"uint{bits}": _integer(bits, signed=False) for bits in range(8, 257, 8)},
    **{f"int{bits}": _integer(bits, signed=True) for bits in range(8, 257, 8)},
}
"""By the type's name; all that the standard has but `address`."""
