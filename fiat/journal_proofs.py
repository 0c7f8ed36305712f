"""What the journal hands out as evidence: receipts from a sealed batch, and signed heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from fiat import history
from fiat.errors import HolderUnknown
from fiat.head import Head
from fiat.record import leaf_hash
from fiat.seal import MerkleTree, Receipt, Seal
from fiat.signature import OperatorKey


class SealedBatch:
    """A seal with its records; their Merkle tree is made at the first receipt where it is not at hand."""

    def __init__(self, seal: Seal, bodies: Sequence[bytes], tree: MerkleTree | None = None) -> None:
        self.seal = seal
        self.bodies = bodies
        self._tree = tree

    def __contains__(self, sequence: int) -> bool:
        return 0 <= sequence - self.seal.first_sequence < self.seal.size

    def receipt(self, sequence: int) -> Receipt:
        """The record of that sequence (one of this batch's), its path and the seal."""
        if self._tree is None:
            self._tree = MerkleTree([leaf_hash(body) for body in self.bodies])
        index = sequence - self.seal.first_sequence
        return Receipt(self.bodies[index], tuple(self._tree.path(index)), self.seal)


async def signed_head(conn: AsyncConnection, key: OperatorKey, ledger_id: bytes, holder_id: bytes, now: int) -> Head:
    """The holder's chain and balances in one snapshot, signed by the operator. Raises HolderUnknown."""
    holder = await history.holder(conn, holder_id)
    if holder is None:
        raise HolderUnknown("0x" + holder_id.hex())
    head = Head(
        holder=holder_id,
        count=holder.count,
        head=holder.head,
        balances=tuple(await history.balances(conn, holder_id)),
        sequence=await history.last_sequence(conn),
        timestamp=now,
    )
    return replace(head, signature=key.sign_digest(head.digest(ledger_id)))
