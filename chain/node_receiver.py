"""Is the receiver of a token a contract that never had to do with it? What is sent to such a one is often lost.

Asked of the node in one batch. An account whose code is a delegation (EIP-7702) is a person's, and no contract.
"""

from __future__ import annotations

from chain.address import Address
from chain.block import listed
from chain.delegation import delegate_of
from chain.erc20 import TRANSFER_TOPIC, balance_of
from chain.errors import NodeRefused
from chain.node import Node
from chain.quantity import data, quantity, to_hex
from chain.token import Token

LOG_BLOCKS = 1000
"""How far back is looked: what any node and relay answers at once."""


async def never_handled(node: Node, token: Token, receiver: Address) -> bool:
    """Has `receiver` code, none of the token, and no transfer of it in the last LOG_BLOCKS blocks?

    False for the chain's own coin: whether a contract takes that, the node's estimate tells.
    """
    if token.address is None:
        return False
    code, balance, height = await node.outcomes(
        [
            ("eth_getCode", (receiver, "latest")),
            ("eth_call", ({"to": token.address, "data": to_hex(balance_of(receiver))}, "latest")),
            ("eth_blockNumber", ()),
        ]
    )
    raw = data(_given(code))
    if not raw or delegate_of(raw) is not None:
        return False
    if not isinstance(balance, NodeRefused) and any(data(balance)):
        return False
    return not await _moved(node, token.address, receiver, _given(height))


async def _moved(node: Node, contract: Address, receiver: Address, height: object) -> bool:
    """Did it receive or pay any of the token lately? False, too, where the node does not say."""
    number = quantity(height, 63)
    party = to_hex(receiver.raw.rjust(32, b"\0"))
    span = {"address": contract, "fromBlock": hex(max(0, number - LOG_BLOCKS)), "toBlock": hex(number)}
    ways = ([to_hex(TRANSFER_TOPIC), None, party], [to_hex(TRANSFER_TOPIC), party])
    found = await node.outcomes([("eth_getLogs", ({**span, "topics": topics},)) for topics in ways])
    return any(listed(logs, 100_000) for logs in found if not isinstance(logs, NodeRefused))


def _given(answer: object | NodeRefused) -> object:
    if isinstance(answer, NodeRefused):
        raise answer
    return answer
