"""Mandates: both sides see them; the payee collects under them, up to an amount in each period."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.agreements import MandateItem, MandatePage, cursor_of, mandate_item, mandate_page
from api.errors import NotFound
from api.fields import Digits, Strict, raw
from api.routes.holds import Cursor, Holder, Limit, Nonce, UseId, above_zero, used
from api.routes.order_models import UseAnswer
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import ServerHere
from fiat.history_orders import mandate, mandates
from fiat.journal_uses import Collect

router = APIRouter(prefix="/v1/mandates", tags=["mandates"], responses=PROBLEM)


class CollectionRequest(Strict):
    amount_minor: Digits


@router.get("")
async def list_mandates(session: SignedIn, server: ServerHere, limit: Limit = 50, cursor: Cursor = None) -> MandatePage:
    """One's mandates, as payer and as payee, newest first."""
    before = cursor_of(cursor)
    async with server.engine.connect() as conn:
        rows = await mandates(conn, session.holder, limit=limit + 1, before=before, now=server.clock)
        return await mandate_page(conn, session.holder, rows, limit)


@router.get("/{holder}/{nonce}")
async def get_mandate(holder: Holder, nonce: Nonce, session: SignedIn, server: ServerHere) -> MandateItem:
    """One mandate, for its payer and its payee."""
    async with server.engine.connect() as conn:
        row = await mandate(conn, raw(holder), raw(nonce), server.clock)
        if row is None or session.holder not in (row.order.holder, row.order.payee):
            raise NotFound("mandate")
        return await mandate_item(conn, session.holder, row)


@router.put(
    "/{holder}/{nonce}/collections/{id}",
    status_code=201,
    responses={200: {"model": UseAnswer, "description": "Known already: the same answer as the first time"}},
)
async def collect(
    holder: Holder,
    nonce: Nonce,
    use_id: UseId,
    body: CollectionRequest,
    session: SignedIn,
    server: ServerHere,
    request: Request,
    response: Response,
) -> UseAnswer:
    """Collect in the period that it is now. Sent again with the same content it gets the same receipt, else 409."""
    server.limit(request)
    asked = Collect(raw(holder), raw(nonce), raw(use_id), session.holder, above_zero(body.amount_minor))
    return await used(server, use_id, await server.journal.ask(asked), response)
