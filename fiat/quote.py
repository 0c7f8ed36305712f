"""Quotes: what a conversion would give, firm until its expiry. Pure.

A quote is a fixed EIP-712 struct under the ledger's domain; its digest is the quote's id, stands in the order that
accepts it as `reference`, and is signed by the operator, so that both sides can show later what was offered. The person
gives `amount_minor` and the fee; what they receive is rounded down.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from fiat.conversion import Conversion, less_spread, minor_rate, rounded_down
from fiat.currency import Currency
from fiat.errors import OrderMalformed
from fiat.signature import StructType, typed_digest

_QUOTE = StructType(
    "LedgerQuote",
    (
        ("holder", "bytes32"),
        ("salt", "bytes32"),
        ("currency", "string"),
        ("exponent", "uint8"),
        ("amountMinor", "uint64"),
        ("feeMinor", "uint64"),
        ("receiveAsset", "string"),
        ("receiveExponent", "uint8"),
        ("receiveMinor", "uint64"),
        ("rateNumerator", "uint256"),
        ("rateDenominator", "uint256"),
        ("spreadPpm", "uint32"),
        ("expiresAt", "uint64"),
    ),
)
_DIGITS = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)
_SPELLINGS = {
    "bytes32": re.compile(r"0x[0-9a-f]{64}", re.ASCII),
    "string": re.compile(r"[A-Z][A-Z0-9]{1,5}", re.ASCII),
    **dict.fromkeys(("uint8", "uint32", "uint64", "uint256"), _DIGITS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """`market` is units of `receive_asset` for one of `currency`, before the spread; `expires_at` in Unix seconds."""

    holder: bytes
    salt: bytes
    currency: str
    exponent: int
    amount_minor: int
    fee_minor: int
    receive_asset: str
    receive_exponent: int
    receive_minor: int
    market: Fraction
    spread_ppm: int
    expires_at: int

    def digest(self, ledger_id: bytes) -> bytes:
        """32 bytes: the quote's id, and what the operator signs."""
        return typed_digest(ledger_id, _QUOTE.hash(self._values))

    @property
    def _values(self) -> dict[str, object]:
        return {
            "holder": self.holder,
            "salt": self.salt,
            "currency": self.currency,
            "exponent": self.exponent,
            "amountMinor": self.amount_minor,
            "feeMinor": self.fee_minor,
            "receiveAsset": self.receive_asset,
            "receiveExponent": self.receive_exponent,
            "receiveMinor": self.receive_minor,
            "rateNumerator": self.market.numerator,
            "rateDenominator": self.market.denominator,
            "spreadPpm": self.spread_ppm,
            "expiresAt": self.expires_at,
        }

    def to_json(self) -> dict[str, str]:
        """The signed fields: integers as digit strings, bytes as 0x lower-case hex."""
        return {n: "0x" + v.hex() if isinstance(v, bytes) else str(v) for n, v in self._values.items()}

    @property
    def total_minor(self) -> int:
        """What leaves the account: amount and fee."""
        return self.amount_minor + self.fee_minor

    @property
    def rate(self) -> Fraction:
        """After the spread."""
        return less_spread(self.market, self.spread_ppm)

    @property
    def adds_up(self) -> bool:
        """Is what is received what amount, rate and spread give, rounded down?"""
        give, receive = Currency(self.currency, self.exponent), Currency(self.receive_asset, self.receive_exponent)
        exact = less_spread(minor_rate(self.market, give, receive) * self.amount_minor, self.spread_ppm)
        return self.receive_minor == rounded_down(exact)


def quote(worked_out: Conversion, *, holder: bytes, salt: bytes, expires_at: int) -> Quote:
    """The quote of a conversion: the amount is what is exchanged, the fee leaves beside it whoever bears it."""
    return Quote(
        holder=holder,
        salt=salt,
        currency=worked_out.give.code,
        exponent=worked_out.give.exponent,
        amount_minor=worked_out.charge.arrives_minor,
        fee_minor=worked_out.charge.fee_minor,
        receive_asset=worked_out.receive.code,
        receive_exponent=worked_out.receive.exponent,
        receive_minor=worked_out.receive_minor,
        market=worked_out.rate,
        spread_ppm=worked_out.spread_ppm,
        expires_at=expires_at,
    )


def quote_from_json(document: Mapping[str, object]) -> Quote:
    """Read the signed fields in their one spelling. Raises OrderMalformed naming the field."""
    values: dict[str, Any] = {}
    for name, kind in _QUOTE.fields:
        text = document.get(name)
        if not isinstance(text, str) or not _SPELLINGS[kind].fullmatch(text):
            raise OrderMalformed(name, f"is a {kind} in its one spelling")
        values[name] = text if kind == "string" else bytes.fromhex(text[2:]) if kind == "bytes32" else int(text)
        if kind.startswith("uint") and values[name] >> int(kind[4:]):
            raise OrderMalformed(name, f"is a {kind}")
    if set(document) != set(values) or not values["rateDenominator"]:
        raise OrderMalformed("quote", "has other fields, or a rate that is none")
    found = Quote(
        holder=values["holder"],
        salt=values["salt"],
        currency=values["currency"],
        exponent=values["exponent"],
        amount_minor=values["amountMinor"],
        fee_minor=values["feeMinor"],
        receive_asset=values["receiveAsset"],
        receive_exponent=values["receiveExponent"],
        receive_minor=values["receiveMinor"],
        market=Fraction(values["rateNumerator"], values["rateDenominator"]),
        spread_ppm=values["spreadPpm"],
        expires_at=values["expiresAt"],
    )
    if found.to_json() != dict(document):
        raise OrderMalformed("rateNumerator", "and denominator are in lowest terms")
    return found
