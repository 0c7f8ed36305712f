"""Quotes: what a conversion would give, firm until its expiry. Pure.

A quote is a fixed EIP-712 struct under the ledger's domain; its digest is the quote's id, stands in the order that
accepts it as `reference`, and is signed by the operator, so that both sides can show later what was offered. The person
gives `amount_minor` and the fee; what they receive is rounded down.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from fiat.errors import AmountTooLarge, OrderMalformed
from fiat.money import AMOUNT_MINOR_MAX
from fiat.signature import StructType, typed_digest

PPM = 1_000_000
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
        values: dict[str, object] = {
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
        return typed_digest(ledger_id, _QUOTE.hash(values))

    @property
    def total_minor(self) -> int:
        """What leaves the account: amount and fee."""
        return self.amount_minor + self.fee_minor

    @property
    def rate(self) -> Fraction:
        """After the spread."""
        return self.market * Fraction(PPM - self.spread_ppm, PPM)

    @property
    def adds_up(self) -> bool:
        """Is what is received what amount, rate and spread give?"""
        return self.receive_minor == received_minor(
            self.amount_minor, self.exponent, self.receive_exponent, self.market, self.spread_ppm
        )


def received_minor(amount_minor: int, exponent: int, receive_exponent: int, market: Fraction, spread_ppm: int) -> int:
    """Exact, rounded down. Raises AmountTooLarge where one posting could not carry it."""
    if not 0 <= spread_ppm < PPM or market <= 0:
        raise OrderMalformed("spread", "is below a million, and a rate is above zero")
    exact = amount_minor * market * Fraction(PPM - spread_ppm, PPM) * Fraction(10) ** (receive_exponent - exponent)
    whole = exact.numerator // exact.denominator
    if whole > AMOUNT_MINOR_MAX:
        raise AmountTooLarge(str(whole))
    return whole
