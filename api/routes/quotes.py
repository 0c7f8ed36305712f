"""Quotes: what a conversion would give, firm for a minute, itemised; accepted by an order that names its id."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from api.auth import rfc3339
from api.bridge_assets import bridge_assets
from api.currencies import CURRENCIES
from api.errors import InvalidInput
from api.fields import (
    Answer,
    AssetCode,
    Bytes32,
    ChainAddress,
    DecimalText,
    Digits,
    LongDigits,
    Signature,
    Strict,
    Time,
    spelled,
)
from api.prices import rate_text
from api.quotes import BridgeOffer, Offer
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import Server, ServerHere
from chain.token import UNITS_MAX, Token, TokenAmount
from fiat.currency import Currency
from fiat.errors import AmountNotPositive, AmountTooLarge, CurrencyUnknown
from fiat.money import decimal_text, parse_minor

router = APIRouter(prefix="/v1/quotes", tags=["quotes"], responses=PROBLEM)


class QuoteRequest(Strict):
    """`amount_minor` of `from` is what is exchanged, in its smallest units.

    A fee leaves beside a currency that is given; where a token is given it is kept back of the currency.
    """

    from_: Annotated[AssetCode, Field(alias="from", examples=["EUR"], description="a currency, or a listed token")]
    to: Annotated[AssetCode, Field(examples=["USD"], description="a currency, or a listed token")]
    amount_minor: Annotated[LongDigits, Field(examples=["10000"])]


class SignedQuote(Answer):
    """LedgerQuote, the EIP-712 struct under the ledger's domain whose digest is the quote's id."""

    holder: Bytes32
    salt: Bytes32
    currency: str
    exponent: Digits
    amountMinor: Digits
    feeMinor: Digits
    receiveAsset: str
    receiveExponent: Digits
    receiveMinor: Digits
    rateNumerator: LongDigits
    rateDenominator: LongDigits
    spreadPpm: Digits
    expiresAt: LongDigits


class QuoteAnswer(Answer):
    """`id` goes into the order's `reference`. `market_rate` is before the spread, `rate` after it."""

    id: Bytes32
    quote: SignedQuote
    signature: Signature
    amount: DecimalText
    fee: DecimalText
    total: DecimalText
    total_minor: Digits
    receive: DecimalText
    market_rate: str = Field(examples=["1.08"])
    spread: str = Field(examples=["0.5000 %"])
    rate: str = Field(examples=["1.0746"])
    priced_at: Time | None
    expires_at: Time


class SignedBridgeQuote(Answer):
    """BridgeQuote, the EIP-712 struct under the ledger's domain whose digest is the quote's id."""

    holder: Bytes32
    salt: Bytes32
    toToken: Digits = Field(examples=["1"], description="1 where the token is received, 0 where it is given")
    currency: str
    exponent: Digits
    chainId: LongDigits
    token: ChainAddress = Field(description="zero for the chain's own coin")
    symbol: str
    decimals: Digits
    giveAmount: LongDigits
    receiveAmount: LongDigits
    feeMinor: Digits
    networkFeeMinor: Digits
    rateNumerator: LongDigits
    rateDenominator: LongDigits
    spreadPpm: Digits
    expiresAt: LongDigits


class BridgeQuoteAnswer(Answer):
    """As QuoteAnswer, between a currency and a token. `network_fee` is what the operator expects to pay for gas.

    `asset` goes into the order's `receiveAsset` where the token is received.
    """

    id: Bytes32
    quote: SignedBridgeQuote
    signature: Signature
    asset: str = Field(examples=["eip155:31337/slip44:60"])
    amount: DecimalText
    fee: DecimalText
    network_fee: DecimalText
    total: DecimalText
    total_minor: LongDigits
    receive: DecimalText
    market_rate: str = Field(examples=["0.00036"])
    spread: str = Field(examples=["0.5000 %"])
    rate: str = Field(examples=["0.0003582"])
    priced_at: Time | None
    expires_at: Time


