"""Holders: the genesis document that names a person at the ledger, the ids that follow from it, and how they stand now.

`holderId` is the hash of a document that contains the root key, so the operator cannot put a key of its own on a
person's account without the id changing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from fiat.currency import Currency
from fiat.errors import OrderMalformed
from fiat.head import chain_head, chain_link
from fiat.signature import keccak256

GENESIS_VERSION = 1
GENESIS_LENGTH = 54
OPERATOR = bytes(32)
"""The holder id under which the operator's own accounts stand."""

MAIN = "main"
PURPOSE_LENGTH_MAX = 64


class Recovery(IntEnum):
    """May two officers move a whole balance to a new holder of the same person, after 14 days' notice?

    And is the root a contract (ERC-1271), which names one key before the first order? The holder's id pins both, so
    that nobody puts such a key over a plain root.
    """

    NEVER = 0
    RECOVERABLE = 1
    CONTRACT_NEVER = 2
    CONTRACT_RECOVERABLE = 3

    @property
    def is_recoverable(self) -> bool:
        return bool(self & 1)

    @property
    def is_contract(self) -> bool:
        return bool(self & 2)


@dataclass(frozen=True, slots=True)
class HolderGenesis:
    """Canonical document: version (1 byte), root key's address (20), salt (32), recovery choice (1)."""

    root: bytes
    salt: bytes
    recovery: Recovery = Recovery.NEVER

    def __post_init__(self) -> None:
        if len(self.root) != 20 or self.root == bytes(20):
            raise OrderMalformed("root", "is an address of 20 bytes")
        if len(self.salt) != 32:
            raise OrderMalformed("salt", "has 32 bytes")

    @property
    def document(self) -> bytes:
        return bytes([GENESIS_VERSION]) + self.root + self.salt + bytes([self.recovery])

    @property
    def holder_id(self) -> bytes:
        """32 bytes: keccak256 of the document."""
        return keccak256(self.document)

    @classmethod
    def parse(cls, document: bytes) -> HolderGenesis:
        """Read the canonical document. Raises OrderMalformed."""
        if len(document) != GENESIS_LENGTH or document[0] != GENESIS_VERSION or document[53] > max(Recovery):
            raise OrderMalformed("genesis", "is 54 bytes: version 1, root address, salt, recovery 0 to 3")
        return cls(document[1:21], document[21:53], Recovery(document[53]))


class Holder(NamedTuple):
    """A person at the ledger now. Before the first record `count` is 0 and `head` is the id.

    `root` is the key that control orders answer to; `contract` is empty or the ERC-1271 account that authorised that
    key, once. `keyring` are the further keys (control.py), `limits` the person's limits and `spent` what counts
    against them (limit.py), as the bytes that lie in the row.
    """

    id: bytes
    root: bytes
    recovery: int
    blind: bytes
    epoch: int
    frozen: bool
    count: int  # type: ignore[assignment]  # nobody counts a holder's fields
    head: bytes
    contract: bytes = b""
    keyring: bytes = b""
    limits: bytes = b""
    spent: bytes = b""

    def link(self) -> bytes:
        """The link that this holder's next record carries."""
        return chain_link(self.blind, self.count + 1, self.head)

    def after(self, link: bytes, leaf: bytes) -> Holder:
        """The holder once a record with that link and leaf stands in the journal."""
        head = chain_head(self.id, link, leaf)
        return Holder._make((*self[:6], self.count + 1, head, *self[8:]))

    def counted(self, spent: bytes) -> Holder:
        """The holder with other counters."""
        return Holder._make((*self[:11], spent))


def account_id(holder_id: bytes, currency: Currency, purpose: str = MAIN) -> int:
    """The machine's account id: first 16 bytes of keccak256(holderId, currency padded to 8, purpose)."""
    if len(holder_id) != 32 or not 0 < len(purpose) <= PURPOSE_LENGTH_MAX or not purpose.isascii():
        raise ValueError("a holder id has 32 bytes, a purpose 1 to 64 ASCII characters")
    return int.from_bytes(keccak256(holder_id + currency.code.encode().ljust(8, b"\0") + purpose.encode())[:16], "big")


def leg_id(holder_id: bytes, nonce: bytes, leg: int) -> int:
    """The machine's id of leg n of an order: first 16 bytes of keccak256(holderId, nonce, n as 4 bytes)."""
    return int.from_bytes(keccak256(holder_id + nonce + leg.to_bytes(4, "big"))[:16], "big")


def fingerprint(holder_id: bytes) -> str:
    """What two people compare by voice: the first 8 bytes as four groups of four hex digits."""
    digits = holder_id[:8].hex()
    return " ".join(digits[i : i + 4] for i in range(0, 16, 4))
