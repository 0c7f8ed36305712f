"""Keccak-256, the hash of Ethereum (the original padding, not SHA3-256 of FIPS 202)."""

from __future__ import annotations

from Crypto.Hash import keccak as _keccak
from Crypto.Util import _raw_api as _raw


def keccak256(data: bytes) -> bytes:
    """32 bytes."""
    try:
        sponge = _SPONGES.pop()
    except IndexError:
        sponge = _Sponge()
    digest = sponge.digest_of(data)
    _SPONGES.append(sponge)
    return digest


class _Sponge:
    """A state that is used again: pycryptodome's object a call costs thrice the hashing. One caller at a time."""

    def __init__(self) -> None:
        self._pointer = _raw.VoidPointer()
        if _LIBRARY.keccak_init(self._pointer.address_of(), 64, 24):  # capacity in bytes, rounds
            raise ValueError("keccak cannot begin")
        self._state = self._pointer.get()
        self._digest = _raw.create_string_buffer(32)  # type: ignore[call-arg]  # the stub has another module's arguments

    def digest_of(self, data: bytes) -> bytes:
        if _LIBRARY.keccak_reset(self._state) or _LIBRARY.keccak_absorb(self._state, data, len(data)):
            raise ValueError("keccak takes bytes")
        if _LIBRARY.keccak_digest(self._state, self._digest, 32, 1):  # 1: Keccak's own padding
            raise ValueError("keccak gave nothing")
        return bytes(_raw.get_raw_buffer(self._digest))


_LIBRARY = _keccak._raw_keccak_lib  # type: ignore[attr-defined]  # the C functions below its object
_SPONGES: list[_Sponge] = []
"""Those that nobody uses now: taking and putting back are single steps of the interpreter, so threads may."""
