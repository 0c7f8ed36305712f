"""Transactions of every type as real nodes tell them, and as no node may."""

from hashlib import sha256
from typing import Any

import pytest
from eth_account import Account

from chain import rlp
from chain.address import Address
from chain.devnet import Devnet
from chain.errors import AnswerMalformed
from chain.node import Node
from chain.quantity import to_hex
from chain.transaction import SignedTransaction, TransactionType
from chain.transaction_answer import parse_transaction

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # Anvil's first, known to everyone
AUTHORITY = "0x" + "11" * 32
INFINITY = b"\xc0" + bytes(47)
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
PRICES = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}
KINDS: dict[TransactionType, dict[str, Any]] = {
    TransactionType.LEGACY: {"gasPrice": 10**10},
    TransactionType.ACCESS_LIST: {
        "type": 1,
        "gasPrice": 10**10,
        "accessList": [{"address": BOB, "storageKeys": ["0x" + 32 * "07"]}],
    },
    TransactionType.DYNAMIC_FEE: {"type": 2, **PRICES},
    TransactionType.SET_CODE: {
        "type": 4,
        **PRICES,
        "authorizationList": [Account.sign_authorization({"chainId": 31337, "address": BOB, "nonce": 0}, AUTHORITY)],
    },
}


def signed(nonce: int, more: dict[str, Any]) -> SignedTransaction:
    fields = {"chainId": 31337, "nonce": nonce, "gas": 200_000, "to": BOB, "value": 1, **more}
    return SignedTransaction.decode(bytes(Account.sign_transaction(fields, KEY).raw_transaction))


@pytest.mark.parametrize("kind", ["anvil", "hardhat"])
async def test_what_nodes_tell_is_what_was_sent(kind: str) -> None:
    async with Devnet.start(kind) as net, Node(net.url, 31337) as node:
        for nonce, more in enumerate(KINDS.values()):
            sent = signed(nonce, more)
            await node.send_raw(sent.raw)
            told = await node.call("eth_getTransactionByHash", [sent.hash_hex])
            assert parse_transaction(told) == sent
            assert (await node.wait_for_receipt(sent.hash)).succeeded
        code = await node.code_at(Address(Account.from_key(AUTHORITY).address))
        assert code == bytes.fromhex("ef0100") + BOB.raw, "the EIP-7702 one took effect"


async def test_one_with_blobs_is_read_from_a_node() -> None:
    """With the blob of zeroes, whose commitment and proofs are the point at infinity: no setup is read to make it."""
    fields = {"chainId": 31337, "nonce": 0, "gas": 21_000, "to": BOB, "value": 1, "type": 3, **PRICES}
    versioned = b"\x01" + sha256(INFINITY).digest()[1:]
    made = Account.sign_transaction({**fields, "maxFeePerBlobGas": 10**9, "blobVersionedHashes": [versioned]}, KEY)
    sidecar = [b"\x01", [bytes(131_072)], [INFINITY], [INFINITY] * 128]
    raw = b"\x03" + rlp.encode([rlp.decode(bytes(made.raw_transaction)[1:]), *sidecar])
    # The node reads that setup before it answers: for seconds on a fast machine.
    async with Devnet.start("anvil") as net, Node(net.url, 31337, timeout_seconds=300) as node:
        sent = await node.call("eth_sendRawTransaction", [to_hex(raw)])
        found = parse_transaction(await node.call("eth_getTransactionByHash", [sent]))
    assert (found.hash_hex, found.request.type, found.request.value) == (sent, TransactionType.BLOB, 1)
    assert len(found.request.blob_hashes) == 1 and found.request.max_fee_per_blob_gas == 10**9
    assert SignedTransaction.decode(found.raw) == found


@pytest.fixture
async def told() -> dict[str, Any]:
    """Of a mined EIP-1559 transfer."""
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        sent = signed(0, KINDS[TransactionType.DYNAMIC_FEE])
        await node.send_raw(sent.raw)
        await node.wait_for_receipt(sent.hash)
        answer = await node.call("eth_getTransactionByHash", [to_hex(sent.hash)])
        assert isinstance(answer, dict)
        return answer


async def test_a_node_cannot_tell_another_transaction(told: dict[str, Any]) -> None:
    parse_transaction(told)
    lies: list[dict[str, Any]] = [
        {"value": "0x2"},
        {"to": "0x" + 40 * "1"},
        {"to": None},
        {"nonce": "0x1"},
        {"gas": "0x5209"},
        {"from": BOB},
        {"hash": "0x" + 64 * "1"},
        {"input": "0x00"},
        {"type": "0x7e"},
        {"type": "0x1"},
        {"chainId": "0x1"},
        {"r": "0x0"},
        {"v": "0x2", "yParity": "0x2"},
        {"accessList": [{"address": BOB, "storageKeys": []}]},
        {"accessList": "none"},
        {"maxFeePerGas": "0x1"},
    ]
    for lie in lies:
        with pytest.raises(AnswerMalformed):
            parse_transaction({**told, **lie})
    with pytest.raises(AnswerMalformed):
        parse_transaction([])
