"""What the indexer's worker does beside the index when a chain begins anew."""

from __future__ import annotations

import pytest

from api.database import open_database
from api.migrations import upgrade
from api.nonces import NonceBook
from api.workers import following_of
from chain.address import Address
from chain.devnet import Devnet
from chain.indexer import Indexer
from chain.node import Node

ALICE = Address("0x" + 20 * "a1")


@pytest.mark.parametrize("way", ["anvil_reset", "evm_revert"])
async def test_numbers_of_a_chain_that_is_gone_are_free_again(tmp_path, way):
    """Otherwise the first transactions on the new one would wait for numbers that nobody sends."""
    engine = open_database(f"sqlite:///{tmp_path / 'db.sqlite3'}", None)
    await upgrade(engine)
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        nonces = NonceBook(engine, 31337)
        snapshot = await node.call("evm_snapshot")
        await node.call("anvil_mine", [hex(3)])
        step = following_of(Indexer(engine, node, []), nonces.forget_all)
        await step()
        for number in range(3):
            await nonces.keep(ALICE, number, 0)
        await step()
        assert await nonces.take(ALICE, 0, 1) == 3, "they wait to be in a block"
        await node.call(way, [snapshot] if way == "evm_revert" else [])
        await step()
        assert await nonces.take(ALICE, 0, 1) == 0
    await engine.dispose()
