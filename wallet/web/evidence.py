"""What is kept of a signed order: the order, its signature, the operator's receipt; and do they hold together?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fiat.errors import FiatError
from fiat.order import SignedOrder, order_from_json
from wallet.errors import AnswerUnfit, ProofMissing, StateUnusable
from wallet.proofs import read_receipt
from wallet.wallet import Wallet


@dataclass(frozen=True, slots=True)
class Evidence:
    """`order` and `receipt` as JSON texts ("" where there is none), `proven`: the receipt was checked just now."""

    kind: str
    order: str
    receipt: str
    proven: bool
    seal: str


async def evidence_of(wallet: Wallet, nonce: object) -> Evidence | None:
    """Of the order of that nonce, if it was sent from here."""
    if not isinstance(nonce, str) or not nonce.startswith("0x") or len(nonce) != 66 or not nonce[2:].isalnum():
        return None
    try:
        kept = wallet.client.folder.below("orders").read(nonce)
    except StateUnusable:
        return None
    body, answer = kept.get("body"), kept.get("answer") or {}
    if not isinstance(body, dict):
        return None
    receipt = answer.get("receipt")
    proven, seal = await _proven(wallet, body, receipt)
    return Evidence(str(body.get("type", "")), _json(body), _json(receipt) if receipt else "", proven, seal)


async def _proven(wallet: Wallet, body: dict[str, Any], receipt: Any) -> tuple[bool, str]:
    """Does the receipt carry this very order, under a seal that the operator signed?"""
    try:
        signed = SignedOrder(order_from_json(body["type"], body["order"]), bytes.fromhex(body["signature"][2:]))
        read_receipt(wallet.client.host, receipt, await wallet.client.ledger(), signed.order, signed.signature)
        return True, str(int(receipt["seal"]["number"]))
    except (AnswerUnfit, ProofMissing, FiatError, KeyError, TypeError, ValueError):
        return False, ""


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
