"""Deposits on a real chain: what is credited, when, and what never is."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import pytest_asyncio

from api.database import open_database
from api.deposits import Stage
from chain.devnet import Devnet, deploy
from chain.devnet_contracts import demo_token
from chain.node import Node
from chain.token import Token
from tests.api.deposit_bench import Bench, eur_minor

pytestmark = pytest.mark.asyncio(loop_scope="module")
COIN, DUSD = Token.native(31337), demo_token("DUSD")
_numbers = itertools.count()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node():
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        await deploy(node)
        yield node


@pytest_asyncio.fixture(loop_scope="module")
async def bench(node, tmp_path: Path):
    engine = open_database(f"sqlite:///{tmp_path}/db.sqlite3", None)
    bench = await Bench(engine, node, tmp_path / "state", (COIN, DUSD)).open()
    yield bench
    await bench.check()
    await bench.close()
    await engine.dispose()


async def test_a_credit_is_pending_until_final_and_then_posted_once(bench):
    alice = await bench.payer()
    await bench.intent(alice, "10")
    await bench.pay(alice, 10 * 10**6)
    await bench.follow()
    assert await bench.balance(alice) == (0, eur_minor(10 * 10**6)), "shown, and not to be spent"
    await bench.mine(bench.confirmations - 2)
    await bench.follow()
    assert await bench.balance(alice) == (0, eur_minor(10 * 10**6)), "one confirmation is missing"
    await bench.mine(1)
    await bench.follow()
    assert await bench.balance(alice) == (eur_minor(10 * 10**6), 0)
    await bench.finish()
    assert await bench.balance(alice) == (eur_minor(10 * 10**6), 0)
    assert (await bench.only()).stage is Stage.CREDITED
    assert await bench.operators("DUSD", "inventory") == 10 * 10**6
    assert await bench.operators("DUSD", "treasury") == -10 * 10**6
    assert await bench.operators("DUSD", "suspense:deposits") == 0
