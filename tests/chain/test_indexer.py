"""The indexer on real chains: what it records, and what it does when a chain turns back or begins anew."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from chain import erc20
from chain.address import Address
from chain.block import Block
from chain.calldata import encode_call
from chain.devnet import ETHER, Devnet, deploy, fund, mint, transact
from chain.devnet_contracts import OWNER, demo_token
from chain.errors import ExecutionReverted, NodeRefused, NodeUnreachable, WrongChain
from chain.indexer import Indexer
from chain.indexer_store import Role
from chain.node import Node
from chain.node_provider import Call
from chain.recorded import Position
from chain.token import Token, TokenAmount

ROOT = Path(__file__).parents[2]
ETH, DUSD, DEUR = Token.native(31337), demo_token("DUSD"), demo_token("DEUR")
TOKENS = [DUSD, DEUR]
ALICE, BOB, CAROL = (Address("0x" + 20 * byte) for byte in ("a1", "b0", "c0"))


async def send(node: Node, units: int, token: Token, to: Address) -> None:
    await transact(node, [erc20.transfer(TokenAmount(units, token), to)])


async def history(indexer: Indexer, *addresses: Address) -> list[tuple[Address | None, Address, Address, int, bool]]:
    """Oldest first."""
    found = await indexer.transfers(addresses, 1000)
    return [(t.token, t.sender, t.receiver, t.units, t.succeeded) for t in reversed(found)]


async def test_records_coins_and_tokens_of_watched_addresses(chain_node: Node, both_engines: AsyncEngine) -> None:
    indexer = Indexer(both_engines, chain_node, TOKENS, span=4)
    await indexer.watch(BOB, CAROL)
    await fund(chain_node, BOB, 2 * ETHER, 5_000_000)
    await mint(chain_node, "DWETH", BOB, 7)
    await send(chain_node, 3, ETH, ALICE)
    progress = await indexer.catch_up()
    assert (progress.lag, progress.generation, progress.restarted) == (0, 0, False)
    assert await history(indexer, BOB) == [
        (None, OWNER, BOB, 2 * ETHER, True),
        (DUSD.address, Address.ZERO, BOB, 5_000_000, True),
        (demo_token("DWETH").address, Address.ZERO, BOB, 7, True),
    ], "the unlisted token is its reader's matter; the stranger's coins are not there"
    assert await history(indexer, ALICE) == []
    (newest, *_) = await indexer.transfers([BOB], 10)
    (block,) = await chain_node.blocks([newest.position.block_number])
    assert block is not None and block.timestamp == newest.timestamp
    assert (await indexer.step()).is_caught_up


async def test_what_failed_is_recorded_as_failed(anvil: Node, engine: AsyncEngine) -> None:
    indexer = Indexer(engine, anvil, TOKENS)
    await indexer.watch(OWNER)
    await indexer.catch_up()
    start = len(await history(indexer, OWNER))
    unaffordable = erc20.transfer(TokenAmount(1, DUSD), BOB)
    call = unaffordable.with_sender(OWNER).to_rpc() | {"gas": hex(100_000)}
    feed_call = {"from": OWNER, "to": DUSD.address, "value": "0x5", "gas": hex(100_000)}
    for sent in (call, feed_call):
        await anvil.wait_for_receipt(bytes.fromhex(str(await anvil.call("eth_sendTransaction", [sent]))[2:]))
    await send(anvil, 0, ETH, BOB)
    await indexer.catch_up()
    assert (await history(indexer, OWNER))[start:] == [
        (DUSD.address, OWNER, BOB, 1, False),
        (None, OWNER, DUSD.address, 5, False),
    ]


async def test_zero_unit_transfers_of_strangers_are_no_history(anvil: Node, engine: AsyncEngine) -> None:
    """I-13: transferFrom of zero needs nobody's consent."""
    indexer = Indexer(engine, anvil, TOKENS)
    await indexer.watch(BOB)
    poison = encode_call("transferFrom(address,address,uint256)", BOB, CAROL, 0)
    request = erc20.transfer(TokenAmount(0, DUSD), CAROL)
    await transact(anvil, [type(request)(31337, DUSD.address, data=poison)])
    await indexer.catch_up()
    assert await history(indexer, BOB) == []
    (seen,) = await indexer.store.transfers([BOB], 10, zero=True)
    assert (seen.units, seen.receiver) == (0, CAROL), "who looks for poisoned addresses finds it"


