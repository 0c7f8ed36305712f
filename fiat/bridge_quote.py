"""Quotes between a currency and a token: firm until their expiry, signed, itemised. Pure.

A struct of its own beside LedgerQuote (docs/adr/0020): a token's amounts are up to 2^256, and a token is its chain and
contract, whatever it is called. The digest is the quote's id. Either way the amount given is the person's, and what is
received is rounded down: to the token, to what the ledger can keep of it (token_scale.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

from fiat.conversion import RATE_TERM_MAX, less_spread, rounded_down
from fiat.errors import AmountNotPositive, AmountTooLarge, FeeExceedsAmount, OrderMalformed
from fiat.fee import FeeSchedule, fee_minor
from fiat.money import AMOUNT_MINOR_MAX
from fiat.signature import StructType, typed_digest
from fiat.token_scale import minor_and_dust, units_of

UNITS_MAX = 2**256 - 1
_FIELDS = (
    ("holder", "bytes32"),
    ("salt", "bytes32"),
    ("toToken", "uint8"),
    ("currency", "string"),
    ("exponent", "uint8"),
    ("chainId", "uint64"),
    ("token", "address"),
    ("symbol", "string"),
    ("decimals", "uint8"),
    ("giveAmount", "uint256"),
    ("receiveAmount", "uint256"),
    ("feeMinor", "uint64"),
    ("networkFeeMinor", "uint64"),
    ("rateNumerator", "uint256"),
    ("rateDenominator", "uint256"),
    ("spreadPpm", "uint32"),
    ("expiresAt", "uint64"),
)
_QUOTE = StructType("BridgeQuote", _FIELDS)
_DIGITS = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)
_SPELLINGS = {
    "bytes32": re.compile(r"0x[0-9a-f]{64}", re.ASCII),
    "address": re.compile(r"0x[0-9a-f]{40}", re.ASCII),
    "string": re.compile(r"[A-Z][A-Z0-9]{1,5}", re.ASCII),
    **dict.fromkeys(("uint8", "uint32", "uint64", "uint256"), _DIGITS),
}
_NATIVE = bytes(20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A currency and a token. `token` is the contract, or 20 zero bytes for the chain's own coin."""

    to_token: bool
    currency: str
    exponent: int
    chain_id: int
    token: bytes
    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeQuote(Pair):
    """`market` is units of what is received for one of what is given, before the spread.

    To a token, `give_amount` (minor units) is what is exchanged, and the fees leave beside it. From a token, it is the
    token's units, and the fees are kept back of what they come to. `network_fee_minor` is what the operator expects to
    pay for gas. `expires_at` in Unix seconds.
    """

    holder: bytes
    salt: bytes
    give_amount: int
    receive_amount: int
    fee_minor: int
    network_fee_minor: int
    market: Fraction
    spread_ppm: int
    expires_at: int

    def digest(self, ledger_id: bytes) -> bytes:
        """32 bytes: the quote's id, and what the operator signs."""
        return typed_digest(ledger_id, _QUOTE.hash(self._values))

    @property
    def _values(self) -> dict[str, object]:
        rate = {"rateNumerator": self.market.numerator, "rateDenominator": self.market.denominator}
        own = {name: getattr(self, _snake(name)) for name, _ in _FIELDS if name not in rate}
        own["toToken"] = int(self.to_token)
        return {name: (own | rate)[name] for name, _ in _FIELDS}

    def to_json(self) -> dict[str, str]:
        """The signed fields: integers as digit strings, bytes as 0x lower-case hex."""
        return {n: "0x" + v.hex() if isinstance(v, bytes) else str(v) for n, v in self._values.items()}

    @property
    def asset(self) -> str:
        """The token as an order names it (`receiveAsset`)."""
        return chain_asset(self.chain_id, self.token)

    @property
    def fees_minor(self) -> int:
        return self.fee_minor + self.network_fee_minor

    @property
    def total_minor(self) -> int:
        """What leaves a ledger account: amount and fees; nothing where a token is given."""
        return self.give_amount + self.fees_minor if self.to_token else 0

    @property
    def rate(self) -> Fraction:
        """After the spread."""
        return less_spread(self.market, self.spread_ppm)

    @property
    def adds_up(self) -> bool:
        """Is what is received what amount, rate, spread and fees give, rounded down?"""
        return self.receive_amount == _received(self, self.give_amount, self.rate, self.fees_minor)


