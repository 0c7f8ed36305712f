"""Every kind of movement and approval, whole contracts, and coins inside calls, held against the oracle."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from chain.address import Address
from chain.calldata import encode, encode_call
from chain.devnet import ETHER, Devnet, deploy, fund, mint, transact
from chain.devnet_contracts import OWNER, demo_token
from chain.indexer import Indexer
from chain.indexer_store import Role
from chain.node import Node
from chain.recorded import Kind
from chain.transaction import TransactionRequest
from tests.chain import assembly
from tests.chain.assembly import emit, topic, word
from tests.chain.oracle import Oracle
from tests.chain.witness import differences, recorded

DUSD = demo_token("DUSD")
ALICE, BOB, CAROL = (Address("0x" + 20 * byte) for byte in ("a1", "b0", "c0"))


async def create(node: Node, code: bytes, value: int = 0) -> Address:
    (receipt,) = await transact(node, [TransactionRequest(31337, None, value=value, data=code)])
    assert receipt.contract_address is not None
    return receipt.contract_address


def batch(ids: list[int], amounts: list[int]) -> bytes:
    return encode("(uint256[],uint256[])", (ids, amounts))


async def everything(node: Node) -> None:
    """Something of each kind, for BOB; and logs that are none."""
    await fund(node, BOB, ETHER, 5)
    own = [topic(OWNER), topic(OWNER), topic(BOB)]
    for topics, body in (
        ([assembly.TRANSFER, topic(OWNER), topic(BOB), word(77)], b""),
        ([assembly.SINGLE, *own], word(3) + word(4)),
        ([assembly.BATCH, *own], batch([8, 9, 8], [1, 2, 3])),
        ([assembly.APPROVAL, topic(BOB), topic(CAROL)], word(2**256 - 1)),
        ([assembly.APPROVAL, topic(BOB), topic(CAROL), word(77)], b""),
        ([assembly.FOR_ALL, topic(BOB), topic(CAROL)], word(1)),
        ([assembly.FOR_ALL, topic(BOB), topic(CAROL)], word(0)),
    ):
        await create(node, emit(topics, body))
    for topics, body in (
        ([assembly.TRANSFER, topic(OWNER), topic(BOB)], b""),
        ([assembly.TRANSFER, topic(OWNER), topic(BOB)], word(1) + word(2)),
        ([assembly.TRANSFER, topic(OWNER), b"\1" + topic(BOB)[1:]], word(1)),
        ([assembly.TRANSFER, topic(OWNER), topic(BOB), word(1)], word(1)),
        ([assembly.TRANSFER], word(1)),
        ([assembly.SINGLE, *own], word(1)),
        ([assembly.BATCH, *own], batch([1], [1])[:-1]),
        ([assembly.BATCH, *own], batch([1, 2], [1])),
        ([assembly.BATCH, *own], word(2**255) * 4),
        ([assembly.FOR_ALL, topic(BOB), topic(CAROL)], word(2)),
        ([assembly.FOR_ALL, topic(BOB)], word(1)),
        ([word(5), topic(BOB), topic(BOB), topic(BOB)], word(1)),
        ([], word(1)),
    ):
        await create(node, emit(topics, body))
    await create(node, assembly.pay(BOB, 5), value=9)
    await create(node, assembly.pay(BOB, 6) + assembly.pay(BOB, 7) + assembly.pay(ALICE, 8), value=21)


async def test_every_kind(anvil: Node, both_engines: AsyncEngine) -> None:
    indexer = Indexer(both_engines, anvil, [DUSD])
    await indexer.watch(BOB)
    await everything(anvil)
    await indexer.catch_up()
    moves, allowed = await asyncio.to_thread(Oracle(anvil.url, {BOB}).read)
    found = await recorded(both_engines)
    assert differences(found[0], moves) == []
    assert differences(found[1], allowed) == []
    kinds = {transfer.kind for transfer in await indexer.transfers([BOB], 100)}
    assert kinds == {Kind.NATIVE, Kind.INNER, Kind.ERC20, Kind.ERC721, Kind.ERC1155}
    tip = await indexer.store.tip()
    assert tip is not None and tip.untraced_from is None
    # The same, searched backwards for who registers late.
    await indexer.unwatch(BOB)
    await indexer.watch(BOB)
    await indexer.catch_up()
    assert await recorded(both_engines) == found, "nothing twice"


async def test_the_newest_word_on_an_allowance_counts(anvil: Node, engine: AsyncEngine) -> None:
    indexer = Indexer(engine, anvil, [DUSD])
    await indexer.watch(OWNER)
    assert DUSD.address is not None
    for spender, units in ((BOB, 5), (CAROL, 6), (BOB, 0), (BOB, 9)):
        call = encode_call("approve(address,uint256)", spender, units)
        await transact(anvil, [TransactionRequest(31337, DUSD.address, data=call)])
    for piece, spender in ((0, BOB), (0, CAROL), (1, BOB)):
        await create(anvil, emit([assembly.APPROVAL, topic(OWNER), topic(spender), word(piece)]))
    await indexer.catch_up()
    found = [(a.kind, a.spender, a.number) for a in await indexer.store.approvals([OWNER]) if a.token == DUSD.address]
    assert found == [(Kind.ERC20, BOB, 9), (Kind.ERC20, CAROL, 6)]
    assert await indexer.store.approvals([BOB]) == []


async def test_a_piece_is_allowed_to_the_last_one_named(anvil: Node, engine: AsyncEngine) -> None:
    """ERC-721 keeps one approval a piece: piece 0 is no exception."""
    indexer = Indexer(engine, anvil, [])
    await indexer.watch(OWNER)
    words = [(0, BOB), (0, CAROL), (1, BOB)]
    code = b"".join(emit([assembly.APPROVAL, topic(OWNER), topic(spender), word(n)]) for n, spender in words)
    await create(anvil, code)
    await indexer.catch_up()
    found = {(a.number, a.spender) for a in await indexer.store.approvals([OWNER])}
    assert found == {(0, CAROL), (1, BOB)}


async def test_coins_inside_calls_that_failed_did_not_move(anvil: Node, engine: AsyncEngine) -> None:
    indexer = Indexer(engine, anvil, [])
    await indexer.watch(BOB)
    failing = await create(anvil, assembly.installed(assembly.pay(BOB, 5) + assembly.revert()))
    caller = assembly.pay(failing, 9) + assembly.pay(BOB, 3)
    await create(anvil, caller, value=12)
    await indexer.catch_up()
    assert [(t.kind, t.units) for t in await indexer.transfers([BOB], 10)] == [(Kind.INNER, 3)]
    assert await anvil.call("eth_getBalance", [BOB, "latest"]) == hex(3)


async def test_where_the_node_cannot_trace_that_is_said(engine: AsyncEngine) -> None:
    async with Devnet.start("hardhat") as net, Node(net.url, 31337) as node:
        indexer = Indexer(engine, node, [DUSD])
        await indexer.watch(BOB)
        await node.call("hardhat_mine", [hex(3)])
        await create(node, assembly.pay(BOB, 5), value=5)
        await indexer.catch_up()
        tip = await indexer.store.tip()
        assert tip is not None and tip.untraced_from == 4
        assert await indexer.transfers([BOB], 10) == []
        await deploy(node)
        await fund(node, BOB, 1, 2)
        await indexer.catch_up()
        moves, _ = await asyncio.to_thread(Oracle(node.url, {BOB}, traces=False).read)
        assert differences((await recorded(engine))[0], moves) == []
        await node.call("hardhat_reset")
        await indexer.catch_up()
        tip = await indexer.store.tip()
        assert tip is not None and tip.untraced_from is None


@pytest.mark.parametrize("proven", [True, False])
async def test_a_whole_contract(anvil: Node, both_engines: AsyncEngine, proven: bool) -> None:
    """All its events, whoever takes part; with accounts beside it, and searched backwards too."""
    indexer = Indexer(both_engines, anvil, [DUSD], span=7, proven=proven)
    assert DUSD.address is not None
    await indexer.watch(DUSD.address, role=Role.CONTRACT)
    await anvil.call("evm_setAutomine", [False])
    nonce = int(str(await anvil.call("eth_getTransactionCount", [OWNER, "latest"])), 16)
    await anvil.batch([("eth_sendTransaction", [_mint(number, nonce)]) for number in range(110)])
    await anvil.call("evm_mine")
    await anvil.call("evm_setAutomine", [True])
    await mint(anvil, "DEUR", BOB, 1)
    await transact(
        anvil,
        [TransactionRequest(31337, DUSD.address, data=encode_call("approve(address,uint256)", BOB, 1))],
    )
    await indexer.catch_up()
    units = [row[8] for row in (await recorded(both_engines))[0]]
    assert sorted(units) == list(range(1, 111)), "of this contract alone"
    assert len((await recorded(both_engines))[1]) == 1
    await indexer.watch(CAROL)
    await mint(anvil, "DEUR", CAROL, 5)
    await indexer.catch_up()
    assert len((await recorded(both_engines))[0]) == 111
    other = Indexer(both_engines, anvil, [DUSD], proven=proven)
    await other.unwatch(DUSD.address, role=Role.CONTRACT)
    await other.watch(DUSD.address, role=Role.CONTRACT)
    await other.catch_up()
    assert len((await recorded(both_engines))[0]) == 111


def _mint(number: int, first_nonce: int) -> dict[str, object]:
    assert DUSD.address is not None
    call = encode_call("mint(address,uint256)", ALICE, number + 1)
    return TransactionRequest(31337, DUSD.address, data=call, sender=OWNER).to_rpc() | {
        "gas": hex(100_000),
        "nonce": hex(first_nonce + number),
    }


class NarrowNode(Node):
    """Of a chain without blooms, which answers `eth_getLogs` for few blocks only, as hosted ones do."""

    blocks_max = 5
    refused = 0

    async def blocks(self, numbers, full=False):  # type: ignore[no-untyped-def]  # the shape of the method above it
        return [block and replace(block, logs_bloom=None) for block in await super().blocks(numbers, full)]

    async def batch(self, calls):  # type: ignore[no-untyped-def]  # the shape of the method above it
        for method, params in calls:
            if method == "eth_getLogs":
                asked = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
                if asked > self.blocks_max:
                    self.refused += 1
                    return await super().batch([("eth_getLogs", [{"fromBlock": "too far"}])])
        return await super().batch(calls)


async def test_too_many_results_halve_the_range(anvil: Node, engine: AsyncEngine) -> None:
    """The refusal is the node's own (of a height that is none), in words of its own."""
    await anvil.call("anvil_mine", [hex(40)])
    await fund(anvil, BOB, 1, 2)
    async with NarrowNode(anvil.url, 31337) as node:
        indexer = Indexer(engine, node, [])
        await indexer.watch(BOB)
        await indexer.catch_up()
        assert node.refused > 0
        assert [t.units for t in await indexer.transfers([BOB], 10)] == [2, 1]


