"""A second device: a wallet whose root key the account's own root added as a spending key.

The server says which account that is; the proof is the root's signed order itself, under the operator's seal. Whether
the key was revoked since, no record can show: then its orders are refused.
"""

from __future__ import annotations

from chain.address import Address
from fiat.errors import FiatError
from fiat.order import LedgerControl
from fiat.record import KeyRecord, decode
from wallet.client import Client
from wallet.errors import ProofMissing
from wallet.heads import Reader
from wallet.proofs import Card, Ledger, read_receipt

KEY_ADD = "key-add"


async def prove_added(client: Client, card: Card, key: Address) -> int:
    """The epoch of the account from which the card's root let `key` spend. Raises ProofMissing, AnswerUnfit."""
    standing = Reader(client.host, "controls", await client.get("/controls", session=True))
    nonces = [
        row.raw("nonce", 32)
        for row in standing.each("keys")
        if row.address("address") == key.raw and row.document.get("nonce") is not None
    ]
    if len(nonces) != 1:
        raise ProofMissing(client.host, "card", "the account is another key's")
    answer = Reader(client.host, "order", await client.get(f"/orders/0x{nonces[0].hex()}", session=True))
    check_added(client.host, answer.inner("receipt"), await client.ledger(), card, key)
    return standing.integer("epoch")


def check_added(server: str, receipt: Reader, ledger: Ledger, card: Card, key: Address) -> None:
    """The receipt proves an order of the card's root that adds the key. Raises ProofMissing, AnswerUnfit."""
    try:
        record = decode(receipt.raw("record"))
        signed = record.order if isinstance(record, KeyRecord) else None
        signer = signed.signer(ledger.id) if signed is not None else b""
    except FiatError:
        signed, signer = None, b""
    if signed is None or not isinstance(signed.order, LedgerControl) or signer != card.root:
        raise ProofMissing(server, "card", "the account is another key's")
    order = signed.order
    if (order.holder, order.action, order.subject) != (card.holder, KEY_ADD, bytes(12) + key.raw):
        raise ProofMissing(server, "card", "the account is another key's")
    read_receipt(server, receipt.document, ledger, order, signed.signature)
