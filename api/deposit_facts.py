"""What arrived at the treasury in one block, asked of the node: balances around exactly that block, by its hash."""

from __future__ import annotations

from collections.abc import Sequence

from chain.address import Address
from chain.block import Block
from chain.erc20 import balance_of, decode_balance
from chain.errors import AnswerMalformed, NodeRefused
from chain.node import Node
from chain.node_provider import Call
from chain.quantity import data, quantity, to_hex
from chain.recorded import Kind, RecordedTransfer

READ_GAS = 1_000_000
"""A balance costs less; a contract that spends for ever spoils its own answer."""
_COINS = (Kind.NATIVE, Kind.INNER)


async def arrived_in(
    node: Node,
    treasury: Address,
    token: Address | None,
    number: int,
    block_hash: bytes,
    sent: Sequence[RecordedTransfer],
) -> int | None:
    """Units of the token that came in block `number`, whose hash the index recorded; None where the node cannot say.

    `sent` is what the treasury sent in that block, of any asset. Raises NodeUnreachable and its kin.
    """
    (block,) = await node.blocks([number], full=token is None)
    if block is None or block.hash != block_hash:
        return None  # the node is elsewhere; the index will see it too
    places = (to_hex(block.parent_hash), to_hex(block.hash))
    found = await node.outcomes([_balance(treasury, token, place) for place in places])
    try:
        before, after = (_units(answer, token) for answer in found)
    except (NodeRefused, AnswerMalformed):
        return None
    paid_out = sum(moved.units for moved in sent if moved.succeeded and _is_of(moved, token))
    if token is None:
        fees = await _fees(node, treasury, block)
        if fees is None:
            return None
        paid_out += fees
    return max(0, after - before + paid_out)


async def _fees(node: Node, treasury: Address, block: Block) -> int | None:
    """What the treasury's own transactions in the block cost it, in wei."""
    total = 0
    for transaction in block.transactions:
        if transaction.sender != treasury:
            continue
        receipt = await node.receipt(transaction.hash)
        if receipt is None or receipt.fee is None or receipt.block_hash != block.hash:
            return None
        total += receipt.fee
    return total


def _balance(owner: Address, token: Address | None, block: str) -> Call:
    at = {"blockHash": block}
    if token is None:
        return "eth_getBalance", (owner, at)
    return "eth_call", ({"to": token, "data": to_hex(balance_of(owner)), "gas": hex(READ_GAS)}, at)


def _units(answer: object | NodeRefused, token: Address | None) -> int:
    """Raises NodeRefused, AnswerMalformed."""
    if isinstance(answer, NodeRefused):
        raise answer
    return quantity(answer) if token is None else decode_balance(data(answer))


def _is_of(moved: RecordedTransfer, token: Address | None) -> bool:
    if token is None:
        return moved.kind in _COINS
    return moved.kind is Kind.ERC20 and moved.token == token
