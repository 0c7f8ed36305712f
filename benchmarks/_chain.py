"""A chain with many token transfers on it: Anvil, twenty of them in each block, every one a transaction of its own."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from chain.address import Address
from chain.calldata import encode_call
from chain.devnet import Devnet, deploy
from chain.devnet_contracts import OWNER, demo_token
from chain.node import Node
from chain.quantity import to_hex

TRANSFERS_A_BLOCK = 20
RECEIVERS = 1000
FUNDS = 10**18
_GAS = {"gas": hex(100_000), "maxFeePerGas": hex(10**10), "maxPriorityFeePerGas": "0x1"}


@dataclass(frozen=True, slots=True)
class Built:
    """`transfers` counts the mints at the beginning too."""

    url: str
    token: Address
    transfers: int
    last_block: int


@asynccontextmanager
async def chain_of_transfers(blocks: int) -> AsyncIterator[Built]:
    """Ends with the block."""
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        await deploy(node)
        token = demo_token("DUSD").address
        senders = await node.call("eth_accounts")
        assert token is not None and isinstance(senders, list)
        await node.call("evm_setAutomine", [False])
        for sender in senders:
            call = encode_call("mint(address,uint256)", Address(sender), FUNDS)
            await node.call("eth_sendTransaction", [{"from": OWNER, "to": token, "data": to_hex(call), **_GAS}])
        await node.call("evm_mine")
        for number in range(blocks):
            first = number * TRANSFERS_A_BLOCK
            await node.batch([_transfer(senders, token, n) for n in range(first, first + TRANSFERS_A_BLOCK)])
            await node.call("evm_mine")
            if number % 500 == 499:
                print(f"   {number + 1} blocks", file=sys.stderr, flush=True)
        yield Built(net.url, token, len(senders) + blocks * TRANSFERS_A_BLOCK, await node.height())


def _transfer(senders: list[str], token: Address, number: int) -> tuple[str, list[dict[str, object]]]:
    receiver = Address(f"0x{0xABC000 + number % RECEIVERS:040x}")
    call = encode_call("transfer(address,uint256)", receiver, 1 + number % 5000)
    sender = senders[number % len(senders)]
    return "eth_sendTransaction", [{"from": sender, "to": token, "data": to_hex(call), **_GAS}]
