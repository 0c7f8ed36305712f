"""What the journal hands out as evidence: receipts from a sealed batch, and signed heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import sha256

from sqlalchemy.ext.asyncio import AsyncConnection

from fiat import history
from fiat.errors import HolderUnknown
from fiat.head import Head
from fiat.record import leaf_hash
from fiat.seal import Receipt, Seal
from fiat.signature import OperatorKey


class SealedBatch:
    """A seal with its records; its Merkle tree (RFC 9162) is built once, at the first receipt."""

    def __init__(self, seal: Seal, bodies: Sequence[bytes]) -> None:
        self.seal = seal
        self.bodies = bodies

    def __contains__(self, sequence: int) -> bool:
        return 0 <= sequence - self.seal.first_sequence < self.seal.size

    @cached_property
    def _levels(self) -> list[list[bytes]]:
        levels = [[leaf_hash(body) for body in self.bodies]]
        while len(level := levels[-1]) > 1:
            pairs = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
            levels.append(pairs + level[len(pairs) * 2 :])
        return levels

    def receipt(self, sequence: int) -> Receipt:
        """The record of that sequence (one of this batch's), its path and the seal."""
        index = sequence - self.seal.first_sequence
        body, path = self.bodies[index], []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                path.append(level[index ^ 1])
            index //= 2
        return Receipt(body, tuple(path), self.seal)


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
