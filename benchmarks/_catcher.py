"""Our indexer in a process of its own: follows one token from the first block until it has caught up, and waits."""

from __future__ import annotations

import gc
import sys
import time

import uvloop

from chain.address import Address
from chain.indexer import Indexer
from chain.indexer_store import Role
from chain.node import Node
from fiat.journal_engine import open_engine


async def main(rpc: str, database: str, token: str, *collected_after: str) -> None:
    engine = open_engine(database)
    async with Node(rpc, 31337) as node:
        indexer = Indexer(engine, node, [])
        await indexer.watch(Address(token), role=Role.CONTRACT)
        gc.freeze()
        gc.set_threshold(*map(int, collected_after))
        print(time.time(), flush=True)
        await indexer.catch_up()
    await engine.dispose()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
    sys.stdin.read()
