"""Vectors, peers and chains that the tests of this package share."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chain.devnet import Devnet, deploy
from chain.node import Node
from chain.tables import metadata
from tests.databases import Copies

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


def open_plainly(url: str) -> AsyncEngine:
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    kind, _, rest = url.partition("://")
    return create_async_engine(f"{drivers[kind]}://{rest}")


@pytest.fixture(scope="session")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Copies:
    """Databases with the indexer's tables."""
    return Copies("chain", metadata, open_plainly, tmp_path_factory.mktemp("index"))


@pytest_asyncio.fixture
async def engine(tmp_path: Path, indexes: Copies) -> AsyncIterator[AsyncEngine]:
    """An empty SQLite database with the indexer's tables."""
    async for engine in _opened(indexes.sqlite(tmp_path / "chain.db")):
        yield engine


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def both_engines(request: pytest.FixtureRequest, tmp_path: Path, indexes: Copies) -> AsyncIterator[AsyncEngine]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        async for engine in _opened(indexes.sqlite(tmp_path / "chain.db")):
            yield engine
        return
    with indexes.postgresql(request.getfixturevalue("postgres")) as url:
        async for engine in _opened(url):
            yield engine


async def _opened(url: str) -> AsyncIterator[AsyncEngine]:
    engine = open_plainly(url)
    yield engine
    await engine.dispose()
