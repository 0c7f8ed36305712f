"""Many reads in one round trip, on both kinds of chain; hostile contracts can do nothing to their neighbours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import pytest_asyncio

from chain.address import Address
from chain.calldata import encode_call
from chain.devnet import Devnet, deploy, fund, mint
from chain.devnet_contracts import demo_tokens
from chain.erc20 import balance_of
from chain.errors import AnswerMalformed
from chain.node import Node
from chain.node_views import read_views, views_at_head
from chain.quantity import data, to_hex
from chain.views import CODE, Answer, AnswerState, Bounds, View, answers, chunks, question
from tests.chain.counting import counting
from tests.chain.hostile_tokens import artifacts, destroy, hostile_tokens, mint_all, source_hash, tell, upgrade

ROOT = Path(__file__).parents[2]
BOB = Address("0x" + 20 * "b0")
DUSD = demo_tokens()["DUSD"].address
BOUNDS = Bounds()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["anvil", "hardhat"])
async def peopled(request):
    """A chain with the demo contracts and every hostile token, of each of which Bob was minted 7 units."""
    async with Devnet.start(request.param) as net, Node(net.url, 31337) as node:
        await deploy(node)
        await fund(node, BOB, 10**18, 5_000_000)
        tokens = await hostile_tokens(node)
        await mint_all(node, tokens, BOB, 7)
        yield node, tokens


def test_the_code_is_what_the_source_compiles_to():
    artifact = json.loads((ROOT / "chain/contracts/Views.json").read_text())
    assert bytes.fromhex(artifact["bytecode"][2:]) == CODE


def test_the_hostile_tokens_are_what_their_source_says():
    assert artifacts()["source"] == source_hash(), "run make artifacts"


def test_questions_fit_what_chains_let_through():
    views = [View(DUSD, balance_of(BOB))] * 500
    parts = chunks(views, BOUNDS)
    assert sum(map(len, parts)) == 500
    assert len(parts[0]) >= 50, "a portfolio of 50 tokens is one question"
    long = chunks([View(DUSD, bytes(30_000))] * 3, BOUNDS)
    assert [len(part) for part in long] == [1, 1, 1]
    for part in parts + long:
        assert len(question(part, BOUNDS)) <= 49_152
    assert chunks([], BOUNDS) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x02" + bytes(8),
        b"\x01" + bytes(8) + b"\x07" + bytes(4),
        b"\x01" + bytes(8) + b"\x01\x00\x00\x00\x20" + bytes(31),
        b"\x01" + bytes(8) + b"\x01\x00\x00\x00\x00" + b"more",
        b"\x01" + bytes(8),
    ],
)
def test_answers_that_are_none_are_refused(raw):
    with pytest.raises(AnswerMalformed):
        answers(raw, 1, BOUNDS)


@pytest.mark.parametrize("bounds", [{"gas": 1}, {"answer_bytes": 5000}, {"gas": 10**9}, {"answer_bytes": 8}])
def test_bounds_have_bounds(bounds):
    with pytest.raises(ValueError, match="out of bounds"):
        Bounds(**bounds)


@pytest.mark.asyncio(loop_scope="module")
async def test_fifty_balances_and_the_block_in_one_round_trip(peopled):
    node, _ = peopled
    for number in range(3):
        await mint(node, "DUSD", BOB, number)
    views = [View.coins(BOB), *[View(DUSD, balance_of(BOB))] * 50]
    async with counting(node.url) as proxy, Node(proxy.url, 31337) as counted:
        found = await views_at_head(counted, views, BOUNDS)
    assert proxy.trips == [["eth_getBlockByNumber", "eth_call"]]
    assert (found.block, found.is_of_block) == (await node.latest(), True)
    own = int.from_bytes(await node.read(DUSD, balance_of(BOB)), "big")
    assert [answer.word() for answer in found.answers] == [10**18, *[own] * 50]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_hostile_token_hurts_only_itself(peopled):
    """Calls are capped: who spends for ever, reverts or answers with a megabyte has no balance; its neighbours do."""
    node, tokens = peopled
    names = [name for name in tokens if name not in ("generous", "plain")]
    views = [View(tokens[name], balance_of(BOB)) for name in names]
    views += [View(DUSD, balance_of(BOB)), View(BOB, balance_of(BOB))]
    async with counting(node.url) as proxy, Node(proxy.url, 31337) as counted:
        found = await read_views(counted, views, BOUNDS)
    assert len(proxy.trips) == 1
    told = {name: answer.word() for name, answer in zip(names, found, strict=False)}
    unreadable = {"reverts-megabyte", "endless-balance", "long-name"}
    assert told == {name: None if name in unreadable else 7 for name in names}
    assert found[-2].word() == int.from_bytes(await node.read(DUSD, balance_of(BOB)), "big")
    assert found[-1] == Answer(AnswerState.ANSWERED, 0, b""), "no code answers with nothing, which is no balance"
    assert len(found[names.index("long-name")].data) == BOUNDS.answer_bytes
    assert found[names.index("long-name")].size == 65536


@pytest.mark.asyncio(loop_scope="module")
async def test_who_got_no_gas_is_not_taken_for_who_does_not_answer(peopled):
    """After those who spend everything there may be less left than the bound: then nothing is tried, and it says so."""
    node, tokens = peopled
    views = [View(tokens[name], balance_of(BOB)) for name in ("honest", "endless-balance", "honest")]
    bounds = Bounds(gas=1_000_000)
    asked = {"data": to_hex(question(views, bounds)), "gas": hex(1_500_000)}
    _, told = answers(data(await node.call("eth_call", (asked, "latest"))), len(views), bounds)
    assert [answer.state for answer in told] == [AnswerState.ANSWERED, AnswerState.REVERTED, AnswerState.UNTRIED]


@pytest.mark.asyncio(loop_scope="module")
async def test_names_of_a_megabyte_cost_nothing(peopled):
    node, tokens = peopled
    asked = ("megabyte-name", "long-name", "honest", "empty-name")
    bounds = Bounds(answer_bytes=512)
    found = await read_views(node, [View(tokens[name], encode_call("name()")) for name in asked], bounds)
    assert [answer.whole() is not None for answer in found] == [False, False, True, True]


@pytest.mark.asyncio(loop_scope="module")
async def test_balances_that_change_without_a_log_are_read_as_they_are(peopled):
    node, tokens = peopled

    async def read(name):
        (answer,) = await read_views(node, [View(tokens[name], balance_of(BOB))], BOUNDS)
        return answer.word()

    for percent, units in ((200, 14), (50, 3), (100, 7)):
        await tell(node, tokens["rebasing"], "rebase(uint256)", percent)
        assert await read("rebasing") == units
    await upgrade(node, tokens)
    assert await read("upgradable") == 10**30
    await destroy(node, tokens)
    assert await read("self-destructed") is None


@pytest.mark.asyncio(loop_scope="module")
async def test_a_node_that_runs_no_such_code_is_asked_call_by_call(peopled):
    """Some refuse an eth_call that creates; within the same bounds, it takes one round trip more."""
    node, tokens = peopled

    views = [View.coins(BOB), *(View(tokens[name], balance_of(BOB)) for name in ("honest", "endless-balance"))]
    async with counting(node.url, runs_no_code=True) as proxy, Node(proxy.url, 31337) as refusing:
        found = await views_at_head(refusing, views, BOUNDS)
    assert len(proxy.trips) == 2
    assert [answer.word() for answer in found.answers] == [10**18, 7, None]
