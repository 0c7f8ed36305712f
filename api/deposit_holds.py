"""What an operator decides of deposits that are held, and of cases: written to the rows; the worker does the rest.

Only what is final and in the books is decided on. Nothing here posts anything.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.database import recording
from api.deposit_rows import Deposit, changed, read_deposit
from api.deposits import Stage
from api.tables import addresses, bridge_cases, deposits, users

LISTED_MAX = 1000


async def held(engine: AsyncEngine) -> list[Deposit]:
    """What is held or to be sent back, oldest first."""
    c = deposits.c
    query = select(deposits).where(c.stage.in_([Stage.HELD, Stage.RETURNING])).order_by(c.created_at).limit(LISTED_MAX)
    async with engine.connect() as conn:
        return [read_deposit(row) for row in await conn.execute(query)]


async def cases(engine: AsyncEngine) -> list[RowMapping]:
    """The open ones, oldest first."""
    c = bridge_cases.c
    query = select(bridge_cases).where(c.state == "open").order_by(c.opened_at).limit(LISTED_MAX)
    async with engine.connect() as conn:
        return list((await conn.execute(query)).mappings())


async def released(engine: AsyncEngine, deposit: bytes, handle: str | None, currency: str, now: int) -> Deposit | None:
    """To be credited after all, at the rate of the moment: to whom it is known to be from, or to `handle`.

    None where it is not held, not final, or nobody's.
    """
    async with recording(engine).begin() as conn:
        found = await _find(conn, deposit)
        if found is None or found.stage is not Stage.HELD or found.received_minor is None:
            return None
        owner = found.holder
        if handle is not None:
            owner = (await conn.execute(select(users.c.holder).where(users.c.handle == handle))).scalar_one_or_none()
        elif owner is None:
            proved = (addresses.c.chain_id == found.chain_id, addresses.c.address == found.sender.raw)
            owner = (await conn.execute(select(addresses.c.holder).where(*proved))).scalar_one_or_none()
        if owner is None:
            return None
        values = {"released": 1, "holder": owner, "currency": found.currency or currency}
        return await changed(conn, found, now, {"stage": Stage.SEEN, **values})


async def to_return(engine: AsyncEngine, deposit: bytes, now: int) -> Deposit | None:
    """To be sent back. None where it is not held and final."""
    async with recording(engine).begin() as conn:
        found = await _find(conn, deposit)
        if found is None or found.stage is not Stage.HELD or found.received_minor is None:
            return None
        return await changed(conn, found, now, {"stage": Stage.RETURNING})


async def refunded_by(engine: AsyncEngine, deposit: bytes, transaction: bytes, now: int) -> Deposit | None:
    """That transaction of the treasury sends it back. None where it is not to be, or the transaction is another's."""
    try:
        async with recording(engine).begin() as conn:
            found = await _find(conn, deposit)
            if found is None or found.stage is not Stage.RETURNING:
                return None
            return await changed(conn, found, now, {"refund": transaction})
    except IntegrityError:
        return None


async def close_case(engine: AsyncEngine, case: bytes, now: int) -> bool:
    """People have looked; the asset is exchanged again once no other case of it is open."""
    c = bridge_cases.c
    over = update(bridge_cases).where(c.id == case, c.state == "open").values(state="closed", closed_at=now)
    async with recording(engine).begin() as conn:
        return (await conn.execute(over.returning(c.id))).first() is not None


async def _find(conn: Any, deposit: bytes) -> Deposit | None:
    row = (await conn.execute(select(deposits).where(deposits.c.id == deposit))).one_or_none()
    return None if row is None else read_deposit(row)
