"""The database engine: embedded SQLite by default, PostgreSQL in production. Nothing here knows a table.

SQLite: WAL, `synchronous=FULL` (NORMAL loses acknowledged commits at a power cut), foreign keys on, and transactions
that say BEGIN themselves: the driver's own habit would begin late and fail late. A writer says so at once
(`immediate`), since a reading transaction that turns to writing cannot wait for its turn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000")


def open_engine(database_url: str, password_file: Path | None = None) -> AsyncEngine:
    """An engine for `sqlite:///PATH` or `postgresql://...`. Connects lazily; the password may be a file's content."""
    url = make_url(database_url)
    if url.get_backend_name() == "postgresql":
        if password_file is not None:
            url = url.set(password=password_file.read_text().strip())
        url = url.set(drivername="postgresql+asyncpg")
        return create_async_engine(url, isolation_level="REPEATABLE READ", pool_size=10, max_overflow=10)
    engine = create_async_engine(url.set(drivername="sqlite+aiosqlite"))
    event.listen(engine.sync_engine, "connect", _prepare)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def writing(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for transactions that write: on SQLite they take the write lock at their beginning."""
    return engine.execution_options(immediate=True)


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("immediate") else "BEGIN")
