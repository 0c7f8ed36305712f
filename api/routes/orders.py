"""Signed orders: the signature is the whole authorisation; once means once; an accepted order has a receipt."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import select

from api.acceptance import accept
from api.agreements import hold_state, mandate_state
from api.auth import rfc3339
from api.errors import MachineRefused, NotFound
from api.fields import Bytes32, raw, spelled
from api.routes.conversions import conversion
from api.routes.order_models import (
    OrderAnswer,
    OrderRequest,
    OrderStateAnswer,
    PayoutState,
    WithdrawalState,
    salted_texts,
)
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import Server, ServerHere
from api.signed import receipt_answer
from api.tables import withdrawals
from fiat import history
from fiat.errors import OrderMalformed
from fiat.history_orders import hold, mandate
from fiat.journal_values import OrderResult
from fiat.order import LedgerConversion, LedgerHold, LedgerMandate, LedgerWithdrawal, SignedOrder, order_from_json
from fiat.record import KeyRecord, TransferRecord, decode

router = APIRouter(prefix="/v1/orders", tags=["orders"], responses=PROBLEM)
Nonce = Annotated[Bytes32, Path()]
State = Literal[
    "done", "refused", "accepted", "paid", "returned", "open", "captured", "released", "expired", "revoked", "over",
    "pending", "pending_anchor", "pending_external", "on_hold", "completed", "refunded",
]  # fmt: skip


@router.put(
    "/{nonce}",
    status_code=201,
    responses={200: {"model": OrderAnswer, "description": "Known already: the same answer as the first time"}},
)
async def put_order(
    nonce: Nonce, body: OrderRequest, server: ServerHere, request: Request, response: Response
) -> OrderAnswer:
    """Carry out a signed order. Sent again with the same content it gets the same receipt; with other content 409."""
    server.limit(request)
    order = order_from_json(body.type, body.order.model_dump())
    if spelled(order.nonce) != nonce:
        raise OrderMalformed("nonce", "is not the one in the path")
    signed = SignedOrder(order, raw(body.signature))
    return _answered(signed, await accept(server, signed, salted_texts(body.texts)), response)


def _answered(signed: SignedOrder, result: OrderResult, response: Response) -> OrderAnswer:
    """201 the first time, 200 after. Raises MachineRefused."""
    order = signed.order
    if result.receipt is None:
        raise MachineRefused(result.status.name.lower(), spelled(order.nonce), 0)
    response.status_code = 201 if result.first else 200
    return OrderAnswer(
        nonce=spelled(order.nonce),
        type=order.type_name,
        at=rfc3339(decode(result.receipt.record).timestamp),
        receipt=receipt_answer(result.receipt),
    )


@router.get("/{nonce}")
async def get_order(nonce: Nonce, session: SignedIn, server: ServerHere) -> OrderStateAnswer:
    """One's own order, with what became of it."""
    key = raw(nonce)
    known = await server.journal.order_result(session.holder, key)
    if known is None:
        raise NotFound("order")
    if known.receipt is None:
        return OrderStateAnswer(
            nonce=nonce,
            type=None,
            order=None,
            state="refused",
            refusal=known.status.name.lower(),
            at=None,
            receipt=None,
            withdrawal=None,
        )
    record = decode(known.receipt.record)
    assert isinstance(record, (TransferRecord, KeyRecord)) and record.order is not None, "it carries its order"
    order = record.order.order
    withdrawal = await _withdrawal(server, order, record.timestamp) if isinstance(order, LedgerWithdrawal) else None
    told = await conversion(server, order.holder, order.nonce) if isinstance(order, LedgerConversion) else None
    state = await _state(server, record) if withdrawal is None else withdrawal.state
    return OrderStateAnswer(
        nonce=nonce,
        type=order.type_name,
        order=order.to_json(),
        state=state if told is None else cast("State", told.state),
        refusal=None,
        at=rfc3339(record.timestamp),
        receipt=receipt_answer(known.receipt),
        withdrawal=withdrawal,
        conversion=told,
    )


async def _state(server: Server, record: TransferRecord | KeyRecord) -> State:
    """Where an order stands that goes on after it was accepted; anything else is done."""
    assert record.order is not None, "it carries its order"
    order, now = record.order.order, server.clock
    if isinstance(record, KeyRecord):
        return "pending" if record.effective_at > now else "done"
    async with server.engine.connect() as conn:
        if isinstance(order, LedgerHold):
            held = await hold(conn, order.holder, order.nonce, now)
            return hold_state(held) if held is not None else "done"
        if isinstance(order, LedgerMandate):
            agreed = await mandate(conn, order.holder, order.nonce, now)
            return mandate_state(agreed) if agreed is not None else "done"
    return "done"


async def _withdrawal(server: Server, order: LedgerWithdrawal, accepted_at: int) -> WithdrawalState:
    query = select(withdrawals.c.state, withdrawals.c.updated_at).where(
        withdrawals.c.holder == order.holder, withdrawals.c.nonce == order.nonce
    )
    async with server.engine.connect() as conn:
        row = (await conn.execute(query)).one_or_none()
        texts = await history.texts_by_hash(conn, [order.destination])
    state: PayoutState = row.state if row else "accepted"
    updated_at = row.updated_at if row else accepted_at
    destination = texts[order.destination].text if order.destination in texts else None
    return WithdrawalState(state=state, destination=destination, updated_at=rfc3339(updated_at))
