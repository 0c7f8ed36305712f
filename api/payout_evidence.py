"""What the chain says of a payment that was signed, as far as it is certain. Asks the node; decides nothing by time.

Certain is what stands in a final block: so many confirmations, at the height where the node still has that block.
Everything else is unknown, and unknown changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from chain.address import Address
from chain.block import Receipt
from chain.erc20 import decode_transfer_log
from chain.errors import ChainError
from chain.node import Node
from chain.quantity import quantity
from chain.reorg import final_height
from chain.token import TokenAmount
from chain.transaction_answer import parse_transaction


class Word(StrEnum):
    """What became of it."""

    ARRIVED = "arrived"  # final, and the asset moved as it should
    REVERTED = "reverted"  # final, with status 0: nothing moved, and its number is used up
    REPLACED = "replaced"  # another transaction of that number is final
    ODD = "odd"  # final with status 1, but the token did not say that it moved
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Evidence:
    """`receipt` is that of the sending which counted; None where none did."""

    word: Word
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A payment that was signed: from whom, under which number, in which transactions (32 bytes each)."""

    sender: Address
    number: int
    to: Address
    amount: TokenAmount
    hashes: tuple[bytes, ...]


class Witness:
    """Looks at one chain through one node."""

    def __init__(self, node: Node, confirmations: int) -> None:
        self._node, self._confirmations = node, confirmations

    async def of(self, sent: Sent) -> Evidence:
        """Raises ChainError where the node does not answer: then it is not even known to be unknown."""
        final = final_height(await self._node.height(), self._confirmations)
        if final < 0:
            return Evidence(Word.UNKNOWN)
        for transaction in sent.hashes:
            receipt = await self._node.receipt(transaction)
            if receipt is not None:
                return await self._of_receipt(sent, transaction, receipt, final)
        if await self._count(sent.sender, final) <= sent.number:
            return Evidence(Word.UNKNOWN)
        replaced = await self._replaced(sent, final)
        return Evidence(Word.REPLACED if replaced else Word.UNKNOWN)

    async def is_known(self, transaction: bytes) -> bool:
        """Has the node it, waiting or in a block?"""
        return await self._node.call("eth_getTransactionByHash", ["0x" + transaction.hex()]) is not None

    async def _of_receipt(self, sent: Sent, transaction: bytes, receipt: Receipt, final: int) -> Evidence:
        (block,) = await self._node.blocks([receipt.block_number])
        stands = block is not None and block.hash == receipt.block_hash and transaction in block.transaction_hashes
        if receipt.transaction_hash != transaction or receipt.block_number > final or not stands:
            return Evidence(Word.UNKNOWN)
        if not receipt.succeeded:
            return Evidence(Word.REVERTED, receipt)
        return Evidence(Word.ARRIVED if moved(sent, receipt) else Word.ODD, receipt)

    async def _count(self, sender: Address, height: int) -> int:
        return quantity(await self._node.call("eth_getTransactionCount", [sender, hex(height)]), 64)

    async def _replaced(self, sent: Sent, final: int) -> bool:
        """Is another transaction of that sender and number in a final block?

        The transaction itself is the proof: only the sender's key can have signed it.
        """
        low, high = 0, final
        while low < high:
            middle = (low + high) // 2
            if await self._count(sent.sender, middle) > sent.number:
                high = middle
            else:
                low = middle + 1
        (block,) = await self._node.blocks([low], full=True)
        if block is None:
            return False
        for inside in block.transactions:
            if inside.sender == sent.sender and inside.hash not in sent.hashes:
                answer = await self._node.call("eth_getTransactionByHash", ["0x" + inside.hash.hex()])
                if _took_its_number(answer, sent):
                    return True
        return False


def moved(sent: Sent, receipt: Receipt) -> bool:
    """Does the receipt of our transfer, which succeeded, say that the asset moved?

    Coins move by the transaction itself. A token's contract has to say so by one Transfer of just that.
    """
    contract = sent.amount.token.address
    if contract is None:
        return True
    found = [decode_transfer_log(log) for log in receipt.logs if log.address == contract]
    said: Sequence[tuple[Address, Address, int]] = [(t.sender, t.receiver, t.units) for t in found if t is not None]
    return list(said) == [(sent.sender, sent.to, sent.amount.units)]


def _took_its_number(answer: object, sent: Sent) -> bool:
    """Is this another transaction of the same sender and number?"""
    try:
        found = parse_transaction(answer)
    except ChainError:
        return False
    return (found.sender, found.request.nonce) == (sent.sender, sent.number) and found.hash not in sent.hashes
