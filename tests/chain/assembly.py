"""Small programs for the EVM: creation code that emits a log or pays, so that no contract has to be compiled."""

from __future__ import annotations

from chain.address import Address
from chain.events import padded
from chain.keccak import keccak256

_PUSH1, _PUSH2, _PUSH20, _PUSH32 = 0x60, 0x61, 0x73, 0x7F
_MSTORE, _LOG0, _CALL, _POP, _GAS, _REVERT, _SELFBALANCE = b"\x52", 0xA0, b"\xf1", b"\x50", b"\x5a", b"\xfd", b"\x47"
_DIV = b"\x04"
SINGLE = keccak256(b"TransferSingle(address,address,address,uint256,uint256)")
BATCH = keccak256(b"TransferBatch(address,address,address,uint256[],uint256[])")
TRANSFER = keccak256(b"Transfer(address,address,uint256)")
APPROVAL = keccak256(b"Approval(address,address,uint256)")
FOR_ALL = keccak256(b"ApprovalForAll(address,address,bool)")


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def topic(address: Address) -> bytes:
    return padded(address.raw)


def emit(topics: list[bytes], body: bytes = b"") -> bytes:
    """Code that emits one log."""
    code = b""
    for place in range(0, len(body), 32):
        part = body[place : place + 32].ljust(32, b"\0")
        code += bytes([_PUSH32]) + part + bytes([_PUSH2]) + place.to_bytes(2, "big") + _MSTORE
    for one in reversed(topics):
        code += bytes([_PUSH32]) + one
    code += bytes([_PUSH2]) + len(body).to_bytes(2, "big") + bytes([_PUSH1, 0])
    return code + bytes([_LOG0 + len(topics)])


def pay(to: Address, wei: int) -> bytes:
    """Code that sends coins on; nothing happens where it fails."""
    zeros = bytes([_PUSH1, 0]) * 4
    return zeros + bytes([_PUSH32]) + word(wei) + bytes([_PUSH20]) + to.raw + _GAS + _CALL + _POP


def pay_half(to: Address) -> bytes:
    """Code that sends on half of what it was given and had before."""
    half = bytes([_PUSH1, 2]) + _SELFBALANCE + _DIV
    return bytes([_PUSH1, 0]) * 4 + half + bytes([_PUSH20]) + to.raw + _GAS + _CALL + _POP


def revert() -> bytes:
    return bytes([_PUSH1, 0, _PUSH1, 0]) + _REVERT


def installed(runtime: bytes) -> bytes:
    """Creation code that leaves `runtime` as the contract."""
    size = len(runtime).to_bytes(2, "big")
    head = bytes([_PUSH2]) + size + bytes([0x80, _PUSH1, 12, _PUSH1, 0, 0x39, _PUSH1, 0, 0xF3])
    assert len(head) == 12
    return head + runtime