async def test_pages(anvil: Node, engine: AsyncEngine) -> None:
    indexer = Indexer(engine, anvil, TOKENS)
    await indexer.watch(BOB)
    for units in range(1, 8):
        await send(anvil, units, ETH, BOB)
    await indexer.catch_up()
    seen: list[int] = []
    before: Position | None = None
    while page := await indexer.transfers([BOB], 3, before):
        seen += [transfer.units for transfer in page]
        before = Position.parse(str(page[-1].position))
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    for text in ("", "1", "1.2.3.4.5.x", "1.2.3.4.5", "-2.0.0.0.0.0", "1.2.3.4.5.99999999999999999999"):
        with pytest.raises(ValueError):
            Position.parse(text)


async def test_who_registers_late_gets_everything_once(anvil: Node, both_engines: AsyncEngine) -> None:
    indexer = Indexer(both_engines, anvil, TOKENS, span=3)
    await fund(anvil, BOB, 1, 2)
    await fund(anvil, CAROL, 3, 4)
    await indexer.catch_up()
    await indexer.watch(BOB)
    await indexer.step()
    await indexer.watch(BOB, CAROL)
    await send(anvil, 5, ETH, CAROL)
    progress = await indexer.catch_up()
    assert progress.unsearched == 0
    assert [row[3] for row in await history(indexer, BOB)] == [1, 2]
    assert [row[3] for row in await history(indexer, CAROL)] == [3, 4, 5]
    await indexer.unwatch(CAROL)
    await send(anvil, 6, ETH, CAROL)
    await indexer.catch_up()
    assert [row[3] for row in await history(indexer, CAROL)] == [3, 4, 5]


async def test_a_reorganisation(anvil: Node, both_engines: AsyncEngine) -> None:
    indexer = Indexer(both_engines, anvil, TOKENS)
    await indexer.watch(BOB)
    for units in (1, 2, 3):
        await send(anvil, units, ETH, BOB)
    before = await indexer.catch_up()
    await anvil.call("anvil_reorg", [2, []])
    after = await indexer.step()
    assert after.rolled_back_to == before.height - 2
    await indexer.catch_up()
    assert [row[3] for row in await history(indexer, BOB)] == [1]
    await send(anvil, 4, ETH, BOB)
    await indexer.catch_up()
    assert [row[3] for row in await history(indexer, BOB)] == [1, 4]
    assert not after.restarted


async def test_a_chain_that_turned_back_and_did_something_else(chain_node: Node, engine: AsyncEngine) -> None:
    indexer = Indexer(engine, chain_node, TOKENS, span=2)
    await indexer.watch(BOB)
    await send(chain_node, 1, ETH, BOB)
    snapshot = await chain_node.call("evm_snapshot")
    await indexer.catch_up()
    for units in range(2, 10):
        await send(chain_node, units, ETH, BOB)
    await indexer.catch_up()
    await chain_node.call("evm_revert", [snapshot])
    shorter = await indexer.step()
    assert shorter.rolled_back_to is not None and shorter.lag == 0
    assert [row[3] for row in await history(indexer, BOB)] == [1]
    await send(chain_node, 11, ETH, BOB)
    await indexer.catch_up()
    assert [row[3] for row in await history(indexer, BOB)] == [1, 11]


