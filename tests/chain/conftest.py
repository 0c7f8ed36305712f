"""Vectors, peers and chains that the tests of this package share."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chain.devnet import Devnet, deploy
from chain.node import Node

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
