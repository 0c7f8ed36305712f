"""Addresses: 20 bytes, written with the checksum of EIP-55."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import ClassVar, Self

from chain.errors import AddressChecksumWrong, AddressMalformed
from chain.keccak import keccak256

_FORM = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


@lru_cache(maxsize=4096)
def _checksummed(digits: str) -> str:
    """EIP-55 of 40 lower-case hex digits."""
    pattern, upper = keccak256(digits.encode()).hex(), digits.upper()
    return "0x" + "".join([u if p >= "8" else d for d, u, p in zip(digits, upper, pattern, strict=False)])


class Address(str):
    """An account or contract. The text is always the EIP-55 form, so equal addresses are equal strings.

    `Address(text)` accepts one case throughout (no checksum given) or the exact EIP-55 form.
    Raises AddressMalformed, AddressChecksumWrong.
    """

    __slots__ = ()
    ZERO: ClassVar[Address]

    def __new__(cls, text: str) -> Self:
        if isinstance(text, cls):
            return text
        if not _FORM.fullmatch(text):
            raise AddressMalformed(text[:100])
        digits = text[2:]
        expected = _checksummed(digits.lower())
        if text != expected and digits not in (digits.lower(), digits.upper()):
            raise AddressChecksumWrong(text, expected)
        return super().__new__(cls, expected)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Of exactly 20 bytes."""
        if len(raw) != 20:
            raise AddressMalformed(raw.hex()[:100])
        return super().__new__(cls, _checksummed(raw.hex()))

    @classmethod
    def from_public_key(cls, public_key: bytes) -> Self:
        """Of an uncompressed secp256k1 point: 65 bytes with 04 before, or its 64 bytes."""
        point = public_key[1:] if len(public_key) == 65 and public_key[0] == 4 else public_key
        if len(point) != 64:
            raise AddressMalformed("public key")
        return cls.from_bytes(keccak256(point)[12:])

    @property
    def raw(self) -> bytes:
        return bytes.fromhex(self[2:])

    @property
    def is_zero(self) -> bool:
        return self == Address.ZERO


Address.ZERO = Address("0x" + 40 * "0")
