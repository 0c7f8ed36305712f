"""The journal's database engine: embedded SQLite by default, PostgreSQL in production. Knows no table.

SQLite: WAL, `synchronous=FULL` (NORMAL loses acknowledged commits at a power cut), foreign keys on, and transactions
that say BEGIN themselves: the driver's own habit would begin late and fail late. A writer takes the lock at once
(`writing`), since a reading transaction that turns to writing cannot wait for its turn. The PRAGMAs are read back on
every connection: a build or a file system that ignores one is refused.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from fiat.errors import JournalBroken, JournalUnsafe

BUSY_TIMEOUT_MS = 10_000
POOL_SIZE = 10
_PRAGMAS: dict[str, str | int] = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
_SERVER_SETTINGS = {"idle_in_transaction_session_timeout": "60000"}  # a writer that went away in the middle


def open_engine(database_url: str, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> AsyncEngine:
    """An engine for `sqlite:///PATH` or `postgresql://...`. Connects lazily; whole transactions are snapshots.

    Nobody waits for ever: a lock is waited for `busy_timeout_ms`.
    """
    if database_url.startswith("postgresql://"):
        url = "postgresql+asyncpg://" + database_url.removeprefix("postgresql://")
        return create_async_engine(
            url,
            isolation_level="REPEATABLE READ",
            pool_size=POOL_SIZE,
            max_overflow=POOL_SIZE,
            connect_args={"server_settings": _SERVER_SETTINGS | {"lock_timeout": str(busy_timeout_ms)}},
        )
    engine = create_async_engine("sqlite+aiosqlite:///" + database_url.removeprefix("sqlite:///"))
    pragmas: dict[str, str | int] = _PRAGMAS | {"busy_timeout": busy_timeout_ms}
    event.listen(engine.sync_engine, "connect", lambda connection, _record: _prepare(connection, pragmas))
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def writing(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for transactions that write: on SQLite they take the write lock at their beginning."""
    return engine.execution_options(immediate=True)


def committing(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for the journal's committer.

    On PostgreSQL each statement sees what is committed by then: the head's version, read first and compared last,
    tells whether anything was in between. A snapshot could not be renewed after waiting for the head's lock.
    """
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="READ COMMITTED")
    return writing(engine)


async def require_durable(conn: AsyncConnection) -> None:
    """Raises JournalUnsafe on a PostgreSQL that may lose what it acknowledged (SQLite is checked at each connect)."""
    if conn.dialect.name == "postgresql":
        for setting in _DURABLE:
            value = (await conn.execute(text(f"SHOW {setting}"))).scalar_one()
            if value == "off":
                raise JournalUnsafe(setting, value)


def _prepare(connection: Any, pragmas: dict[str, str | int]) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    cursor = connection.cursor()
    for pragma, value in pragmas.items():
        cursor.execute(f"PRAGMA {pragma}={value}")
        cursor.execute(f"PRAGMA {pragma}")
        if (found := cursor.fetchone()[0]) != value:
            raise JournalBroken(0, f"PRAGMA {pragma} is {found}, not {value}")
    cursor.close()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("immediate") else "BEGIN")
