"""What an erasure takes: the texts of one order of a holder's, or of all. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.errors import NotFound
from api.gateways.sandbox import unseen
from api.officer_desk import person_named
from api.tables import withdrawals
from fiat.history_texts import standing, standing_of_order


@dataclass(frozen=True, slots=True)
class Erasure:
    """The hashes whose texts go. `kept` counts those that stay: where a withdrawal on its way is to be paid to."""

    holder: bytes
    handle: str
    hashes: tuple[bytes, ...]
    kept: int


async def erasure(conn: AsyncConnection, person: str, record: int | None) -> Erasure:
    """For @handle or a holder id; of the order that `record` (a sequence) carries, or of all. Raises NotFound."""
    holder, handle = await person_named(conn, person)
    if record is None:
        found = [each async for page in standing(conn, holder) for each in page]
    else:
        of_order = await standing_of_order(conn, holder, record)
        if of_order is None:
            raise NotFound("order")
        found = of_order
    query = select(withdrawals.c.destination).where(withdrawals.c.holder == holder, withdrawals.c.state == "accepted")
    on_their_way = set((await conn.execute(query)).scalars()) | await unseen(conn, holder)
    hashes = tuple(each for each in found if each not in on_their_way)
    return Erasure(holder, handle, hashes, len(found) - len(hashes))