async def test_two_chains_in_one_database(both_engines: AsyncEngine) -> None:
    """The same address on both; a restart of the one leaves the other as it is."""
    async with (
        Devnet.start("anvil") as one,
        Devnet.start("anvil", chain_id=31338) as two,
        Node(one.url, 31337) as first,
        Node(two.url, 31338) as second,
    ):
        indexers = [Indexer(both_engines, first, []), Indexer(both_engines, second, [])]
        for indexer, node, units in zip(indexers, (first, second), (1, 2), strict=True):
            await indexer.watch(BOB)
            await transact(node, [TransactionRequest(node.chain_id or 0, BOB, value=units)])
        await asyncio.gather(*(indexer.catch_up() for indexer in indexers))
        await first.call("anvil_reset", [])
        await first.call("anvil_mine", [hex(1), hex(7)])
        await asyncio.gather(*(indexer.catch_up() for indexer in indexers))
        found = [await indexer.store.transfers([BOB], 10, archived=True) for indexer in indexers]
        assert [[(t.units, t.archived) for t in side] for side in found] == [[(1, True)], [(2, False)]]
        tips = [await indexer.store.tip() for indexer in indexers]
        assert [tip.lives for tip in tips if tip is not None] == [1, 0]


async def test_who_takes_part_in_much_is_read_by_its_index(both_engines: AsyncEngine, anvil: Node) -> None:
    """Many addresses are asked for in one pass, few each through its own index: the same answer."""
    indexer = Indexer(both_engines, anvil, [])
    others = [Address("0x" + f"{n:040x}") for n in range(1000, 1130)]
    await indexer.watch(BOB, *others)
    for _ in range(3):
        await transact(anvil, [TransactionRequest(31337, BOB, value=1), TransactionRequest(31337, others[0], value=2)])
    await indexer.catch_up()
    one_pass = await indexer.transfers([BOB, *others], 100)
    assert one_pass == await indexer.transfers([BOB, others[0]], 100)
    assert [t.units for t in one_pass] == [2, 1] * 3
    assert await indexer.transfers([], 10) == []
