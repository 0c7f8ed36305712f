"""What every storm needs: a PostgreSQL of its own, a fresh database for each test, and the journal in it."""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile

import pgserver
import pytest

from fiat.journal import Journal
from fiat.journal_engine import open_engine
from fiat.tables import metadata
from tests.storms.town import OPERATOR_KEY

JOURNALS = 4
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for the run; not below pytest's folder, which another run closes for the server's user."""
    with tempfile.TemporaryDirectory(prefix="tandem-pg-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(folder, cleanup_mode="stop")
        yield server
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    server = request.getfixturevalue("postgres")
    name = f"storm_{os.getpid()}_{next(_numbers)}"
    server.psql(f"CREATE DATABASE {name};")
    return server.get_uri(name)


@pytest.fixture
async def engine(database_url):
    engine = open_engine(database_url)
    async with engine.begin() as conn:
        await conn.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
async def journal(engine):
    journal = await Journal.open(engine, OPERATOR_KEY)
    yield journal
    await journal.close()


@pytest.fixture
async def journals(database_url, engine, journal):
    """Several journals with connections of their own, as several processes have them."""
    engines = [open_engine(database_url) for _ in range(JOURNALS)]
    opened = [await Journal.open(one, OPERATOR_KEY) for one in engines]
    yield opened
    await asyncio.gather(*(one.close() for one in opened))
    for one in engines:
        await one.dispose()
