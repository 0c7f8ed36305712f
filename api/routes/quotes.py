"""Quotes: what a conversion would give, firm for a minute, itemised; accepted by an order that names its id."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from api.auth import rfc3339
from api.currencies import CURRENCIES
from api.errors import InvalidInput
from api.fields import Answer, Bytes32, CurrencyCode, DecimalText, Digits, LongDigits, Signature, Strict, Time, spelled
from api.prices import rate_text
from api.quotes import Offer
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import ServerHere
from fiat.currency import Currency
from fiat.errors import AmountNotPositive, CurrencyUnknown
from fiat.money import decimal_text, parse_minor

router = APIRouter(prefix="/v1/quotes", tags=["quotes"], responses=PROBLEM)


class QuoteRequest(Strict):
    """`amount_minor` of `from` is what is exchanged; a fee leaves beside it."""

    from_: Annotated[CurrencyCode, Field(alias="from", examples=["EUR"])]
    to: Annotated[CurrencyCode, Field(examples=["USD"])]
    amount_minor: Annotated[Digits, Field(examples=["10000"])]


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


@router.post("", status_code=201)
async def make_quote(body: QuoteRequest, session: SignedIn, server: ServerHere, request: Request) -> QuoteAnswer:
    """A quote for the holder, from the price feeds as they stand; a stale or missing price gives none."""
    server.limit(request)
    give, receive = _currency(body.from_), _currency(body.to)
    if give == receive:
        raise InvalidInput(("body.to", "is another currency"))
    amount_minor = parse_minor(body.amount_minor)
    if amount_minor == 0:
        raise AmountNotPositive(body.amount_minor)
    return _answer(await server.quotes.offer(session.holder, give, receive, amount_minor))


def _currency(code: str) -> Currency:
    """Raises CurrencyUnknown."""
    if code not in CURRENCIES:
        raise CurrencyUnknown(code)
    return CURRENCIES[code]


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
