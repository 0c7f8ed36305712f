"""Is the server ready, and if not, what is wrong: database, chain, indexer, gateway."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import select

from api.auth import rfc3339
from api.fields import Answer, Time
from api.routes.problems import PROBLEM
from api.server import Server, ServerHere
from api.tables import cursors
from chain.errors import NodeError

router = APIRouter(prefix="/v1", tags=["health"], responses=PROBLEM)
LAG_BLOCKS_MAX = 20
CHECK_SECONDS_MAX = 3


class Part(Answer):
    """`reason` is one of a few words, null when all is well."""

    ok: bool
    reason: str | None = Field(examples=[None, "unreachable"])


class IndexerPart(Part):
    lag_blocks: int | None


class Health(Answer):
    ready: bool
    server_time: Time
    database: Part
    chain: Part
    indexer: IndexerPart
    gateway: Part


@router.get("/health", responses={503: {"model": Health, "description": "Not ready, with the reason"}})
async def health(server: ServerHere, response: Response) -> Health:
    """200 when everything works, 503 with the reason when something does not."""
    database, chain = await asyncio.gather(_database(server), _chain(server))
    indexer = await _indexer(server, database.ok and chain.ok)
    failed = server.failures.get("sandbox")
    gateway = Part(ok=failed is None, reason=failed)
    ready = database.ok and chain.ok and indexer.ok and gateway.ok
    response.status_code = 200 if ready else 503
    return Health(
        ready=ready, server_time=rfc3339(server.clock), database=database, chain=chain, indexer=indexer, gateway=gateway
    )


async def _database(server: Server) -> Part:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX), server.engine.connect() as conn:
            await conn.execute(select(cursors.c.reader).limit(1))
    except Exception:  # whatever the driver raises, the answer is the same
        return Part(ok=False, reason="unreachable")
    return Part(ok=True, reason=None)


async def _chain(server: Server) -> Part:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            await server.node.check()
    except (NodeError, TimeoutError) as error:
        return Part(ok=False, reason=_word(error))
    return Part(ok=True, reason=None)


async def _indexer(server: Server, possible: bool) -> IndexerPart:
    """How many blocks the index is behind the node, if both can be asked."""
    if not possible:
        return IndexerPart(ok=False, reason="waiting", lag_blocks=None)
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            height, tip = await server.node.height(), await server.index.tip()
    except (NodeError, TimeoutError):
        return IndexerPart(ok=False, reason="waiting", lag_blocks=None)
    lag = max(0, height - (tip.number if tip else -1))
    ok = lag <= LAG_BLOCKS_MAX
    return IndexerPart(ok=ok, reason=None if ok else server.failures.get("indexer", "behind"), lag_blocks=lag)


def _word(error: Exception) -> Literal["unreachable", "wrong_chain"]:
    return "wrong_chain" if type(error).__name__.startswith("Wrong") else "unreachable"
