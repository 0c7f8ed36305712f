"""What became of a commit: was another writer first, did it happen, or can nobody tell? Reads only."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fiat.errors import JournalUnknown
from fiat.journal_store import HeadMoved, read_head
from fiat.journal_values import JournalHead


async def cause(engine: AsyncEngine, head: JournalHead, error: DBAPIError) -> Exception:
    """Why a statement failed: because another writer was first, or else for a reason of its own."""
    if isinstance(error, IntegrityError) or error.connection_invalidated or _is_serialization(error):
        async with engine.connect() as conn:
            current = await read_head(conn)
        if current is not None and current.version != head.version:
            return HeadMoved()
    return error


async def find_out(engine: AsyncEngine, old: JournalHead, new: JournalHead, error: Exception) -> None:
    """A commit failed: did it happen? Returns if it did; raises HeadMoved if not, else JournalUnknown."""
    try:
        async with engine.connect() as conn:
            current = await read_head(conn)
    except Exception:
        current = None
    if current is None:
        raise JournalUnknown from error
    if current.token == new.token:
        return
    raise (HeadMoved if current.version == old.version or _is_serialization(error) else JournalUnknown) from error


async def check_unmoved(conn: AsyncConnection, head: JournalHead) -> None:
    """What was only read was true at one instant. Raises HeadMoved."""
    current = await read_head(conn)
    if current is None or current.version != head.version:
        raise HeadMoved


def _is_serialization(error: BaseException) -> bool:
    """PostgreSQL's word for "another transaction was first" (SQLSTATE 40001, 40P01)."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in ("40001", "40P01")