async def test_a_reorganisation_deeper_than_one_look(
    anvil: Node, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chain.indexer.HASHES_PER_LOOK", 5)
    indexer = Indexer(engine, anvil, TOKENS)
    await indexer.watch(BOB)
    await send(anvil, 1, ETH, BOB)
    common = await anvil.height()
    snapshot = await anvil.call("evm_snapshot")
    await anvil.call("anvil_mine", [hex(30)])
    await indexer.catch_up()
    await anvil.call("evm_revert", [snapshot])
    await anvil.call("anvil_mine", [hex(40), hex(7)])
    assert (await indexer.step()).rolled_back_to == common
    await indexer.catch_up()
    assert [row[3] for row in await history(indexer, BOB)] == [1]


async def test_a_chain_that_turned_back_while_somebody_is_still_searched_for(anvil: Node, engine: AsyncEngine) -> None:
    indexer = Indexer(engine, anvil, TOKENS, span=2)
    await send(anvil, 1, ETH, BOB)
    snapshot = await anvil.call("evm_snapshot")
    await anvil.call("anvil_mine", [hex(20)])
    await indexer.catch_up()
    await indexer.watch(BOB)
    assert (await indexer.step()).unsearched > 0
    await anvil.call("evm_revert", [snapshot])
    async with asyncio.timeout(120):
        await indexer.catch_up()
    assert [row[3] for row in await history(indexer, BOB)] == [1]


async def test_a_restart_while_somebody_is_still_searched_for(engine: AsyncEngine) -> None:
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        await node.call("anvil_mine", [hex(20)])
        indexer = Indexer(engine, node, TOKENS, span=2)
        await indexer.catch_up()
        await indexer.watch(BOB)
        assert (await indexer.step()).unsearched > 0
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        await node.call("anvil_mine", [hex(1), hex(7)])
        await send(node, 3, ETH, BOB)
        indexer = Indexer(engine, node, TOKENS, span=2)
        async with asyncio.timeout(120):
            await indexer.catch_up()
        assert [row[3] for row in await history(indexer, BOB)] == [3]


async def test_hashes_that_were_not_kept(anvil: Node, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.indexer_store.BLOCKS_KEPT", 3)
    indexer = Indexer(engine, anvil, TOKENS, span=2)
    await indexer.watch(BOB)
    await send(anvil, 1, ETH, BOB)
    snapshot = await anvil.call("evm_snapshot")
    await anvil.call("anvil_mine", [hex(10)])
    await indexer.catch_up()
    await anvil.call("evm_revert", [snapshot])
    await anvil.call("anvil_mine", [hex(12), hex(7)])
    assert (await indexer.step()).rolled_back_to == 0
    await indexer.catch_up()
    assert [row[3] for row in await history(indexer, BOB)] == [1]


async def test_a_restarted_chain_keeps_the_old_activity_apart(engine: AsyncEngine) -> None:
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        await deploy(node)
        indexer = Indexer(engine, node, TOKENS)
        await indexer.watch(BOB)
        await fund(node, BOB, 1, 2)
        await indexer.catch_up()
        old = await history(indexer, BOB)
        assert len(old) == 2
    async with Devnet.start("hardhat") as net, Node(net.url, 31337) as node:
        indexer = Indexer(engine, node, TOKENS)
        first = await indexer.step()
        assert first.restarted and first.generation == 1
        assert not (await indexer.step()).restarted
        await deploy(node)
        await fund(node, BOB, 3, 0)
        await indexer.watch(CAROL)
        await fund(node, CAROL, 4, 0)
        await indexer.catch_up()
        assert [row[3] for row in await history(indexer, BOB, CAROL)] == [3, 4]
        both = await indexer.store.transfers([BOB], 10, archived=True)
        assert [(transfer.units, transfer.archived) for transfer in reversed(both)] == [
            (1, True),
            (2, True),
            (3, False),
        ]
        older = await indexer.store.transfers([BOB], 10, both[0].position, archived=True)
        assert [transfer.units for transfer in older] == [2, 1]


async def test_anvil_reset(anvil: Node, engine: AsyncEngine) -> None:
    indexer = Indexer(engine, anvil, TOKENS)
    await indexer.watch(BOB)
    await send(anvil, 1, ETH, BOB)
    await indexer.catch_up()
    await anvil.call("anvil_reset", [])
    progress = await indexer.step()
    assert progress.restarted or progress.rolled_back_to == 0
    await indexer.catch_up()
    assert await history(indexer, BOB) == []
    await send(anvil, 2, ETH, BOB)
    await indexer.catch_up()
    assert [row[3] for row in await history(indexer, BOB)] == [2]


async def test_goes_on_where_another_process_stopped(anvil: Node, engine: AsyncEngine) -> None:
    program = f"""
import asyncio
from sqlalchemy.ext.asyncio import create_async_engine
from chain.address import Address
from chain.indexer import Indexer
from chain.indexer_store import Role
from chain.node import Node

async def main():
    engine = create_async_engine({str(engine.url)!r})
    async with Node({anvil.url!r}, 31337) as node:
        indexer = Indexer(engine, node, [])
        await indexer.watch(Address({BOB!r}))
        print((await indexer.catch_up()).height)
    await engine.dispose()

asyncio.run(main())
"""
    await send(anvil, 1, ETH, BOB)
    height = await anvil.height()
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert int(done.stdout) == height
    await send(anvil, 2, ETH, BOB)
    indexer = Indexer(engine, anvil, TOKENS)
    assert (await indexer.step()).height == height + 1
    assert [row[3] for row in await history(indexer, BOB)] == [1, 2]


async def test_run_survives_a_node_that_is_away(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.indexer.POLL_SECONDS", 0.01)
    monkeypatch.setattr("chain.indexer.POLL_SECONDS_MAX", 0.02)
    async with Devnet.start("anvil") as net:
        port = int(net.url.rsplit(":", 1)[1])
        async with Node(net.url, 31337) as node:
            await send(node, 1, ETH, BOB)
    async with Node(net.url, 31337) as node:
        indexer = Indexer(engine, node, [])
        await indexer.watch(BOB)
        running = asyncio.create_task(indexer.run())

        async def until(condition: Any) -> None:
            async with asyncio.timeout(120):
                while not condition():  # noqa: ASYNC110  # what is waited for is another task's doing
                    await asyncio.sleep(0.01)

        await until(lambda: isinstance(indexer.trouble, NodeUnreachable))
        async with Devnet.start("anvil", port), Node(net.url) as other:
            await send(other, 5, ETH, BOB)
            await until(lambda: indexer.progress and indexer.progress.height == 1 and indexer.trouble is None)
            assert [row[3] for row in await history(indexer, BOB)] == [5]
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_answers_that_are_too_large_are_asked_for_in_smaller_parts(anvil: Node, engine: AsyncEngine) -> None:
    await anvil.call("anvil_mine", [hex(64)])
    await send(anvil, 1, ETH, BOB)
    async with Node(anvil.url, 31337, answer_bytes_max=20_000) as narrow:
        indexer = Indexer(engine, narrow, TOKENS)
        await indexer.watch(BOB)
        await indexer.catch_up()
        assert [row[3] for row in await history(indexer, BOB)] == [1]


async def test_two_indexers_do_no_harm(anvil: Node, both_engines: AsyncEngine) -> None:
    first, second = (Indexer(both_engines, anvil, TOKENS, span=2) for _ in range(2))
    await first.watch(BOB)
    for units in range(1, 6):
        await send(anvil, units, ETH, BOB)
    await first.step()
    await asyncio.gather(first.catch_up(), second.catch_up())
    assert [row[3] for row in await history(first, BOB)] == [1, 2, 3, 4, 5]


async def test_two_indexers_take_up_a_restart_once(both_engines: AsyncEngine) -> None:
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        await node.call("anvil_mine", [hex(3)])
        pair = [Indexer(both_engines, node, TOKENS) for _ in range(2)]
        await asyncio.gather(*(indexer.catch_up() for indexer in pair))
        for life in (1, 2):
            await node.call("anvil_reset", [])
            await node.call("anvil_mine", [hex(1), hex(60 * life)])
            await asyncio.gather(*(indexer.catch_up() for indexer in pair))
            tip = await pair[0].store.tip()
            assert tip is not None and tip.lives == life


class MovingNode(Node):
    """A real node whose chain turns back at the worst moments: just before an answer, once for each kind."""

    moves: dict[str, str]

    async def _move(self, moment: str) -> None:
        if snapshot := self.moves.pop(moment, None):
            assert await self.call("evm_revert", [snapshot])
            await send(self, 50 + len(self.moves), ETH, BOB)
            await send(self, 60 + len(self.moves), DUSD, BOB)
            await self.call("anvil_mine", [hex(8), hex(9)])

    async def blocks(self, numbers: Sequence[int], full: bool = False) -> list[Block | None]:
        if full:
            await self._move("blocks")
        return await super().blocks(numbers, full)

    async def batch(self, calls: Sequence[Call]) -> list[object]:
        if calls and calls[0][0] == "eth_getLogs":
            await self._move("logs")
        return await super().batch(calls)

    async def outcomes(self, calls: Sequence[Call]) -> list[object | NodeRefused]:
        if calls and calls[0][0] == "eth_getBlockReceipts":
            await self._move("receipts")
        return await super().outcomes(calls)


@pytest.mark.parametrize(("moment", "coins"), [("blocks", 2), ("logs", 2), ("logs", 0), ("receipts", 2)])
async def test_a_chain_that_moves_while_it_is_read(anvil: Node, engine: AsyncEngine, moment: str, coins: int) -> None:
    """Nothing of the abandoned branch may stay, and nothing of the new one may be missing.

    Logs are asked for where a contract's are taken as they come.
    """
    await mint(anvil, "DUSD", OWNER, 1000)
    async with MovingNode(anvil.url, 31337) as node:
        node.moves = {}
        indexer = Indexer(engine, node, TOKENS, proven=moment != "logs")
        await indexer.watch(BOB)
        if moment == "logs":
            assert DEUR.address is not None
            await indexer.watch(DEUR.address, role=Role.CONTRACT)
        snapshot = str(await node.call("evm_snapshot"))
        await send(node, 9, ETH, BOB)
        await indexer.catch_up()
        for units in (1, 2):
            await send(node, units * coins, ETH, BOB)
            await send(node, units + 2, DUSD, BOB)
        node.moves = {moment: snapshot}
        await indexer.catch_up()
        assert not node.moves
        await indexer.catch_up()
        assert [row[3] for row in await history(indexer, BOB)] == [50, 60]


async def test_another_chain_id_is_refused(anvil: Node, engine: AsyncEngine) -> None:
    async with Node(anvil.url, 1) as node:
        with pytest.raises(WrongChain):
            await Indexer(engine, node, []).step()


async def test_the_devnet_helper_notices_a_revert(anvil: Node) -> None:
    with pytest.raises(ExecutionReverted):
        await send(anvil, 10**30, DUSD, BOB)
