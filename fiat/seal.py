"""Seals and receipts: what lets a person hold the operator to what it once said (heads: head.py).

A seal closes each batch over the RFC 9162 Merkle root of its records and over the seal before it. A receipt is a
record with its path to a seal. All are EIP-712 signatures of the operator's key, which the genesis record, and so the
ledgerId, pins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import NamedTuple

from fiat.errors import ProofRefused
from fiat.head import check_operator
from fiat.order import ZERO_32
from fiat.record import Record, decode, leaf_hash
from fiat.signature import OperatorKey, StructType, typed_digest

PATH_LENGTH_MAX = 64

_SEAL = StructType(
    "LedgerSeal",
    (
        ("number", "uint64"),
        ("previous", "bytes32"),
        ("firstSequence", "uint64"),
        ("size", "uint64"),
        ("root", "bytes32"),
        ("counters", "bytes32"),
        ("timestamp", "uint64"),
    ),
)


class MerkleTree:
    """RFC 9162 section 2.1 over leaf hashes in order, kept level by level, so that a path is a look-up."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(level := self._levels[-1]) > 1:
            pairs = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
            self._levels.append(pairs + level[len(pairs) * 2 :])

    def __len__(self) -> int:
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        """32 bytes; SHA-256 of nothing where there is no leaf."""
        top = self._levels[-1]
        return top[0] if top else sha256(b"").digest()

    def path(self, index: int) -> list[bytes]:
        """Section 2.1.3.1: the sibling hashes from leaf `index` up to the root."""
        path = []
        for level in self._levels[:-1]:
            if (sibling := index ^ 1) < len(level):
                path.append(level[sibling])
            index >>= 1
        return path


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, in order."""
    return MerkleTree(leaves).root


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.3.2. Raises ProofRefused where the path does not belong to that place and size."""
    if not 0 <= index < size or len(path) > PATH_LENGTH_MAX:
        raise ProofRefused("the record's place is outside its batch")
    rest, node, last = list(path), leaf, size - 1
    while last > 0:
        if index & 1 or index < last:
            if not rest:
                raise ProofRefused("the path is too short")
            node = _node(rest.pop(0), node) if index & 1 else _node(node, rest.pop(0))
        index, last = index // 2, last // 2
    if rest:
        raise ProofRefused("the path is too long")
    return node


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One batch of `size` records from `first_sequence` on. `counters` hashes the operator's counts (zero: none)."""

    number: int
    previous: bytes
    first_sequence: int
    size: int
    root: bytes
    counters: bytes = ZERO_32
    timestamp: int
    signature: bytes = b""

    def digest(self, ledger_id: bytes) -> bytes:
        """What the operator signs; the next seal's `previous`. The first seal's previous is zero."""
        return typed_digest(
            ledger_id,
            _SEAL.hash(
                {
                    "number": self.number,
                    "previous": self.previous,
                    "firstSequence": self.first_sequence,
                    "size": self.size,
                    "root": self.root,
                    "counters": self.counters,
                    "timestamp": self.timestamp,
                }
            ),
        )

    def check(self, ledger_id: bytes, operator: bytes) -> None:
        """Raises ProofRefused unless the operator signed it."""
        check_operator(self.digest(ledger_id), self.signature, operator, "seal")


class Receipt(NamedTuple):
    """A record's bytes, the path to its seal's root, and the seal."""

    record: bytes
    path: tuple[bytes, ...]
    seal: Seal

    def check(self, ledger_id: bytes, operator: bytes) -> Record:
        """The record, once its place under the operator's signed seal holds. Raises ProofRefused, RecordMalformed."""
        record = decode(self.record)
        index = record.sequence - self.seal.first_sequence
        if root_of_path(leaf_hash(self.record), index, self.seal.size, self.path) != self.seal.root:
            raise ProofRefused("the record is not under the seal's root")
        self.seal.check(ledger_id, operator)
        return record


def seal_batch(
    key: OperatorKey,
    ledger_id: bytes,
    *,
    number: int,
    previous: bytes,
    first_sequence: int,
    tree: MerkleTree,
    timestamp: int,
    counters: bytes = ZERO_32,
) -> Seal:
    """A signed seal over the tree of a batch's leaf hashes. `counters`: hash of the operator's counts after it."""
    seal = Seal(
        number=number,
        previous=previous,
        first_sequence=first_sequence,
        size=len(tree),
        root=tree.root,
        counters=counters,
        timestamp=timestamp,
    )
    return replace(seal, signature=key.sign_digest(seal.digest(ledger_id)))
