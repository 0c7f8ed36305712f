"""Vectors, peers and chains that the tests of this package share."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pgserver
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chain.devnet import Devnet, deploy
from chain.node import Node
from chain.tables import metadata

ROOT = Path(__file__).parents[2]
TESTCASES = ROOT / "node_modules/@ethersproject/testcases/testcases"


@pytest.fixture(scope="session")
def testcases() -> Any:
    """Reads a file of @ethersproject/testcases by name."""

    def read(name: str) -> Any:
        return json.loads(gzip.decompress((TESTCASES / f"{name}.json.gz").read_bytes()))

    return read


@pytest_asyncio.fixture
async def anvil() -> AsyncIterator[Node]:
    """A fresh Anvil with the demo contracts."""
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        await deploy(node)
        yield node


@pytest_asyncio.fixture(params=["anvil", "hardhat"])
async def chain_node(request: pytest.FixtureRequest) -> AsyncIterator[Node]:
    """A fresh chain of either kind with the demo contracts."""
    async with Devnet.start(request.param) as net, Node(net.url, 31337) as node:
        await deploy(node)
        yield node


_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A PostgreSQL server for the whole run; each test takes a database of its own.

    Not below pytest's folder: as root, PostgreSQL runs as a user of its own, and any other run of pytest that begins
    meanwhile shuts that folder to it.
    """
    with tempfile.TemporaryDirectory(prefix="tandem-pg-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(folder, cleanup_mode="stop")
        yield server
        server.cleanup()


async def _database(url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(url)
    async with engine.begin() as conn:
        await conn.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """An empty SQLite database with the indexer's tables."""
    async for engine in _database(f"sqlite+aiosqlite:///{tmp_path}/chain.db"):
        yield engine


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def both_engines(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """An empty database of either kind."""
    url = f"sqlite+aiosqlite:///{tmp_path}/chain.db"
    if request.param == "postgresql":
        server, name = request.getfixturevalue("postgres"), f"chain_{os.getpid()}_{next(_numbers)}"
        server.psql(f"CREATE DATABASE {name};")
        url = server.get_uri(name).replace("postgresql://", "postgresql+asyncpg://")
    async for engine in _database(url):
        yield engine
