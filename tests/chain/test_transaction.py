"""Transactions of every type against @ethersproject/testcases and eth-account."""

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from chain import rlp
from chain.address import Address
from chain.errors import TransactionMalformed
from chain.transaction import Authorization, SignedTransaction, TransactionRequest, TransactionType
from chain.transaction_layout import authorization_digest

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # Anvil's first, known to everyone
SENDER = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
REQUEST = TransactionRequest(
    31337, BOB, value=25 * 10**16, nonce=7, max_priority_fee_per_gas=10**9, max_fee_per_gas=3 * 10**9, gas=21000
)


@pytest.mark.parametrize("kind", [TransactionType.ACCESS_LIST, TransactionType.DYNAMIC_FEE])
def test_public_vectors(testcases: Any, kind: TransactionType) -> None:
    vectors = [case for case in testcases("typed-transactions") if case["tx"].get("type") == kind]
    usable = [case for case in vectors if int(str(case["tx"].get("chainId", 0)), 0)]
    assert len(usable) > 50
    for case in usable:
        unsigned, raw = bytes.fromhex(case["unsigned"][2:]), bytes.fromhex(case["signed"][2:])
        request = TransactionRequest.decode(unsigned)
        assert (request.unsigned_payload, request.type) == (unsigned, kind)
        signed = SignedTransaction.decode(raw)
        assert (signed.raw, signed.sender.lower()) == (raw, case["address"].lower())


def test_public_vectors_of_legacy_transactions(testcases: Any) -> None:
    vectors = testcases("transactions")
    sane = [case for case in vectors if all(len(case.get(name, "0x")) <= 18 for name in ("gasLimit", "nonce"))]
    assert (len(vectors), len(sane)) > (1000, 500)
    for case in vectors:
        if case not in sane:
            with pytest.raises(TransactionMalformed):
                TransactionRequest.decode(bytes.fromhex(case["unsignedTransactionChainId5"][2:]))
            continue
        unsigned = bytes.fromhex(case["unsignedTransactionChainId5"][2:])
        raw = bytes.fromhex(case["signedTransactionChainId5"][2:])
        request = TransactionRequest.decode(unsigned)
        assert (request.unsigned_payload, request.chain_id, request.type) == (unsigned, 5, TransactionType.LEGACY)
        signed = SignedTransaction.decode(raw)
        assert (signed.raw, signed.sender.lower()) == (raw, case["accountAddress"].lower())
        assert signed.request == request.with_sender(signed.sender)
        for everywhere in ("unsignedTransaction", "signedTransaction"):
            decode = TransactionRequest.decode if everywhere.startswith("u") else SignedTransaction.decode
            with pytest.raises(TransactionMalformed):
                decode(bytes.fromhex(case[everywhere][2:]))


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


ACCESS = ((BOB, (bytes(31) + b"\1", bytes(32))), (SENDER, ()))
ACCESS_SPELT = [{"address": BOB, "storageKeys": ["0x" + (bytes(31) + b"\1").hex(), "0x" + bytes(32).hex()]}]
ACCESS_SPELT += [{"address": SENDER, "storageKeys": []}]
BLOBS = (b"\1" + bytes(31), b"\1" + 31 * b"\2")
WORD = Account.sign_authorization({"chainId": 31337, "address": BOB, "nonce": 3}, KEY)
AUTHORIZATION = Authorization(31337, BOB, 3, WORD.y_parity, WORD.r, WORD.s)
PRICED = {"gasPrice": 10**9}
TIPPED = {"maxFeePerGas": 10**9, "maxPriorityFeePerGas": 10**9}
OF_EACH_TYPE = {
    TransactionType.LEGACY: ({}, PRICED),
    TransactionType.ACCESS_LIST: ({"access_list": ACCESS}, {**PRICED, "accessList": ACCESS_SPELT}),
    TransactionType.DYNAMIC_FEE: ({"access_list": ACCESS}, {**TIPPED, "accessList": ACCESS_SPELT}),
    TransactionType.BLOB: (
        {"blob_hashes": BLOBS, "max_fee_per_blob_gas": 9},
        {**TIPPED, "maxFeePerBlobGas": 9, "blobVersionedHashes": BLOBS},
    ),
    TransactionType.SET_CODE: ({"authorizations": (AUTHORIZATION,)}, {**TIPPED, "authorizationList": [WORD]}),
}


def of_type(kind: TransactionType) -> tuple[TransactionRequest, SignedTransaction]:
    """Ours, and the same as eth-account signs it."""
    ours, theirs = OF_EACH_TYPE[kind]
    request = TransactionRequest(
        31337,
        BOB,
        5,
        b"\xaa",
        None,
        7,
        10**9,
        10**9,
        50_000,
        type=kind,
        **ours,  # type: ignore[arg-type]
    )
    fields = {"chainId": 31337, "nonce": 7, "gas": 50_000, "to": BOB, "value": 5, "data": b"\xaa", **theirs}
    fields |= {} if kind is TransactionType.LEGACY else {"type": int(kind)}
    return request, SignedTransaction.decode(bytes(Account.sign_transaction(fields, KEY).raw_transaction))


