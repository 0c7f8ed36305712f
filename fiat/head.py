"""Heads: a holder's whole state as the operator signs it, and the chain of records that a head stands at the end of.

Each record of a holder carries a `link`, which binds their previous head and count under a blinding value that only
they and the ledger know, so that a counterparty who holds the same record learns nothing from it. Imports next to
nothing: a client checks a head each time it shows a balance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from fiat.errors import OrderSignatureWrong, ProofRefused
from fiat.signature import StructType, recover, typed_digest

LINK_TAG, HEAD_TAG = b"\x02", b"\x03"

_BALANCE = StructType(
    "LedgerBalance",
    (
        ("account", "bytes32"),
        ("currency", "string"),
        ("exponent", "uint8"),
        ("debitsPending", "uint64"),
        ("debitsPosted", "uint64"),
        ("creditsPending", "uint64"),
        ("creditsPosted", "uint64"),
    ),
)
_HEAD = StructType(
    "LedgerHead",
    (
        ("holder", "bytes32"),
        ("count", "uint64"),
        ("head", "bytes32"),
        ("balances", "LedgerBalance[]"),
        ("sequence", "uint64"),
        ("timestamp", "uint64"),
    ),
    (_BALANCE,),
)


def chain_link(blind: bytes, count: int, previous: bytes) -> bytes:
    """A record's link in a holder's chain: SHA-256(0x02, blind, count of this record as 8 bytes, previous head)."""
    return sha256(LINK_TAG + blind + count.to_bytes(8, "big") + previous).digest()


def chain_head(holder: bytes, link: bytes, leaf: bytes) -> bytes:
    """The holder's head after a record: SHA-256(0x03, holderId, link, leaf). Before the first it is the holderId."""
    return sha256(HEAD_TAG + holder + link + leaf).digest()


def follow(holder: bytes, blind: bytes, count: int, head: bytes, leaves: Iterable[bytes]) -> tuple[int, bytes]:
    """Walk a holder's chain from (count, head) over the leaves that follow. Returns the new (count, head)."""
    for leaf in leaves:
        count += 1
        head = chain_head(holder, chain_link(blind, count, head), leaf)
    return count, head


@dataclass(frozen=True, slots=True)
class Balance:
    """One machine account of a holder: four integers in minor units, as the machine keeps them."""

    account: int
    currency: str
    exponent: int
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int

    @property
    def booked(self) -> int:
        return self.credits_posted - self.debits_posted

    @property
    def available(self) -> int:
        return self.booked - self.debits_pending

    @property
    def _values(self) -> dict[str, object]:
        return {
            "account": self.account.to_bytes(32, "big"),
            "currency": self.currency,
            "exponent": self.exponent,
            "debitsPending": self.debits_pending,
            "debitsPosted": self.debits_posted,
            "creditsPending": self.credits_pending,
            "creditsPosted": self.credits_posted,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A holder's state as the operator signs it: chain count and head, balances, journal sequence and time (ns)."""

    holder: bytes
    count: int
    head: bytes
    balances: tuple[Balance, ...]
    sequence: int
    timestamp: int
    signature: bytes = b""

    def digest(self, ledger_id: bytes) -> bytes:
        values: dict[str, object] = {
            "holder": self.holder,
            "count": self.count,
            "head": self.head,
            "balances": tuple(balance._values for balance in self.balances),
            "sequence": self.sequence,
            "timestamp": self.timestamp,
        }
        return typed_digest(ledger_id, _HEAD.hash(values))

    def check(self, ledger_id: bytes, operator: bytes) -> None:
        """Raises ProofRefused unless the operator signed it."""
        check_operator(self.digest(ledger_id), self.signature, operator, "head")


def check_operator(digest: bytes, signature: bytes, operator: bytes, what: str) -> None:
    """Raises ProofRefused unless the operator's key gave the signature."""
    try:
        signer = recover(digest, signature)
    except OrderSignatureWrong:
        raise ProofRefused(f"the {what}'s signature is malformed") from None
    if signer != operator:
        raise ProofRefused(f"the {what} is not signed by the ledger's operator key")
