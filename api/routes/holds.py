"""Holds: both sides see them; the captor takes of them in parts, or lets them go. Every use is carried out once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from api.agreements import HoldItem, HoldPage, cursor_of, hold_item, hold_page
from api.auth import rfc3339
from api.errors import NotFound
from api.fields import Bytes32, Count, Digits, Strict, raw, spelled
from api.routes.order_models import UseAnswer
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import Server, ServerHere
from api.signed import receipt_answer
from fiat.errors import AmountNotPositive
from fiat.history_orders import hold, holds
from fiat.journal_uses import Capture, Release, UseResult
from fiat.money import parse_minor
from fiat.record import Movement, decode

router = APIRouter(prefix="/v1/holds", tags=["holds"], responses=PROBLEM)
LIMIT_MAX = 50
Holder = Annotated[Bytes32, Path()]
Nonce = Annotated[Bytes32, Path()]
UseId = Annotated[Bytes32, Path(alias="id")]
Limit = Annotated[Count, Field(ge=1, le=LIMIT_MAX), Query(examples=[20])]
Cursor = Annotated[str | None, Query(max_length=20, examples=["42"])]


class CaptureRequest(Strict):
    """`final` frees what is not taken."""

    amount_minor: Digits
    final: bool = False


class ReleaseRequest(Strict):
    """Nothing to say."""


def above_zero(minor: str) -> int:
    """What is asked of a hold or mandate. Raises AmountRefused's kinds."""
    amount_minor = parse_minor(minor)
    if amount_minor == 0:
        raise AmountNotPositive(minor)
    return amount_minor


@router.get("")
async def list_holds(session: SignedIn, server: ServerHere, limit: Limit = 50, cursor: Cursor = None) -> HoldPage:
    """One's holds, as payer and as captor, newest first."""
    before = cursor_of(cursor)
    async with server.engine.connect() as conn:
        rows = await holds(conn, session.holder, limit=limit + 1, before=before, now=server.clock)
        return await hold_page(conn, session.holder, rows, limit)


@router.get("/{holder}/{nonce}")
async def get_hold(holder: Holder, nonce: Nonce, session: SignedIn, server: ServerHere) -> HoldItem:
    """One hold, for its payer and its captor."""
    async with server.engine.connect() as conn:
        row = await hold(conn, raw(holder), raw(nonce), server.clock)
        if row is None or session.holder not in (row.order.holder, row.order.captor):
            raise NotFound("hold")
        return await hold_item(conn, session.holder, row)


@router.put(
    "/{holder}/{nonce}/captures/{id}",
    status_code=201,
    responses={200: {"model": UseAnswer, "description": "Known already: the same answer as the first time"}},
)
async def capture(
    holder: Holder,
    nonce: Nonce,
    use_id: UseId,
    body: CaptureRequest,
    session: SignedIn,
    server: ServerHere,
    request: Request,
    response: Response,
) -> UseAnswer:
    """Take an amount of a hold. Sent again with the same content it gets the same receipt; with other content 409."""
    server.limit(request)
    asked = Capture(raw(holder), raw(nonce), raw(use_id), session.holder, above_zero(body.amount_minor), body.final)
    return await used(server, use_id, await server.journal.ask(asked), response)


@router.put(
    "/{holder}/{nonce}/release/{id}",
    status_code=201,
    responses={200: {"model": UseAnswer, "description": "Known already: the same answer as the first time"}},
)
async def release(
    holder: Holder,
    nonce: Nonce,
    use_id: UseId,
    body: ReleaseRequest,
    session: SignedIn,
    server: ServerHere,
    request: Request,
    response: Response,
) -> UseAnswer:
    """Let a hold go: what is still reserved is the payer's again."""
    server.limit(request)
    asked = Release(raw(holder), raw(nonce), raw(use_id), session.holder)
    return await used(server, use_id, await server.journal.ask(asked), response)


async def used(server: Server, use_id: str, result: UseResult, response: Response) -> UseAnswer:
    """201 the first time, 200 after."""
    receipt = await server.journal.receipt(result.sequence)
    record = decode(receipt.record)
    assert isinstance(record, Movement), "a use moves money or frees it"
    response.status_code = 201 if result.first else 200
    return UseAnswer(
        id=spelled(raw(use_id)),
        at=rfc3339(record.timestamp),
        amount_minor=str(record.amount),
        receipt=receipt_answer(receipt),
    )
