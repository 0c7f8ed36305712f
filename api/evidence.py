"""Evidence: what a gateway said, kept word for word; its hash is the journal's source of what it caused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.database import recording
from api.tables import gateway_events
from fiat.chart import SourceKind
from fiat.journal_values import Source

OPEN_MAX = 100


async def keep(
    engine: AsyncEngine,
    *,
    gateway: str,
    event: str,
    currency: str,
    amount_minor: int,
    facts: Mapping[str, str],
    now: int,
) -> Source:
    """Keep an event; the source to post with. The same words again are the same event. `now` in nanoseconds."""
    said = dict(facts) | {"gateway": gateway, "event": event, "currency": currency, "amount_minor": str(amount_minor)}
    body = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    source = Source(SourceKind.GATEWAY_EVENT, sha256(body.encode()).digest())
    row = {"gateway": gateway, "event": event, "currency": currency, "amount_minor": amount_minor, "body": body}
    try:
        async with recording(engine).begin() as conn:
            await conn.execute(insert(gateway_events).values(id=source.id, created_at=now, **row))
    except IntegrityError:  # kept before
        pass
    return source


async def answered(engine: AsyncEngine, source: Source, sequence: int) -> None:
    """The journal's record of that sequence answers to the event."""
    async with recording(engine).begin() as conn:
        await conn.execute(update(gateway_events).where(gateway_events.c.id == source.id).values(sequence=sequence))


async def unanswered(engine: AsyncEngine, gateway: str, event: str) -> Sequence[RowMapping]:
    """Events that were kept and that no record answers to yet: what was interrupted. Oldest first."""
    c = gateway_events.c
    query = select(gateway_events).where(c.gateway == gateway, c.event == event, c.sequence.is_(None))
    async with engine.connect() as conn:
        return (await conn.execute(query.order_by(c.created_at).limit(OPEN_MAX))).mappings().all()
