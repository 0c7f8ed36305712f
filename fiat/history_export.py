"""The journal as the auditor reads it: every seal with its records, in one snapshot. Format: docs/export.md."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.audit_values import MAGIC
from fiat.history import bodies_of
from fiat.tables import seals

PAGE = 500
"""Batches that are read at once."""


async def export(conn: AsyncConnection) -> AsyncIterator[bytes]:
    """The export piece by piece. `conn` reads one snapshot; what is written meanwhile is not in it."""
    yield MAGIC
    after = -1
    while True:
        query = select(seals).where(seals.c.number > after).order_by(seals.c.number).limit(PAGE)
        page = (await conn.execute(query)).mappings().all()
        for seal in page:
            yield seal_bytes(seal)
            bodies = bodies_of(seal["first_sequence"], seal["size"])
            yield b"".join(record_bytes(body) for body in (await conn.execute(bodies)).scalars())
        if len(page) < PAGE:
            return
        after = page[-1]["number"]


def seal_bytes(seal: RowMapping) -> bytes:
    """193 bytes: what is signed, in its order, and the signature."""
    return b"".join(
        (
            seal["number"].to_bytes(8, "big"),
            seal["previous"],
            seal["first_sequence"].to_bytes(8, "big"),
            seal["size"].to_bytes(8, "big"),
            seal["root"],
            seal["counters"],
            seal["timestamp"].to_bytes(8, "big"),
            seal["signature"],
        )
    )


def record_bytes(body: bytes) -> bytes:
    """A record behind its length."""
    return len(body).to_bytes(4, "big") + body
