"""Prices as they are and as they were, and the second source that they are compared with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from api.auth import rfc3339
from api.errors import NotFound
from api.fields import Answer, AssetCode, Count, CurrencyCode, DecimalText, Time
from api.price_line import PriceLine, pairs_of, thinned
from api.prices import BASE, PAIRS, PriceBook, rate_text
from api.reference_rates import Reference
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.routes.views import offered
from api.server import ServerHere

router = APIRouter(prefix="/v1/prices", tags=["prices"], responses=PROBLEM)
HOURS_MAX = 366 * 24
POINTS_MAX = 1000


class PriceAnswer(Answer):
    """One unit of `asset`; null where there is no price, and `doubt` says why. `source` are the feeds."""

    asset: str = Field(examples=["ETH"])
    price: DecimalText | None
    state: str = Field(examples=["current"])
    at: Time | None
    doubt: str | None = Field(examples=["jump"])
    source: str = Field(examples=["ETH/USD EUR/USD"])


class ReferenceAnswer(Answer):
    """The European Central Bank's rates that were imported last; an old day's are compared with nothing."""

    source: str = Field(examples=["ECB"])
    day: str = Field(examples=["2026-11-27"])
    is_recent: bool


class PricesAnswer(Answer):
    as_of: Time
    currency: str = Field(serialization_alias="in", examples=["EUR"])
    prices: list[PriceAnswer]
    reference: ReferenceAnswer | None


class PointAnswer(Answer):
    """From `at` on."""

    at: Time
    price: DecimalText


class HistoryAnswer(Answer):
    """Steps, oldest first; times that nobody looked at, or whose rounds grew too old, are gaps: no price is known."""

    asset: str = Field(examples=["ETH"])
    currency: str = Field(serialization_alias="in", examples=["EUR"])
    source: str = Field(examples=["ETH/USD EUR/USD"])
    points: list[PointAnswer]


@router.get("")
async def get_prices(
    _session: SignedIn, server: ServerHere, in_: Annotated[CurrencyCode, Query(alias="in")] = "EUR"
) -> PricesAnswer:
    """Every asset that has a feed, in one currency."""
    currency = offered(in_)
    book = await server.holdings.prices()
    assets = sorted({*PAIRS, BASE})
    return PricesAnswer(
        as_of=rfc3339(server.clock),
        currency=currency.code,
        prices=[_price(book, asset, currency.code) for asset in assets],
        reference=_reference(server.feeds.reference, book.now),
    )


@router.get("/{asset}/history")
async def get_history(
    asset: Annotated[AssetCode, Path()],
    _session: SignedIn,
    server: ServerHere,
    in_: Annotated[CurrencyCode, Query(alias="in")] = "EUR",
    hours: Annotated[Count, Field(ge=1, le=HOURS_MAX), Query(examples=[24])] = 24,
    points: Annotated[Count, Field(ge=2, le=POINTS_MAX), Query(examples=[200])] = 200,
) -> HistoryAnswer:
    """What one unit was worth in the last hours, for a chart: out of the rounds that this server saw."""
    currency = offered(in_)
    if asset not in PAIRS and asset != BASE:
        raise NotFound("asset")
    last = server.clock // 10**9
    first = last - hours * 3600
    line = PriceLine(await server.price_history.line(pairs_of(asset, currency.code), first, last))
    found = thinned(line.points(asset, currency.code, first, last), points)
    return HistoryAnswer(
        asset=asset,
        currency=currency.code,
        source=" ".join(sorted(pairs_of(asset, currency.code))),
        points=[PointAnswer(at=rfc3339(point.at * 10**9), price=rate_text(point.rate)) for point in found],
    )


def _price(book: PriceBook, asset: str, currency: str) -> PriceAnswer:
    price = book.price(asset, currency)
    return PriceAnswer(
        asset=asset,
        price=None if price.rate is None else rate_text(price.rate),
        state=price.state.value,
        at=None if price.at is None else rfc3339(price.at * 10**9),
        doubt=None if price.doubt is None else price.doubt.value,
        source=book.pairs(asset, currency),
    )


def _reference(reference: Reference | None, now: int) -> ReferenceAnswer | None:
    if reference is None:
        return None
    return ReferenceAnswer(source="ECB", day=reference.day.isoformat(), is_recent=reference.is_recent(now))
