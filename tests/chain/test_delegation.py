"""Authorizations and type-4 transactions (EIP-7702), held against eth-account's own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account

from chain import rlp
from chain.address import Address
from chain.delegation import NOBODY, Delegation, SignedDelegation, delegate_of, is_delegation_asked
from chain.errors import TransactionMalformed
from chain.transaction import TransactionRequest

ACCOUNT, PAYER = Account.from_key(b"\1" * 32), Account.from_key(b"\2" * 32)
CONTRACT = Address("0x00a329c0648769A73afAc7F9381E08FB43dBEA72")
FRAME = TransactionRequest(
    31337, NOBODY, sender=Address(PAYER.address), nonce=7, gas=46_000, max_fee_per_gas=3, max_priority_fee_per_gas=1
)
ASKED = Delegation(FRAME, Address(ACCOUNT.address), CONTRACT, 5)


def signature(hashed, account=ACCOUNT):
    return bytes(account.unsafe_sign_hash(hashed).signature)


def joined(asked=ASKED):
    authorization = signature(asked.authorization_hash)
    return asked.join(authorization, signature(asked.signing_hash(authorization), PAYER))


def test_the_same_bytes_as_eth_account():
    authorization = ACCOUNT.sign_authorization({"chainId": 31337, "address": CONTRACT, "nonce": 5})
    theirs = PAYER.sign_transaction(
        {
            **{"type": 4, "chainId": 31337, "nonce": 7, "gas": 46_000, "maxFeePerGas": 3, "maxPriorityFeePerGas": 1},
            **{"to": NOBODY, "value": 0, "data": b"", "authorizationList": [authorization]},
        }
    )
    assert bytes(authorization.authorization_hash) == ASKED.authorization_hash
    assert joined().raw == bytes(theirs.raw_transaction)
    assert joined().hash == bytes(theirs.hash)
    assert joined().delegation == ASKED


def test_what_was_reviewed_is_read_back_and_is_no_transaction():
    assert Delegation.decode(ASKED.payload) == ASKED
    with pytest.raises(TransactionMalformed):
        SignedDelegation.decode(ASKED.payload)


@pytest.mark.parametrize(
    "change",
    [
        {"delegate": NOBODY},
        {"nonce": 6},
        {"account": Address(PAYER.address)},
        {"frame": replace(FRAME, chain_id=1)},
        {"frame": replace(FRAME, nonce=8)},
        {"frame": replace(FRAME, max_fee_per_gas=4)},
        {"frame": FRAME.with_sender(CONTRACT)},
    ],
    ids=str,
)
def test_every_part_is_in_the_digest(change):
    assert replace(ASKED, **change).digest != ASKED.digest


@pytest.mark.parametrize(
    "change", [{"value": 1}, {"data": b"\1"}, {"to": CONTRACT}, {"access_list": ((CONTRACT, ()),)}], ids=str
)
def test_it_calls_nothing_and_moves_nothing(change):
    with pytest.raises(TransactionMalformed):
        replace(ASKED, frame=replace(FRAME, **change))
    payload = replace(FRAME, **change)
    members = [*payload.members, [[b"\x7a\x69", CONTRACT.raw, b"\5", ASKED.account.raw, FRAME.sender.raw]]]
    with pytest.raises(TransactionMalformed):
        Delegation.decode(b"\x04" + rlp.encode(members))


def test_i14_an_authorization_for_every_chain_or_another_one_is_refused():
    for chain_id in (b"", b"\1"):
        members = [*FRAME.members, [[chain_id, CONTRACT.raw, b"\5", ASKED.account.raw, FRAME.sender.raw]]]
        with pytest.raises(TransactionMalformed):
            Delegation.decode(b"\x04" + rlp.encode(members))


def test_another_ones_signature_is_refused():
    mine, other = signature(ASKED.authorization_hash), signature(ASKED.authorization_hash, PAYER)
    with pytest.raises(TransactionMalformed):
        ASKED.signing_hash(other)
    with pytest.raises(TransactionMalformed):
        ASKED.join(mine, signature(ASKED.signing_hash(mine), ACCOUNT))
    with pytest.raises(TransactionMalformed):
        ASKED.join(mine, mine)


@pytest.mark.parametrize("raw", [b"", b"\x02", b"\x04", b"\x04\xc0", joined().raw + b"\0", joined().raw[:-1]])
def test_malformed_bytes_are_refused(raw):
    for decode in (Delegation.decode, SignedDelegation.decode):
        with pytest.raises(TransactionMalformed):
            decode(raw)


def test_several_authorizations_or_none_are_refused():
    one = [b"\x7a\x69", CONTRACT.raw, b"\5", ASKED.account.raw, FRAME.sender.raw]
    for authorizations in ([], [one, one]):
        with pytest.raises(TransactionMalformed):
            Delegation.decode(b"\x04" + rlp.encode([*FRAME.members, authorizations]))


def test_a_pointer_is_told_from_code():
    assert delegate_of(bytes.fromhex("ef0100") + CONTRACT.raw) == CONTRACT
    for code in (b"", b"\xef\x01\x00", bytes.fromhex("ef0101") + CONTRACT.raw, b"\x60" * 23):
        assert delegate_of(code) is None


def test_every_spelling_of_asking_for_it_is_seen():
    for asked in ({"type": 4}, {"type": "0x4"}, {"type": "0x04"}, {"type": "4"}, {"authorizationList": []}):
        assert is_delegation_asked(asked)
    assert not is_delegation_asked({"type": "0x2"})
