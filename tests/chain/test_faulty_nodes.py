"""An index behind a bad node: nothing false is ever recorded, nothing is stuck, and with a second URL nothing waits.

Each operation moves something on the chain, lets the node be bad for a while, holds what is recorded against the
oracle, and lets it be good again. `make soak` does 200 operations a mood.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chain import erc20, indexer, node_pool
from chain.address import Address
from chain.block import Block
from chain.devnet import Devnet, deploy
from chain.devnet_contracts import OWNER, demo_token
from chain.errors import ChainError
from chain.indexer import Indexer
from chain.node import Node
from chain.receipt_proof import ProvenReceipt, proven_receipts
from chain.tables import metadata
from chain.token import TokenAmount
from chain.transaction import TransactionRequest
from tests.chain import assembly
from tests.chain.assembly import emit, topic, word
from tests.chain.faulty_node import FaultyNode, Mood, faulty_node
from tests.chain.oracle import Oracle, Row
from tests.chain.witness import differences, recorded, standing

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPERATIONS, OPERATIONS_SOAK = 1, 200
OPERATIONS_A_CHAIN = 20
BAD_STEPS, STEPS_MAX = 4, 60
HEIGHT_MAX = 400
DUSD = demo_token("DUSD")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Node]:
    """One Anvil for the module; every chain of a test begins at a snapshot of it."""
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        await deploy(node)
        yield node


class Bench:
    """A chain, a bad node before it, and an index behind that."""

    def __init__(self, node: Node, bad: FaultyNode, engine: AsyncEngine, random: Random, first: int) -> None:
        self.node, self.bad, self.engine, self.random = node, bad, engine, random
        self.bob, self.carol = (Address.from_bytes(random.randbytes(20)) for _ in range(2))
        self.oracle = Oracle(node.url, {self.bob, self.carol}, first=first)

    async def act(self) -> None:
        """One to three transactions, and maybe one that fails, in blocks of their own; maybe they vanish again.

        (Anvil loses a block that a reorganisation replaces by the same one, so only blocks that change are replaced.)
        """
        amount = self.random.randrange(1, 10**6)
        choices = [
            TransactionRequest(31337, self.bob, value=amount),
            erc20.transfer(TokenAmount(amount, DUSD), self.bob),
            erc20.transfer(TokenAmount(0, DUSD), self.carol),
            TransactionRequest(
                31337, None, data=emit([assembly.TRANSFER, topic(OWNER), topic(self.carol), word(amount)])
            ),
            TransactionRequest(31337, None, value=amount, data=assembly.pay(self.bob, amount)),
        ]
        chosen = self.random.sample(choices, self.random.randrange(1, 4))
        sent = [{**request.with_sender(OWNER).to_rpc(), "gas": hex(10**6)} for request in chosen]
        if self.random.random() < 0.5:
            failing = TransactionRequest(31337, DUSD.address, value=amount).with_sender(OWNER).to_rpc()
            sent.append({**failing, "gas": hex(10**5)})
        for request in sent:
            answer = str(await self.node.call("eth_sendTransaction", [request]))
            await self.node.wait_for_receipt(bytes.fromhex(answer[2:]))
        if self.random.random() < 0.2:
            await self.node.call("anvil_reorg", [self.random.randrange(1, len(sent) + 1), []])

    async def wrong(self) -> list[str]:
        """At any moment: of every recorded block that stands on the chain, exactly what the oracle finds in it."""
        told = await asyncio.to_thread(self.oracle.read)
        blocks = await standing(self.engine, self.oracle.hashes)
        found = await recorded(self.engine)
        return [
            word
            for ours, theirs in zip(found, told, strict=True)
            for word in differences(_within(blocks, ours), _within(blocks, theirs))
        ]

    async def step(self, index: Indexer, count: int) -> bool:
        """At most so many steps; has it caught up?"""
        for _ in range(count):
            try:
                progress = await index.step()
            except ChainError:
                continue
            if progress.is_caught_up and progress.height == await self.node.height():
                return True
        return False


def _within(blocks: set[int], rows: list[Row]) -> list[Row]:
    return [row for row in rows if row[0] in blocks]


async def fresh(folder: Path, name: str) -> AsyncEngine:
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder}/{name}.db")
    async with engine.begin() as conn:
        await conn.run_sync(metadata.create_all)
    return engine


async def rounds(bench: Bench, index: Indexer, mood: Mood, operations: int, *, second_url: bool) -> list[str]:
    """What went wrong, if anything: false rows while the node is bad, anything missing or stuck when it is good."""
    for _ in range(operations):
        await bench.act()
        bench.bad.begin(mood, bench.random.choice([0.3, 0.7, 1.0]), bench.random.randrange(await bench.node.height()))
        done = await bench.step(index, STEPS_MAX if second_url else BAD_STEPS)
        if second_url and not done:
            return ["stuck, though another URL is good"]
        if wrong := await bench.wrong():
            return wrong
        bench.bad.mood = None
        if not await bench.step(index, STEPS_MAX):
            return ["stuck, though the node is good again"]
        if wrong := await bench.wrong():
            return wrong
    return []


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer, "SHRUNK_SECONDS", 0.01)
    monkeypatch.setattr(node_pool, "REST_SECONDS", 0.5)
    monkeypatch.setattr(node_pool, "COMPARE_SECONDS", 0.02)


async def play(node: Node, mood: Mood, folder: Path, operations: int, *, second_url: bool, seed: int = 1) -> list[str]:
    """Accounts of a few operations each, so that the oracle has little to read."""
    random = Random(f"{mood} {second_url} {seed}")
    async with faulty_node(node.url, random) as bad:
        for number in range(0, operations, OPERATIONS_A_CHAIN):
            if (height := await node.height()) > HEIGHT_MAX:
                await node.call("anvil_reset", [])
                await deploy(node)
                height = await node.height()
            engine = await fresh(folder, f"{mood}{second_url}{number}".replace(" ", "-"))
            others = (node.url,) if second_url else ()
            bounds = {"timeout_seconds": 0.6, "answer_bytes_max": 2**20}
            async with Node(bad.url, 31337, others=others, **bounds) as behind:  # type: ignore[arg-type]  # floats and ints
                index = Indexer(engine, behind, [DUSD])
                bench = Bench(node, bad, engine, random, max(0, height - 3))
                await index.watch(bench.bob, bench.carol)
                count = min(OPERATIONS_A_CHAIN, operations - number)
                wrong = await rounds(bench, index, mood, count, second_url=second_url)
            await engine.dispose()
            if wrong:
                return wrong
        assert bad.faults > 0, "the node was good all the time"
    return []


@pytest.mark.parametrize("mood", list(Mood))
async def test_a_bad_node(shared: Node, mood: Mood, tmp_path: Path, soak: bool) -> None:
    assert await play(shared, mood, tmp_path, OPERATIONS_SOAK if soak else OPERATIONS, second_url=False) == []


@pytest.mark.parametrize("mood", list(Mood))
async def test_a_bad_node_with_a_good_one_beside_it(shared: Node, mood: Mood, tmp_path: Path, soak: bool) -> None:
    """While it is bad already, everything is seen."""
    assert await play(shared, mood, tmp_path, OPERATIONS_SOAK if soak else OPERATIONS, second_url=True) == []


async def test_who_believes_receipts_is_seen(shared: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control: without the proof a lying status and a missing log get in, and the checker says so."""

    def believing(block: Block, answers: Sequence[object]) -> list[ProvenReceipt]:
        return proven_receipts(replace(block, receipts_root=None), answers)

    monkeypatch.setattr("chain.indexer_receipts.proven_receipts", believing)
    for mood in (Mood.LYING_STATUS, Mood.MISSING_LOGS, Mood.FOREIGN_LOGS):
        wrong = await play(shared, mood, tmp_path, 40, second_url=False)
        assert any("missing" in word or "not on the chain" in word for word in wrong), mood
