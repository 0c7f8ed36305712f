"""Tokens and amounts of them. The chain's own coin is a token without an address."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chain.address import Address
from chain.errors import AmountMalformed, AmountTooLarge, AmountTooPrecise, TokensDiffer

UNITS_MAX = 2**256 - 1
DECIMALS_MAX = 77
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,77})(?:\.([0-9]{1,77}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """`address` None means the chain's own coin. What a token is called is for people; chain and address are it."""

    chain_id: int
    address: Address | None
    symbol: str
    name: str
    decimals: int

    def __post_init__(self) -> None:
        if not 0 <= self.decimals <= DECIMALS_MAX:
            raise ValueError("decimals out of bounds")

    @classmethod
    def native(cls, chain_id: int, symbol: str = "ETH", name: str = "Ether") -> Token:
        return cls(chain_id, None, symbol, name, 18)

    @property
    def is_native(self) -> bool:
        return self.address is None

    def is_same_as(self, other: Token) -> bool:
        """The same asset, whatever its list calls it."""
        return (self.chain_id, self.address) == (other.chain_id, other.address)


@dataclass(frozen=True, slots=True)
class TokenAmount:
    """`units` of the token's smallest unit, at least 0 and below 2^256. No relation to fiat.money on purpose."""

    units: int
    token: Token

    def __post_init__(self) -> None:
        if not 0 <= self.units <= UNITS_MAX:
            raise AmountTooLarge(str(self.units)[:100], self.token.symbol)

    @classmethod
    def parse(cls, text: str, token: Token) -> TokenAmount:
        """Of a plain decimal number such as `0.25`: ASCII digits, no sign, exponent, grouping or blank; 0 passes.

        Raises AmountMalformed, AmountTooPrecise (also for trailing zeros), AmountTooLarge.
        """
        match = _DECIMAL.fullmatch(text)
        if match is None:
            raise AmountMalformed(text[:100])
        whole, fraction = match[1], match[2] or ""
        if len(fraction) > token.decimals:
            raise AmountTooPrecise(text[:100], token.symbol, token.decimals)
        units = int(whole + fraction.ljust(token.decimals, "0"))
        if units > UNITS_MAX:
            raise AmountTooLarge(text[:100], token.symbol)
        return cls(units, token)

    def format(self, decimals_min: int = 0) -> str:
        """The exact decimal number, without needless zeros beyond `decimals_min`; `parse` reads it back."""
        digits = str(self.units).rjust(self.token.decimals + 1, "0")
        split = len(digits) - self.token.decimals
        fraction = digits[split:].rstrip("0").ljust(min(decimals_min, self.token.decimals), "0")
        return f"{digits[:split]}.{fraction}" if fraction else digits[:split]

    def __str__(self) -> str:
        return f"{self.format()} {self.token.symbol}"

    def __add__(self, other: TokenAmount) -> TokenAmount:
        self._check_same(other)
        return TokenAmount(self.units + other.units, self.token)

    def __sub__(self, other: TokenAmount) -> TokenAmount:
        self._check_same(other)
        return TokenAmount(self.units - other.units, self.token)

    def _check_same(self, other: TokenAmount) -> None:
        if not self.token.is_same_as(other.token):
            raise TokensDiffer(self.token.symbol, other.token.symbol)
