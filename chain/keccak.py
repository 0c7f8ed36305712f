"""Keccak-256, the hash of Ethereum (the original padding, not SHA3-256 of FIPS 202)."""

from __future__ import annotations

from Crypto.Hash import keccak


def keccak256(data: bytes) -> bytes:
    """32 bytes."""
    return keccak.new(digest_bits=256, data=data).digest()
