"""Conversions between a currency and a token, by the order that asked for one: how far they are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.bridge_answer import ConversionAnswer, conversion_answer
from api.bridge_assets import bridge_assets
from api.bridge_states import State
from api.errors import NotFound
from api.fields import Bytes32, raw
from api.payout_rows import Payout
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import Server, ServerHere
from chain.address import Address
from chain.token import Token
from fiat import history
from fiat.bridge_quote import chain_asset
from fiat.order import LedgerConversion
from fiat.record import TransferRecord
from fiat.token_scale import units_of

router = APIRouter(prefix="/v1/conversions", tags=["conversions"], responses=PROBLEM)


@router.get("/{nonce}")
async def get_conversion(nonce: Annotated[Bytes32, Path()], session: SignedIn, server: ServerHere) -> ConversionAnswer:
    """One's own conversion to a token."""
    found = await conversion(server, session.holder, raw(nonce))
    if found is None:
        raise NotFound("conversion")
    return found


async def conversion(server: Server, holder: bytes, nonce: bytes) -> ConversionAnswer | None:
    """None for what is no conversion to a token. One that no worker has seen yet is as the journal has it."""
    payout = await server.payouts.find(holder, nonce) or await _accepted(server, holder, nonce)
    if payout is None:
        return None
    by_name = {_name(asset.token): asset for asset in bridge_assets(server.tokens).values()}
    asset = by_name.get(payout.asset)
    return None if asset is None else conversion_answer(payout, asset)


async def _accepted(server: Server, holder: bytes, nonce: bytes) -> Payout | None:
    async with server.engine.connect() as conn:
        record = await history.order_record(conn, holder, nonce)
        signed = record.order if isinstance(record, TransferRecord) else None
        if record is None or signed is None or not isinstance(signed.order, LedgerConversion):
            return None
        order, second = signed.order, await history.transfer(conn, signed.order.leg_id(1))
    named = [asset for asset in bridge_assets(server.tokens).values() if _name(asset.token) == order.receive_asset]
    if not any(order.receive_to) or second is None or not named:
        return None
    return Payout(
        sequence=record.sequence,
        holder=holder,
        nonce=nonce,
        asset=order.receive_asset,
        units=units_of(second[1].amount, named[0].token.decimals),
        receiver=Address.from_bytes(order.receive_to),
        state=State.PENDING_ANCHOR,
        since=record.timestamp,
        why=None,
        number=None,
        transaction=None,
        settled_sequence=None,
    )


def _name(token: Token) -> str:
    return chain_asset(token.chain_id, bytes(20) if token.address is None else token.address.raw)