@pytest.mark.parametrize("kind", TransactionType)
def test_every_type_is_read_and_written_as_eth_account_does(kind: TransactionType) -> None:
    request, peer = of_type(kind)
    assert peer.request == request.with_sender(SENDER)
    signature = bytes(Account.unsafe_sign_hash(request.signing_hash, KEY).signature)
    assert SignedTransaction.join(request, signature) == peer
    assert SignedTransaction.decode(peer.raw) == peer
    assert TransactionRequest.decode(request.unsigned_payload) == request


def test_an_authorization_tells_whose_account_it_is() -> None:
    assert AUTHORIZATION.authority == SENDER
    assert authorization_digest(31337, BOB, 3) == AUTHORIZATION.digest
    assert replace(AUTHORIZATION, nonce=4).authority != SENDER
    for change in ({"y_parity": 2}, {"s": 2**255}, {"r": 0}, {"nonce": 2**64}, {"chain_id": -1}):
        with pytest.raises(TransactionMalformed):
            replace(AUTHORIZATION, **change)


WRONG_FOR_THE_TYPE: list[tuple[TransactionType, dict[str, Any]]] = [
    (TransactionType.LEGACY, {"access_list": ACCESS}),
    (TransactionType.LEGACY, {"max_priority_fee_per_gas": 10**9 - 1}),
    (TransactionType.ACCESS_LIST, {"max_fee_per_gas": 2 * 10**9}),
    (TransactionType.ACCESS_LIST, {"authorizations": (AUTHORIZATION,)}),
    (TransactionType.DYNAMIC_FEE, {"authorizations": (AUTHORIZATION,)}),
    (TransactionType.DYNAMIC_FEE, {"blob_hashes": BLOBS}),
    (TransactionType.DYNAMIC_FEE, {"max_fee_per_blob_gas": 1}),
    (TransactionType.BLOB, {"to": None}),
    (TransactionType.BLOB, {"blob_hashes": ()}),
    (TransactionType.BLOB, {"blob_hashes": (bytes(32),)}),
    (TransactionType.SET_CODE, {"to": None}),
    (TransactionType.SET_CODE, {"authorizations": ()}),
]


@pytest.mark.parametrize(("kind", "change"), WRONG_FOR_THE_TYPE)
def test_what_a_type_does_not_have(kind: TransactionType, change: dict[str, Any]) -> None:
    request, _ = of_type(kind)
    with pytest.raises(TransactionMalformed):
        replace(request, **change)


def rewritten(raw: bytes, change: Any) -> bytes:
    """A signed transaction with its members changed, encoded again."""
    typed = raw[0] < 0xC0
    members = list(rlp.decode(raw[1:] if typed else raw))
    change(members)
    return raw[:1] * typed + rlp.encode(members)


def put(place: int, item: Any) -> Any:
    return lambda members: members.__setitem__(place, item)


ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SIGNED_WRONG = {
    "leading zero in a number": lambda members: put(0, b"\0\1")(members),
    "parity 2": lambda members: put(-3, b"\2" if members[-3] in (b"", b"\1") else b"\1\x23\x45\x67")(members),
    "r zero": put(-2, b""),
    "r with a leading zero": lambda members: put(-2, b"\0" + members[-2])(members),
    "s is the order": put(-1, ORDER.to_bytes(32, "big")),
    "high s": lambda members: put(-1, (ORDER - int.from_bytes(members[-1], "big")).to_bytes(32, "big"))(members),
    "a member more": lambda members: members.append(b""),
    "a member less": lambda members: members.pop(),
    "a list for a number": put(1, ()),
}


@pytest.mark.parametrize("kind", TransactionType)
@pytest.mark.parametrize("change", SIGNED_WRONG.values(), ids=SIGNED_WRONG)
def test_only_canonical_signed_bytes_decode(kind: TransactionType, change: Any) -> None:
    raw = of_type(kind)[1].raw
    assert rewritten(raw, lambda members: None) == raw
    try:
        found = SignedTransaction.decode(rewritten(raw, change))
    except TransactionMalformed:
        return
    # Another parity of a legacy transaction is another chain's, signed by nobody in particular.
    assert kind is TransactionType.LEGACY and found.request.chain_id != 31337


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
    lambda raw: b"\x00" + raw[1:],
    lambda raw: b"\x05" + raw[1:],
    lambda raw: b"\x04" + raw[1:],
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
        for kind in (b"", b"\x01", b"\x02", b"\x03", b"\x04"):
            with pytest.raises(TransactionMalformed):
                decode(kind + noise)
