"""The two views that join ledger and chain: the portfolio and the activity."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.activity import ActivityPage, Cursor, page, valued
from api.currencies import CURRENCIES
from api.fields import Count, CurrencyCode
from api.portfolio import Portfolio
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import ServerHere
from fiat.currency import Currency
from fiat.errors import CurrencyUnknown

router = APIRouter(prefix="/v1", tags=["views"], responses=PROBLEM)
LIMIT_MAX = 200


def offered(code: str) -> Currency:
    """The currency of that code. Raises CurrencyUnknown."""
    currency = CURRENCIES.get(code)
    if currency is None:
        raise CurrencyUnknown(code)
    return currency


@router.get("/portfolio", responses={200: {"model": Portfolio, "description": "Both sides as one view"}})
async def get_portfolio(
    session: SignedIn, server: ServerHere, in_: Annotated[CurrencyCode, Query(alias="in")] = "EUR"
) -> Response:
    """What one holds: ledger balances and tokens, each with its price and value, under the ledger's signed head."""
    body = await server.holdings.portfolio(session.holder, offered(in_))
    return Response(body, media_type="application/json")


@router.get("/activity")
async def get_activity(
    session: SignedIn,
    server: ServerHere,
    limit: Annotated[Count, Field(ge=1, le=LIMIT_MAX), Query(examples=[50])] = 50,
    cursor: Annotated[str | None, Query(max_length=128)] = None,
    in_: Annotated[CurrencyCode, Query(alias="in")] = "EUR",
) -> ActivityPage:
    """Both sides, newest first, with what each was worth then. `cursor` is the `next_cursor` of the page before."""
    start, currency = Cursor.parse(cursor), offered(in_)
    ledger = await server.story.ledger(session.holder, start.ledger, limit + 1)
    chain = await server.story.chain(session.holder, start.chain, limit + 1)
    line = await server.price_history.line_for([*ledger, *chain], currency)
    ledger, chain = valued(ledger, line, currency), valued(chain, line, currency)
    indexed = await server.index.tip()
    if indexed is None:
        return page(ledger, chain, start, limit, None)
    return page(ledger, chain, start, limit, indexed.lives, indexed.untraced_from)
