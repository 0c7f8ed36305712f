"""Transactions on their way between machines: unsigned to where the key is, signed back to where the network is. Pure.

Both are JSON documents with the bytes themselves; whatever else is in them is recomputed from the bytes, so that a
document that was changed on the way shows what it became, or is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chain.address import Address
from chain.errors import AddressMalformed, JsonMalformed, TransactionMalformed
from chain.strict_json import parse
from chain.transaction import SignedTransaction, TransactionRequest
from wallet.errors import InputMalformed

FILE_BYTES_MAX = 512 * 1024
UNSIGNED, SIGNED, VERSION = "tandem-unsigned", "tandem-signed", 1


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A prepared transaction of `request.sender`."""

    request: TransactionRequest

    def to_json(self) -> dict[str, Any]:
        assert self.request.sender is not None
        return {
            "format": UNSIGNED,
            "version": VERSION,
            "chain_id": self.request.chain_id,
            "sender": self.request.sender,
            "payload": "0x" + self.request.unsigned_payload.hex(),
            "digest": "0x" + self.request.signing_hash.hex(),
        }


def signed_json(signed: SignedTransaction) -> dict[str, Any]:
    return {
        "format": SIGNED,
        "version": VERSION,
        "chain_id": signed.request.chain_id,
        "sender": signed.request.sender,
        "raw": "0x" + signed.raw.hex(),
        "transaction": signed.hash_hex,
    }


def read_unsigned(text: str) -> Unsigned:
    """Raises InputMalformed."""
    document = _document(text, UNSIGNED, {"chain_id", "sender", "payload", "digest"})
    try:
        request = TransactionRequest.decode(_bytes(document["payload"])).with_sender(Address(document["sender"]))
    except (TransactionMalformed, AddressMalformed, TypeError):
        raise InputMalformed("file", "", "its transaction is malformed") from None
    found = Unsigned(request)
    if found.to_json() != document:
        raise InputMalformed("file", "", "what it says is not what its bytes are")
    return found


def read_signed(text: str) -> SignedTransaction:
    """Raises InputMalformed."""
    document = _document(text, SIGNED, {"chain_id", "sender", "raw", "transaction"})
    try:
        signed = SignedTransaction.decode(_bytes(document["raw"]))
    except TransactionMalformed:
        raise InputMalformed("file", "", "its transaction is malformed") from None
    if signed_json(signed) != document:
        raise InputMalformed("file", "", "what it says is not what its bytes are")
    return signed


def _document(text: str, kind: str, names: set[str]) -> dict[str, Any]:
    try:
        document = parse(text, FILE_BYTES_MAX)
    except JsonMalformed:
        document = None
    if not isinstance(document, dict) or document.get("format") != kind or document.get("version") != VERSION:
        raise InputMalformed("file", "", "it is no file of that kind")
    if set(document) != {"format", "version", *names}:
        raise InputMalformed("file", "", "it is no file of that kind")
    return document


def _bytes(text: object) -> bytes:
    try:
        return bytes.fromhex(text[2:]) if isinstance(text, str) and text.startswith("0x") else b""
    except ValueError:
        return b""
