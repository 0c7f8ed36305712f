"""The server's database: where it is, and whether its schema is the one this program knows."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from fiat.journal_engine import open_engine, writing


def database_address(database_url: str, password_file: Path | None) -> str:
    """The URL with the password of the file in it, where there is one. Secret: not for logs."""
    url = make_url(database_url)
    if password_file is not None and url.get_backend_name() == "postgresql":
        url = url.set(password=password_file.read_text().strip())
    return url.render_as_string(hide_password=False)


def open_database(database_url: str, password_file: Path | None) -> AsyncEngine:
    """The engine that the whole server shares. Connects lazily."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open_engine(database_address(database_url, password_file))


def recording(engine: AsyncEngine) -> AsyncEngine:
    """The engine for the server's own small writes. On PostgreSQL they wait for each other instead of failing."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="READ COMMITTED")
    return writing(engine)


async def is_fresh(engine: AsyncEngine) -> bool:
    """No table at all yet."""
    async with engine.connect() as conn:
        return not await conn.run_sync(lambda connection: inspect(connection).get_table_names())
