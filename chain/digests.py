"""Digests to compare on another machine (ERC-8213), and those that are signed. Pure."""

from __future__ import annotations

from chain.keccak import keccak256


def calldata_digest(data: bytes) -> bytes:
    """ERC-8213's Calldata Digest: keccak256 of the length as uint256, and the calldata."""
    return keccak256(len(data).to_bytes(32, "big") + data)


def message_digest(data: bytes) -> bytes:
    """EIP-191, version 0x45: what personal_sign signs."""
    return keccak256(b"\x19Ethereum Signed Message:\n" + str(len(data)).encode() + data)
