"""Several URLs of a chain: each is looked at before it is used, and the next is asked where one does not do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest
import pytest_asyncio

from chain import node_pool
from chain.devnet import Devnet
from chain.errors import AnswerMalformed, NodeBehind, NodeError, NodeUnreachable, WrongChain, WrongGenesis
from chain.node import Node
from tests.chain.faulty_node import FaultyNode, Mood, faulty_node

NOBODY = "http://127.0.0.1:9"


@pytest_asyncio.fixture
async def good() -> AsyncIterator[str]:
    async with Devnet.start("anvil") as net:
        yield net.url


@pytest_asyncio.fixture
async def bad(good: str) -> AsyncIterator[FaultyNode]:
    async with faulty_node(good, Random(1)) as node:
        yield node


def troubles(node: Node) -> list[type[NodeError] | None]:
    return [None if one.trouble is None else type(one.trouble) for one in node.provider.members()]


async def test_the_first_that_answers_is_asked(good: str) -> None:
    async with Node(NOBODY, 31337, others=(good,)) as node:
        assert await node.height() == 0
        assert troubles(node) == [NodeUnreachable, None]
        assert node.provider.url == good
    async with Node(NOBODY, 31337, others=("http://127.0.0.1:10",)) as node:
        with pytest.raises(NodeUnreachable):
            await node.height()


async def test_one_that_is_better_again_is_preferred_again(
    good: str, bad: FaultyNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_pool, "REST_SECONDS", 0.0)
    async with Node(bad.url, 31337, others=(good,)) as node:
        bad.begin(Mood.DOWN, 1.0, 0)
        assert await node.height() == 0
        assert node.provider.url == good
        bad.mood = None
        assert await node.height() == 0
        assert (node.provider.url, troubles(node)) == (bad.url, [None, None])


@pytest.mark.parametrize(
    ("mood", "trouble"),
    [
        (Mood.WRONG_CHAIN, WrongChain),
        (Mood.TOO_MANY, NodeUnreachable),
        (Mood.BROKEN, NodeUnreachable),
        (Mood.CUT, AnswerMalformed),
        (Mood.WRONG_ID, AnswerMalformed),
    ],
)
async def test_what_makes_way_for_the_next(good: str, bad: FaultyNode, mood: Mood, trouble: type[NodeError]) -> None:
    bad.begin(mood, 1.0, 0)
    async with Node(bad.url, 31337, others=(good,)) as node:
        assert await node.height() == 0
        assert troubles(node) == [trouble, None]


async def test_another_chain_with_the_same_id_is_refused(good: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two test chains share an id; their first blocks differ."""
    monkeypatch.setattr(node_pool, "REST_SECONDS", 0.0)
    async with (
        Devnet.start("hardhat") as other,
        faulty_node(good, Random(1)) as first,
        Node(first.url, 31337, others=(other.url,)) as node,
    ):
        assert await node.height() == 0
        first.begin(Mood.DOWN, 1.0, 0)
        with pytest.raises(WrongGenesis):
            await node.height()
        first.mood = None
        assert await node.height() == 0, "the first one is asked again"


async def test_a_chain_that_began_anew_at_its_url_is_taken_up(good: str, bad: FaultyNode) -> None:
    async with Node(good, 31337) as direct, Node(bad.url, 31337, others=(NOBODY,)) as node:
        before = (await node.identity()).genesis_hash
        await direct.call("anvil_mine", [hex(1), hex(60)])
        await direct.call("anvil_reset", [])
        node.distrust(AnswerMalformed("looked at anew"))
        assert (await node.identity()).genesis_hash != before


async def test_one_that_stands_still_rests(good: str, bad: FaultyNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers well, and of the past."""
    monkeypatch.setattr(node_pool, "COMPARE_SECONDS", 0.0)
    async with Node(good, 31337) as direct, Node(bad.url, 31337, others=(good,)) as node:
        await direct.call("anvil_mine", [hex(3)])
        bad.begin(Mood.STALE, 1.0, 2)
        async with asyncio.timeout(120):
            while await node.height() != 3:  # noqa: ASYNC110  # another task compares the heads
                await asyncio.sleep(0.01)
        assert troubles(node) in ([NodeBehind, None], [AnswerMalformed, None])
