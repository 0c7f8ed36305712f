"""EIP-1559 bytes against @ethersproject/testcases and eth-account."""

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from chain.address import Address
from chain.errors import TransactionMalformed
from chain.transaction import SignedTransaction, TransactionRequest

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # Anvil's first, known to everyone
SENDER = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
REQUEST = TransactionRequest(
    31337, BOB, value=25 * 10**16, nonce=7, max_priority_fee_per_gas=10**9, max_fee_per_gas=3 * 10**9, gas=21000
)


def test_public_vectors(testcases: Any) -> None:
    vectors = [case for case in testcases("typed-transactions") if case["tx"].get("type") == 2]
    usable = [case for case in vectors if int(str(case["tx"].get("chainId", 0)), 0)]
    assert len(usable) > 50
    for case in usable:
        unsigned, raw = bytes.fromhex(case["unsigned"][2:]), bytes.fromhex(case["signed"][2:])
        assert TransactionRequest.decode(unsigned).unsigned_payload == unsigned
        signed = SignedTransaction.decode(raw)
        assert (signed.raw, signed.sender.lower()) == (raw, case["address"].lower())


def test_vectors_without_a_chain_id_are_refused(testcases: Any) -> None:
    case = next(case for case in testcases("typed-transactions") if case["tx"] == {"type": 2})
    with pytest.raises(TransactionMalformed):
        TransactionRequest.decode(bytes.fromhex(case["unsigned"][2:]))


U64, U256 = st.integers(0, 2**64 - 1), st.integers(0, 2**256 - 1)


@given(U64, U64, U64, U256, st.binary(max_size=100), st.booleans())
def test_same_as_eth_account(nonce: int, fee: int, gas: int, value: int, data: bytes, creates: bool) -> None:
    to = None if creates else BOB
    request = TransactionRequest(31337, to, value, data, None, nonce, fee // 2, fee, gas)
    fields = {
        "type": 2,
        "chainId": 31337,
        "nonce": nonce,
        "maxPriorityFeePerGas": fee // 2,
        "maxFeePerGas": fee,
        "gas": gas,
        "value": value,
        "data": data,
        **({} if creates else {"to": BOB}),
    }
    peer = Account.sign_transaction(fields, KEY)
    signature = peer.r.to_bytes(32, "big") + peer.s.to_bytes(32, "big") + bytes([peer.v])
    signed = SignedTransaction.join(request, signature)
    assert (signed.raw, signed.hash, signed.sender) == (bytes(peer.raw_transaction), bytes(peer.hash), SENDER)
    assert SignedTransaction.decode(signed.raw) == signed
    assert TransactionRequest.decode(request.unsigned_payload) == request


def test_a_signature_of_somebody_else_is_noticed() -> None:
    signature = bytes.fromhex(Account.unsafe_sign_hash(REQUEST.signing_hash, KEY).signature.hex())
    assert SignedTransaction.join(REQUEST, signature).sender == SENDER
    with pytest.raises(TransactionMalformed):
        SignedTransaction.join(replace(REQUEST, sender=BOB), signature)


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": 0},
        {"chain_id": 2**63},
        {"nonce": 2**64},
        {"value": -1},
        {"value": 2**256},
        {"gas": 2**64},
        {"max_priority_fee_per_gas": 4 * 10**9},
        {"data": bytes(256 * 1024 + 1)},
    ],
)
def test_fields_out_of_bounds(change: dict[str, Any]) -> None:
    with pytest.raises(TransactionMalformed):
        replace(REQUEST, **change)


def test_an_open_field_cannot_be_signed() -> None:
    assert not replace(REQUEST, nonce=None).is_prepared
    with pytest.raises(TransactionMalformed):
        _ = replace(REQUEST, gas=None).unsigned_payload


MUTATIONS = [
    lambda raw: b"",
    lambda raw: raw[1:],
    lambda raw: raw + b"\0",
    lambda raw: raw[:-1],
    lambda raw: b"\x01" + raw[1:],
    lambda raw: raw[:1] + b"\xf8\x2e" + raw[2:],
    lambda raw: raw.replace(b"\x82\x7a\x69", b"\x83\x00\x7a\x69").replace(b"\x02\xee", b"\x02\xef"),
]


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_only_canonical_bytes_decode(mutate: Any) -> None:
    payload = REQUEST.unsigned_payload
    assert TransactionRequest.decode(payload) == REQUEST
    assert mutate(payload) != payload
    with pytest.raises(TransactionMalformed):
        TransactionRequest.decode(mutate(payload))


def test_high_s_is_refused() -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    signature = bytes.fromhex(Account.unsafe_sign_hash(REQUEST.signing_hash, KEY).signature.hex())
    s = order - int.from_bytes(signature[32:64], "big")
    flipped = signature[:32] + s.to_bytes(32, "big") + bytes([1 - (signature[64] - 27)])
    with pytest.raises(TransactionMalformed):
        SignedTransaction.join(REQUEST, flipped)


@given(st.binary(max_size=200))
def test_noise_never_raises_anything_else(noise: bytes) -> None:
    for decode in (TransactionRequest.decode, SignedTransaction.decode):
        with pytest.raises(TransactionMalformed):
            decode(b"\x02" + noise)
