"""Deposit terms: what the operator takes tokens for, and at which address. Pure.

Terms are a fixed EIP-712 struct under the ledger's domain, signed by the operator's key, which the ledger's genesis
pins: so a client pays no address but one that the operator can be held to, whoever stands between the two. They bind
nobody to pay. Token and treasury are 20 bytes; a token of zeros is the chain's own coin; a quote of zeros is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fiat.errors import OrderMalformed
from fiat.order import ZERO_32
from fiat.signature import StructType, typed_digest

_TERMS = StructType(
    "LedgerDeposit",
    (
        ("holder", "bytes32"),
        ("id", "bytes32"),
        ("chainId", "uint64"),
        ("treasury", "address"),
        ("token", "address"),
        ("sender", "address"),
        ("asset", "string"),
        ("decimals", "uint8"),
        ("amountUnits", "uint256"),
        ("currency", "string"),
        ("quote", "bytes32"),
        ("ifLate", "string"),
        ("validBefore", "uint64"),
    ),
)
_DIGITS = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)
_SPELLINGS = {
    "bytes32": re.compile(r"0x[0-9a-f]{64}", re.ASCII),
    "address": re.compile(r"0x[0-9a-f]{40}", re.ASCII),
    "string": re.compile(r"[A-Za-z][A-Za-z0-9]{1,9}", re.ASCII),
    **dict.fromkeys(("uint8", "uint64", "uint256"), _DIGITS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositTerms:
    """`amount_units` of the token, of `decimals`, from `sender` to `treasury`; `valid_before` in Unix seconds."""

    holder: bytes
    id: bytes
    chain_id: int
    treasury: bytes
    token: bytes
    sender: bytes
    asset: str
    decimals: int
    amount_units: int
    currency: str
    quote: bytes = ZERO_32
    if_late: str = "requote"
    valid_before: int

    def digest(self, ledger_id: bytes) -> bytes:
        """32 bytes: what the operator signs."""
        return typed_digest(ledger_id, _TERMS.hash(self._values))

    @property
    def _values(self) -> dict[str, object]:
        return {
            "holder": self.holder,
            "id": self.id,
            "chainId": self.chain_id,
            "treasury": self.treasury,
            "token": self.token,
            "sender": self.sender,
            "asset": self.asset,
            "decimals": self.decimals,
            "amountUnits": self.amount_units,
            "currency": self.currency,
            "quote": self.quote,
            "ifLate": self.if_late,
            "validBefore": self.valid_before,
        }

    def to_json(self) -> dict[str, str]:
        """The signed fields: integers as digit strings, bytes as 0x lower-case hex."""
        return {n: "0x" + v.hex() if isinstance(v, bytes) else str(v) for n, v in self._values.items()}


def terms_from_json(document: Mapping[str, object]) -> DepositTerms:
    """Read the signed fields in their one spelling. Raises OrderMalformed naming the field."""
    values: dict[str, Any] = {}
    for name, kind in _TERMS.fields:
        text = document.get(name)
        if not isinstance(text, str) or not _SPELLINGS[kind].fullmatch(text):
            raise OrderMalformed(name, f"is a {kind} in its one spelling")
        values[name] = text if kind == "string" else int(text) if kind.startswith("uint") else bytes.fromhex(text[2:])
        if kind.startswith("uint") and values[name] >> int(kind[4:]):
            raise OrderMalformed(name, f"is a {kind}")
    if set(document) != set(values):
        raise OrderMalformed("terms", "have other fields")
    return DepositTerms(
        holder=values["holder"],
        id=values["id"],
        chain_id=values["chainId"],
        treasury=values["treasury"],
        token=values["token"],
        sender=values["sender"],
        asset=values["asset"],
        decimals=values["decimals"],
        amount_units=values["amountUnits"],
        currency=values["currency"],
        quote=values["quote"],
        if_late=values["ifLate"],
        valid_before=values["validBefore"],
    )