def chain_asset(chain_id: int, token: bytes) -> str:
    """CAIP-19: the chain's own coin (slip44:60), or a contract of ERC-20."""
    return f"eip155:{chain_id}/slip44:60" if token == _NATIVE else f"eip155:{chain_id}/erc20:0x{token.hex()}"


def bridge_quote(
    pair: Pair,
    give_amount: int,
    market: Fraction,
    *,
    holder: bytes,
    salt: bytes,
    spread_ppm: int,
    schedule: FeeSchedule,
    network_fee_minor: int,
    expires_at: int,
) -> BridgeQuote:
    """Raises AmountNotPositive where nothing would be received, AmountTooLarge, FeeExceedsAmount."""
    if max(market.numerator, market.denominator) > RATE_TERM_MAX or market <= 0:
        raise ValueError("a rate is above zero, its numerator and denominator at most 10^18")
    if give_amount <= 0:
        raise AmountNotPositive(str(give_amount))
    rate = less_spread(market, spread_ppm)
    charged = give_amount if pair.to_token else _received(pair, give_amount, rate, 0)
    if charged <= 0:
        raise AmountNotPositive("0")
    if charged > AMOUNT_MINOR_MAX or give_amount > UNITS_MAX:
        raise AmountTooLarge(str(give_amount))
    fee = fee_minor(schedule, charged)
    received = _received(pair, give_amount, rate, fee + network_fee_minor)
    if received <= 0:
        if not pair.to_token:
            raise FeeExceedsAmount(charged, fee + network_fee_minor)
        raise AmountNotPositive("0")
    kept = minor_and_dust(received, pair.decimals)[0] if pair.to_token else received
    if kept > AMOUNT_MINOR_MAX:
        raise AmountTooLarge(str(received))
    return BridgeQuote(
        **{field.name: getattr(pair, field.name) for field in fields(Pair)},
        holder=holder,
        salt=salt,
        give_amount=give_amount,
        receive_amount=received,
        fee_minor=fee,
        network_fee_minor=network_fee_minor,
        market=market,
        spread_ppm=spread_ppm,
        expires_at=expires_at,
    )


def bridge_quote_from_json(document: Mapping[str, object]) -> BridgeQuote:
    """Read the signed fields in their one spelling. Raises OrderMalformed naming the field."""
    values: dict[str, Any] = {}
    for name, kind in _FIELDS:
        text = document.get(name)
        if not isinstance(text, str) or not _SPELLINGS[kind].fullmatch(text):
            raise OrderMalformed(name, f"is a {kind} in its one spelling")
        value = text if kind == "string" else int(text) if kind.startswith("uint") else bytes.fromhex(text[2:])
        if isinstance(value, int) and value >> int(kind[4:]):
            raise OrderMalformed(name, f"is a {kind}")
        values[_snake(name)] = value
    numerator, denominator = values.pop("rate_numerator"), values.pop("rate_denominator")
    if len(document) != len(_FIELDS) or not denominator or values["to_token"] > 1:
        raise OrderMalformed("quote", "has other fields, or a rate that is none")
    values["to_token"] = bool(values["to_token"])
    found = BridgeQuote(**values, market=Fraction(numerator, denominator))
    if found.to_json() != dict(document):
        raise OrderMalformed("rateNumerator", "and denominator are in lowest terms")
    return found


def _received(pair: Pair, give_amount: int, rate: Fraction, fees_minor: int) -> int:
    """Units or minor units that arrive; below 1 where nothing does."""
    places = pair.decimals - pair.exponent
    scale = Fraction(10) ** (places if pair.to_token else -places)
    if not pair.to_token:
        return rounded_down(give_amount * rate * scale) - fees_minor
    minor, _ = minor_and_dust(rounded_down(give_amount * rate * scale), pair.decimals)
    return units_of(minor, pair.decimals)


def _snake(name: str) -> str:
    return re.sub("([A-Z])", r"_\1", name).lower()
