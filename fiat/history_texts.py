"""The texts beside a holder's orders: which of their hashes still have one. Reads only."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.history import PAGE_MAX, record_body, texts_by_hash
from fiat.order import SignedOrder
from fiat.record import decode
from fiat.tables import orders, records

_FIELDS = ("shown", "destination")
_PAGE = PAGE_MAX // len(_FIELDS)


async def standing_of_order(conn: AsyncConnection, holder_id: bytes, sequence: int) -> list[bytes] | None:
    """Hashes whose texts stand beside the order of that record; None where it carries no order of the holder."""
    body = await record_body(conn, sequence)
    signed = _signed(body) if body is not None else None
    if signed is None or signed.order.holder != holder_id:
        return None
    return list(await texts_by_hash(conn, _hashes(signed)))


async def standing(conn: AsyncConnection, holder_id: bytes) -> AsyncIterator[list[bytes]]:
    """Hashes whose texts stand beside the orders that the holder signed, page by page."""
    nonce = b""
    while True:
        query = select(orders.c.nonce, records.c.body).join(records, records.c.sequence == orders.c.sequence)
        query = query.where(orders.c.holder == holder_id, orders.c.nonce > nonce).order_by(orders.c.nonce)
        rows = (await conn.execute(query.limit(_PAGE))).all()
        if not rows:
            return
        found = [each for _, body in rows if (signed := _signed(body)) is not None for each in _hashes(signed)]
        yield list(await texts_by_hash(conn, found))
        nonce = rows[-1].nonce


def _signed(body: bytes) -> SignedOrder | None:
    signed = getattr(decode(body), "order", None)
    return signed if isinstance(signed, SignedOrder) else None


def _hashes(signed: SignedOrder) -> list[bytes]:
    values = signed.order.values()
    return [value for name in _FIELDS if isinstance(value := values.get(name), bytes)]
