"""What became of a commit: was another writer first, did it happen, or can nobody tell? Writes no rows.

On SQLite a commit whose sync failed leaves its frames in the WAL. Whoever opens the file first reads them as committed,
while the disk may not have them; and the next sync may succeed without writing them, since the kernel took them for
written. So after such a commit nothing is told before a checkpoint has copied the frames into the database and synced
that, or has thrown them away.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fiat.errors import JournalUnknown
from fiat.journal_store import HeadMoved, read_head
from fiat.journal_values import JournalHead


class CommitFailed(HeadMoved):
    """A commit failed, and its batch does not stand. Whether it might come to stand yet, nobody can tell."""


async def settle(engine: AsyncEngine, mode: str = "TRUNCATE") -> None:
    """On SQLite: have what readers see on the disk, by a checkpoint. Raises JournalUnknown when it does not succeed.

    `PASSIVE` waits for nobody and leaves what other processes are using.
    """
    if engine.dialect.name != "sqlite":
        return
    try:
        async with engine.connect() as conn:
            # Not through SQLAlchemy, which would begin a transaction: a checkpoint runs outside of one.
            driver = (await conn.get_raw_connection()).driver_connection
            assert driver is not None, "a connection that is open has a driver's connection"
            cursor = await driver.execute(f"PRAGMA wal_checkpoint({mode})")
            busy, *_ = await cursor.fetchone()
            await cursor.close()
    except Exception as error:
        raise JournalUnknown from error
    if busy and mode != "PASSIVE":
        raise JournalUnknown


async def cause(engine: AsyncEngine, head: JournalHead, error: DBAPIError) -> Exception:
    """Why a statement failed: because another writer was first, or else for a reason of its own."""
    if isinstance(error, IntegrityError) or error.connection_invalidated or _is_serialization(error):
        async with engine.connect() as conn:
            current = await read_head(conn)
        if current is not None and current.version != head.version:
            return HeadMoved()
    return error


async def find_out(engine: AsyncEngine, old: JournalHead, new: JournalHead, error: Exception) -> None:
    """A commit failed: did it happen? Returns if it did; raises CommitFailed if not, else JournalUnknown."""
    try:
        await settle(engine)
        async with engine.connect() as conn:
            current = await read_head(conn)
    except Exception:
        current = None
    if current is None:
        raise JournalUnknown from error
    if current.token == new.token:
        return
    if _is_serialization(error):
        raise HeadMoved from error
    raise (CommitFailed if current.version == old.version else JournalUnknown) from error


async def check_unmoved(conn: AsyncConnection, head: JournalHead) -> None:
    """What was only read was true at one instant. Raises HeadMoved."""
    current = await read_head(conn)
    if current is None or current.version != head.version:
        raise HeadMoved


def _is_serialization(error: BaseException) -> bool:
    """PostgreSQL's word for "another transaction was first" (SQLSTATE 40001, 40P01)."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in ("40001", "40P01")