@router.post("", status_code=201)
async def make_quote(
    body: QuoteRequest, session: SignedIn, server: ServerHere, request: Request
) -> QuoteAnswer | BridgeQuoteAnswer:
    """A quote for the holder, from the price feeds as they stand; a stale or missing price gives none."""
    server.limit(request)
    give, receive = _asset(server, body.from_), _asset(server, body.to)
    if give == receive:
        raise InvalidInput(("body.to", "is another currency"))
    if isinstance(give, Token) and isinstance(receive, Token):
        raise InvalidInput(("body.to", "is a currency where a token is given"))
    amount = int(body.amount_minor) if isinstance(give, Token) else parse_minor(body.amount_minor)
    if amount == 0:
        raise AmountNotPositive(body.amount_minor)
    if amount > UNITS_MAX:
        raise AmountTooLarge(body.amount_minor)
    if isinstance(give, Currency) and isinstance(receive, Currency):
        return _answer(await server.quotes.offer(session.holder, give, receive, amount))
    if isinstance(receive, Token):
        assert isinstance(give, Currency), "two tokens were refused"
        offer = await server.quotes.offer_bridge(session.holder, give, receive, amount, to_token=True)
        return _bridge_answer(offer, receive)
    assert isinstance(give, Token), "two currencies are answered above"
    offer = await server.quotes.offer_bridge(session.holder, receive, give, amount, to_token=False)
    return _bridge_answer(offer, give)


def _asset(server: Server, code: str) -> Currency | Token:
    """A currency, or a listed token whose name the ledger can have. Raises CurrencyUnknown."""
    if code in CURRENCIES:
        return CURRENCIES[code]
    asset = bridge_assets(server.tokens).get(code)
    if asset is None:
        raise CurrencyUnknown(code)
    return asset.token


def _bridge_answer(offer: BridgeOffer, token: Token) -> BridgeQuoteAnswer:
    quote = offer.quote
    given = decimal_text(quote.give_amount, quote.exponent) if quote.to_token else _units(quote.give_amount, token)
    fees = [decimal_text(minor, quote.exponent) for minor in (quote.fee_minor, quote.network_fee_minor)]
    received, total = quote.receive_amount, quote.total_minor if quote.to_token else quote.give_amount
    return BridgeQuoteAnswer(
        id=spelled(offer.id),
        quote=SignedBridgeQuote(**quote.to_json()),
        signature=spelled(offer.signature),
        asset=quote.asset,
        amount=given,
        fee=fees[0],
        network_fee=fees[1],
        total=decimal_text(total, quote.exponent) if quote.to_token else given,
        total_minor=str(total),
        receive=_units(received, token) if quote.to_token else decimal_text(received, quote.exponent),
        market_rate=rate_text(quote.market),
        spread=f"{decimal_text(quote.spread_ppm, 4)} %",
        rate=rate_text(quote.rate),
        priced_at=None if offer.priced_at is None else rfc3339(offer.priced_at * 10**9),
        expires_at=rfc3339(quote.expires_at * 10**9),
    )


def _units(units: int, token: Token) -> str:
    return TokenAmount(units, token).format()


def _answer(offer: Offer) -> QuoteAnswer:
    quote = offer.quote
    given = [decimal_text(minor, quote.exponent) for minor in (quote.amount_minor, quote.fee_minor, quote.total_minor)]
    return QuoteAnswer(
        id=spelled(offer.id),
        quote=SignedQuote(**quote.to_json()),
        signature=spelled(offer.signature),
        amount=given[0],
        fee=given[1],
        total=given[2],
        total_minor=str(quote.total_minor),
        receive=decimal_text(quote.receive_minor, quote.receive_exponent),
        market_rate=rate_text(quote.market),
        spread=f"{decimal_text(quote.spread_ppm, 4)} %",
        rate=rate_text(quote.rate),
        priced_at=None if offer.priced_at is None else rfc3339(offer.priced_at * 10**9),
        expires_at=rfc3339(quote.expires_at * 10**9),
    )
