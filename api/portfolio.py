"""The one view of what a person holds: ledger balances and tokens, priced in one currency. Pure.

Values are rounded down to the display currency's minor unit, each position by itself; the total is their sum. Nothing
here moves money, so nothing that is rounded away is lost. Tokens on no list are shown in raw units under their address,
with what they claim of themselves, and count for nothing; neither does dust, whose value rounds down to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from api.auth import rfc3339
from api.fields import Answer, DecimalText, LongDigits, Time
from api.prices import PriceBook, PriceState, rate_text
from api.signed import HeadAnswer, head_answer
from chain.address import Address
from chain.token import TokenAmount
from chain.token_claim import Claim
from fiat.currency import Currency
from fiat.head import Balance, Head
from fiat.money import decimal_text

Rail = Literal["ledger", "chain"]


class Claimed(Answer):
    """What a token that is on no list says of itself; empty and null where that cannot be shown, as `faults` say."""

    name: str = Field(examples=["Some Coin"])
    symbol: str = Field(examples=["SOME"])
    decimals: int | None = Field(examples=[18])
    faults: list[str] = Field(examples=[["looks-listed"]])


class Position(Answer):
    """One asset on one rail. `value` is in the portfolio's currency; null where there is no price, never zero.

    `counted` false: it has no part in the total, being dust, or on no list. `claimed` is there for the latter, whose
    `asset` is the contract's address and whose amounts are raw units (`decimals` 0).
    """

    asset: str
    rail: Rail
    chain_id: int | None
    contract: str | None
    amount: DecimalText
    amount_minor: str
    available: DecimalText
    available_minor: str
    coming: DecimalText = Field(default="0", description="credited, and not final: shown, and not to be spent")
    coming_minor: str = "0"
    decimals: int
    price: DecimalText | None
    price_state: Literal["current", "stale", "missing"]
    price_at: Time | None
    value: DecimalText | None
    value_minor: str | None
    counted: bool = True
    claimed: Claimed | None = None


class ChainState(Answer):
    """How current the token side is. `generation` counts how often the server saw the chain restarted or set back.

    From block `untraced_from` on the index may lack coins that contracts moved inside calls; null: it lacks nothing.
    """

    chain_id: int
    state: Literal["current", "unreachable"]
    block: int | None
    lag_blocks: int | None
    generation: int | None = Field(examples=[0])
    untraced_from: int | None = Field(default=None, examples=[None])


class Waiting(Answer):
    """What one should look at: holds of the operator's (`GET /notices`), changes to come and a freeze (`/controls`)."""

    operator_holds: int = Field(examples=[0])
    pending_changes: int = Field(examples=[0])
    frozen: bool = Field(examples=[False])


class Portfolio(Answer):
    """`total_state`: `current`; `stale` where a stale price is counted in; `partial` where something is not counted."""

    as_of: Time
    currency: str = Field(serialization_alias="in", examples=["EUR"])
    total: DecimalText
    total_minor: LongDigits
    total_state: Literal["current", "stale", "partial"]
    head: HeadAnswer
    waiting: Waiting
    chains: list[ChainState]
    positions: list[Position]


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Units of a token that is on no list."""

    token: Address
    units: int
    claim: Claim


@dataclass(frozen=True, slots=True)
class Holdings:
    """What was read: the signed head, what waits, token amounts (None: the chain did not answer), and the prices."""

    head: Head
    waiting: Waiting
    tokens: Sequence[TokenAmount] | None
    chain: ChainState
    prices: PriceBook
    unlisted: Sequence[Unlisted] = ()
    coming: Mapping[str, int] = field(default_factory=dict)


def portfolio(holdings: Holdings, currency: Currency, now_ns: int) -> Portfolio:
    """Both sides as one view."""
    positions = [
        _coming(_ledger_position(balance, holdings.prices, currency), holdings.coming.get(balance.currency, 0))
        for balance in _by_currency(holdings.head)
    ]
    positions += [
        _chain_position(amount, holdings.prices, currency) for amount in holdings.tokens or () if amount.units
    ]
    positions += [_unlisted_position(each, holdings.chain.chain_id) for each in holdings.unlisted if each.units]
    total = sum(int(position.value_minor) for position in positions if position.counted and position.value_minor)
    return Portfolio(
        as_of=rfc3339(now_ns),
        currency=currency.code,
        total=decimal_text(total, currency.exponent),
        total_minor=str(total),
        total_state=_total_state(positions, holdings.tokens is not None),
        head=head_answer(holdings.head),
        waiting=holdings.waiting,
        chains=[holdings.chain],
        positions=positions,
    )


def _by_currency(head: Head) -> list[Balance]:
    return sorted(head.balances, key=lambda balance: balance.currency)


def _total_state(positions: Iterable[Position], chain_known: bool) -> Literal["current", "stale", "partial"]:
    states = {position.price_state for position in positions if position.counted}
    if PriceState.MISSING in states or not chain_known:
        return "partial"
    return "stale" if PriceState.STALE in states else "current"


def _ledger_position(balance: Balance, prices: PriceBook, currency: Currency) -> Position:
    return _position(
        asset=balance.currency,
        token=None,
        amounts=(balance.booked, balance.available),
        texts=(decimal_text(balance.booked, balance.exponent), decimal_text(balance.available, balance.exponent)),
        decimals=balance.exponent,
        prices=prices,
        currency=currency,
    )


def _coming(position: Position, minor: int) -> Position:
    text = decimal_text(minor, position.decimals)
    return position.model_copy(update={"coming": text, "coming_minor": str(minor)}) if minor else position


def _chain_position(amount: TokenAmount, prices: PriceBook, currency: Currency) -> Position:
    text = amount.format()
    return _position(
        asset=amount.token.symbol,
        token=amount,
        amounts=(amount.units, amount.units),
        texts=(text, text),
        decimals=amount.token.decimals,
        prices=prices,
        currency=currency,
    )


def _unlisted_position(held: Unlisted, chain_id: int) -> Position:
    """Raw units: a decimal point that a stranger places says nothing."""
    claim, units = held.claim, str(held.units)
    faults = [fault.value for fault in claim.faults]
    return Position(
        asset=held.token,
        rail="chain",
        chain_id=chain_id,
        contract=held.token,
        amount=units,
        amount_minor=units,
        available=units,
        available_minor=units,
        decimals=0,
        price=None,
        price_state="missing",
        price_at=None,
        value=None,
        value_minor=None,
        counted=False,
        claimed=Claimed(name=claim.name, symbol=claim.symbol, decimals=claim.decimals, faults=faults),
    )


def _position(
    *,
    asset: str,
    token: TokenAmount | None,
    amounts: tuple[int, int],
    texts: tuple[str, str],
    decimals: int,
    prices: PriceBook,
    currency: Currency,
) -> Position:
    price = prices.price(asset, currency.code)
    value = None if price.rate is None else int(amounts[0] * price.rate * 10**currency.exponent // 10**decimals)
    return Position(
        asset=asset,
        rail="ledger" if token is None else "chain",
        chain_id=token.token.chain_id if token else None,
        contract=token.token.address if token else None,
        amount=texts[0],
        amount_minor=str(amounts[0]),
        available=texts[1],
        available_minor=str(amounts[1]),
        decimals=decimals,
        price=None if price.rate is None else rate_text(price.rate),
        price_state=price.state.value,
        price_at=None if price.at is None else rfc3339(price.at * 10**9),
        value=None if value is None else decimal_text(value, currency.exponent),
        value_minor=None if value is None else str(value),
        counted=token is None or value != 0,
    )
