"""ERC-8213's own example, and EIP-191 as eth-account has it."""

from __future__ import annotations

from eth_account.messages import _hash_eip191_message, encode_defunct

from chain.digests import calldata_digest, message_digest

CALLDATA = bytes.fromhex(
    "a9059cbb"
    "0000000000000000000000004675c7e5baafbffbca748158becba61ef3b0a263"
    "0000000000000000000000000000000000000000000000000de0b6b3a7640000"
)


def test_the_calldata_digest_counts_its_bytes() -> None:
    assert calldata_digest(CALLDATA).hex() == "812cee5d9cc7461c04bbcd7b70af9c28b243ac5d74d3453b008b93b7dac69985"
    assert calldata_digest(b"") != calldata_digest(b"\0")


def test_messages_as_eth_account_hashes_them() -> None:
    for message in (b"", b"hello", "你好".encode(), bytes(range(256)) * 40):
        assert message_digest(message) == bytes(_hash_eip191_message(encode_defunct(message)))
