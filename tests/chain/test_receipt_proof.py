"""Tries, blooms and receipts against real blocks of two nodes, and every way to change an answer."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from chain.address import Address
from chain.block import Block
from chain.bloom import mark, may_hold
from chain.calldata import encode_call
from chain.devnet import fund, transact
from chain.devnet_contracts import OWNER, demo_token
from chain.errors import AnswerMalformed
from chain.events import TRANSFER
from chain.node import Node
from chain.receipt_proof import proven_receipts
from chain.transaction import TransactionRequest
from chain.trie import ordered_root

EMPTY = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
BOB = Address("0x" + 20 * "b0")
DUSD = demo_token("DUSD").address


async def receipts_of(node: Node, block: Block) -> list[Any]:
    return await node.batch([("eth_getTransactionReceipt", ["0x" + t.hex()]) for t in block.transaction_hashes])


async def test_real_receipts_of_many_sizes_are_proven(chain_node: Node) -> None:
    """Blocks of 0 to 140 transactions: leaves, branches and extensions, small items in place."""
    assert DUSD is not None
    await fund(chain_node, BOB, 1, 10**6)
    mint = TransactionRequest(31337, DUSD, data=encode_call("mint(address,uint256)", BOB, 7), sender=OWNER).to_rpc()
    pay = TransactionRequest(31337, BOB, value=1, sender=OWNER).to_rpc()
    for count in (0, 1, 2, 17, 140):
        await chain_node.call("evm_setAutomine", [False])
        nonce = int(str(await chain_node.call("eth_getTransactionCount", [OWNER, "latest"])), 16)
        for number in range(count):
            call = {**(mint if number % 3 else pay), "gas": hex(100_000), "nonce": hex(nonce + number)}
            await chain_node.call("eth_sendTransaction", [call])
        await chain_node.call("evm_mine")
        (block,) = await chain_node.blocks([await chain_node.height()])
        assert block is not None and len(block.transaction_hashes) == count
        proven = proven_receipts(block, await receipts_of(chain_node, block))
        logs = [log for one in proven for log in one.logs]
        assert [log.log_index for log in logs] == list(range(len(logs)))
        assert len(logs) == sum(bool(number % 3) for number in range(count))
        assert block.logs_bloom is not None
        assert all(may_hold(block.logs_bloom, value) for log in logs for value in (log.address, *log.topics))
    await chain_node.call("evm_setAutomine", [True])


async def test_whatever_is_changed_is_disproved(anvil: Node) -> None:
    await fund(anvil, BOB, 1, 10**6)
    assert DUSD is not None
    await transact(anvil, [TransactionRequest(31337, DUSD, data=encode_call("mint(address,uint256)", BOB, 7))])
    (block,) = await anvil.blocks([await anvil.height()])
    assert block is not None
    (good,) = await receipts_of(anvil, block)
    assert proven_receipts(block, [good])[0].succeeded

    def changed(**members: Any) -> Any:
        return {**copy.deepcopy(good), **members}

    log = good["logs"][0]
    for answers in (
        [],
        [good, good],
        [changed(status="0x0")],
        [changed(logs=[])],
        [changed(logs=[log, log])],
        [changed(logs=[{**log, "data": "0x" + "7f" * 32}])],
        [changed(logs=[{**log, "address": "0x" + "66" * 20}])],
        [changed(logs=[{**log, "topics": log["topics"][:2]}])],
        [changed(cumulativeGasUsed="0x1")],
        [changed(type="0x1")],
        [changed(blockHash="0x" + "66" * 32)],
        [changed(transactionHash="0x" + "66" * 32)],
        [changed(logsBloom="0x" + "00" * 256)],
        [changed(status=None)],
        [None],
    ):
        with pytest.raises(AnswerMalformed):
            proven_receipts(block, answers)
    assert proven_receipts(block, [changed(type="0x7e", status="0x0")])[0].succeeded is False, "no proof of that kind"


def test_the_empty_trie_and_the_bloom_of_the_yellow_paper() -> None:
    assert ordered_root([]) == EMPTY
    assert bin(mark(TRANSFER)).count("1") in (1, 2, 3)
    assert not may_hold(0, TRANSFER)
    assert may_hold(2**2048 - 1, TRANSFER)
