"""What every storm needs: a fresh database for each test, and the journal in it."""

from __future__ import annotations

import asyncio

import pytest

from fiat.journal import Journal
from fiat.journal_engine import open_engine
from fiat.tables import metadata
from tests.databases import Copies
from tests.storms.town import OPERATOR_KEY

JOURNALS = 4


@pytest.fixture(scope="session")
def ledgers(tmp_path_factory):
    """Databases with the journal's tables."""
    return Copies("storm", metadata, open_engine, tmp_path_factory.mktemp("ledger"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path, ledgers):
    if request.param == "sqlite":
        yield ledgers.sqlite(tmp_path / "ledger.db")
        return
    with ledgers.postgresql(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture
async def engine(database_url):
    engine = open_engine(database_url)
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
