"""Databases for tests: one PostgreSQL for a worker's whole run, and databases that have their tables already.

Tables are made once of each kind and then copied (a template of PostgreSQL, a file of SQLite): that takes a tenth of
the time. What is copied belongs to one test.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pgserver
from pgserver import postgres_server
from pgserver._commands import pg_ctl
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncEngine

SECONDS_MAX = 300
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 4 << 30


def start_postgresql(folder: str | Path, cleanup_mode: str | None = "stop") -> pgserver.PostgresServer:
    """pgserver's own way gives the server ten seconds to start; a busy machine takes longer."""

    def patient(arguments: list[str], **options: object) -> str:
        said: str = pg_ctl(["-t", str(SECONDS_MAX), *arguments], **options | {"timeout": SECONDS_MAX})
        return said

    with patch.object(postgres_server, "pg_ctl", patient):
        return pgserver.get_server(folder, cleanup_mode=cleanup_mode)


@contextmanager
def running_postgresql() -> Iterator[pgserver.PostgresServer]:
    """In memory, where there is enough of it: then nothing waits for a disk.

    Never below pytest's folder: as root, PostgreSQL runs as a user of its own, and any other run of pytest that begins
    meanwhile shuts that folder to it.
    """
    has_room = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN
    place = MEMORY if has_room else None
    with tempfile.TemporaryDirectory(prefix="tandem-pg-", ignore_cleanup_errors=True, dir=place) as folder:
        server = start_postgresql(folder)
        try:
            yield server
        finally:
            server.cleanup()


async def make_tables(engine: AsyncEngine, metadata: MetaData) -> None:
    async with engine.begin() as conn:
        await conn.run_sync(metadata.create_all)
    await engine.dispose()


class Copies:
    """Databases with the tables of `metadata`, for one worker. `name` begins the names of PostgreSQL's."""

    def __init__(self, name: str, metadata: MetaData, open_engine: Callable[[str], AsyncEngine], folder: Path) -> None:
        self._name, self._metadata = f"{name}_{os.getpid()}", metadata
        self._open_engine = open_engine
        self._file = folder / "template.db"
        self._numbers = itertools.count()
        self._released: list[str] = []
        self._has_template = False

    def sqlite(self, path: Path) -> str:
        if not self._file.exists():
            self._make_tables(f"sqlite:///{self._file}")
        shutil.copyfile(self._file, path)
        return f"sqlite:///{path}"

    @contextmanager
    def postgresql(self, server: pgserver.PostgresServer) -> Iterator[str]:
        """What is given back is dropped when the next one is made: one call of psql for both."""
        template, name = f"{self._name}_template", f"{self._name}_{next(self._numbers)}"
        if not self._has_template:
            server.psql(f"CREATE DATABASE {template};")
            self._make_tables(server.get_uri(template))
            self._has_template = True
        dropped = "".join(f"DROP DATABASE IF EXISTS {one} WITH (FORCE);\n" for one in self._released)
        self._released.clear()
        server.psql(f"{dropped}CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY;")
        yield server.get_uri(name)
        self._released.append(name)

    def _make_tables(self, url: str) -> None:
        """In a thread: the caller's may have an event loop of its own."""
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, make_tables(self._open_engine(url), self._metadata)).result()
