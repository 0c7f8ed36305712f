"""The 2048-bit filter in every block's header: it may say yes to a log that is not there, never no to one that is."""

from __future__ import annotations

from functools import lru_cache

from chain.keccak import keccak256

BLOOM_BYTES = 256


@lru_cache(maxsize=100_000)
def mark(value: bytes) -> int:
    """The three bits that an address or a topic sets (yellow paper, 4.3.1)."""
    pattern = keccak256(value)
    bits = 0
    for place in (0, 2, 4):
        bits |= 1 << (int.from_bytes(pattern[place : place + 2], "big") & 2047)
    return bits


def may_hold(bloom: int, value: bytes) -> bool:
    """May a log with this address or topic be in the block?"""
    bits = mark(value)
    return bloom & bits == bits
