"""Is the server ready, and if not, what is wrong: database, chain, indexer, gateway."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import select

from api.auth import rfc3339
from api.deposit_holds import cases, held
from api.fields import Answer, Time
from api.routes.problems import PROBLEM
from api.server import Server, ServerHere
from api.tables import cursors
from chain.errors import AnswerMalformed, AnswerTooLarge, NodeBehind, NodeError, WrongChain, WrongGenesis

router = APIRouter(prefix="/v1", tags=["health"], responses=PROBLEM)
LAG_BLOCKS_MAX = 20
CHECK_SECONDS_MAX = 3


class Part(Answer):
    """`reason` is one of a few words, null when all is well."""

    ok: bool
    reason: str | None = Field(examples=[None, "unreachable"])


class NodePart(Answer):
    """One of the chain's URLs, without path and query. One that does not do rests, and another is asked."""

    url: str = Field(examples=["http://127.0.0.1:8545"])
    ok: bool
    reason: str | None = Field(examples=[None, "unreachable", "wrong_chain", "behind", "malformed"])


class ChainPart(Part):
    nodes: list[NodePart]


class IndexerPart(Part):
    """Recorded up to block `height` of `head`; `unsearched` blocks are still searched for addresses that are new here.

    `refused_logs` counts what the node gave out as logs since this process began and was none.
    """

    lag_blocks: int | None
    height: int | None = None
    head: int | None = None
    unsearched: int | None = None
    refused_logs: int | None = None


class DepositsPart(Part):
    """`held` wait for the operator's decision; an open case freezes its asset. Neither makes the server unready."""

    held: int | None = Field(examples=[0])
    cases: int | None = Field(examples=[0])
    frozen: list[str] = Field(examples=[[]])


class Health(Answer):
    ready: bool
    server_time: Time
    database: Part
    chain: ChainPart
    indexer: IndexerPart
    gateway: Part
    deposits: DepositsPart


@router.get("/health", responses={503: {"model": Health, "description": "Not ready, with the reason"}})
async def health(server: ServerHere, response: Response) -> Health:
    """200 when everything works, 503 with the reason when something does not."""
    database, chain = await asyncio.gather(_database(server), _chain(server))
    indexer = await _indexer(server, database.ok and chain.ok)
    failed = server.failures.get("sandbox")
    gateway = Part(ok=failed is None, reason=failed)
    taking = await _deposits(server, database.ok)
    ready = database.ok and chain.ok and indexer.ok and gateway.ok
    response.status_code = 200 if ready else 503
    return Health(
        ready=ready,
        server_time=rfc3339(server.clock),
        database=database,
        chain=chain,
        indexer=indexer,
        gateway=gateway,
        deposits=taking,
    )


async def _database(server: Server) -> Part:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX), server.engine.connect() as conn:
            await conn.execute(select(cursors.c.reader).limit(1))
    except Exception:  # whatever the driver raises, the answer is the same
        return Part(ok=False, reason="unreachable")
    return Part(ok=True, reason=None)


async def _chain(server: Server) -> ChainPart:
    reason = None
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            await server.node.check()
    except (NodeError, TimeoutError) as error:
        reason = _word(error)
    nodes = [
        NodePart(url=one.origin, ok=one.trouble is None, reason=None if one.trouble is None else _word(one.trouble))
        for one in server.node.provider.members()
    ]
    return ChainPart(ok=reason is None, reason=reason, nodes=nodes)


async def _indexer(server: Server, possible: bool) -> IndexerPart:
    """How many blocks the index is behind the node, if both can be asked."""
    if not possible:
        return IndexerPart(ok=False, reason="waiting", lag_blocks=None)
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            height, tip = await server.node.height(), await server.index.tip()
    except (NodeError, TimeoutError):
        return IndexerPart(ok=False, reason="waiting", lag_blocks=None)
    recorded = tip.number if tip else -1
    lag, indexer = max(0, height - recorded), server.indexer
    ok = lag <= LAG_BLOCKS_MAX
    return IndexerPart(
        ok=ok,
        reason=None if ok else server.failures.get("indexer", "behind"),
        lag_blocks=lag,
        height=recorded,
        head=height,
        unsearched=None if indexer is None or indexer.progress is None else indexer.progress.unsearched,
        refused_logs=None if indexer is None else indexer.refused.total(),
    )


async def _deposits(server: Server, possible: bool) -> DepositsPart:
    """What waits for people."""
    if not possible:
        return DepositsPart(ok=False, reason="waiting", held=None, cases=None, frozen=[])
    failed = server.failures.get("deposits")
    holds, opened = await held(server.engine), await cases(server.engine)
    reason = failed if failed is not None else "case" if opened else None
    frozen = sorted({str(case["asset"]) for case in opened})
    return DepositsPart(ok=reason is None, reason=reason, held=len(holds), cases=len(opened), frozen=frozen)


def _word(error: Exception) -> Literal["unreachable", "wrong_chain", "behind", "malformed"]:
    if isinstance(error, (WrongChain, WrongGenesis)):
        return "wrong_chain"
    if isinstance(error, NodeBehind):
        return "behind"
    return "malformed" if isinstance(error, (AnswerMalformed, AnswerTooLarge)) else "unreachable"
