"""Time, blocks, automine, snapshots and kept state of real test chains."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from chain import devnet_controls as controls
from chain.address import Address
from chain.devnet import ETHER, Devnet, DevnetOptions, deploy, fund, set_price
from chain.devnet_contracts import OWNER, demo_token
from chain.errors import DevnetCannot, DevnetDied
from chain.node import Node
from chain.token import Token
from chain.transaction import TransactionRequest

BOB = Address("0x" + 20 * "b0")
ASSETS = [Token.native(31337), demo_token("DUSD")]


@pytest_asyncio.fixture(params=["anvil", "hardhat"])
async def slow_chain(request: pytest.FixtureRequest) -> AsyncIterator[Node]:
    """One that mines only when asked to."""
    options = DevnetOptions(automine=False)
    async with Devnet.start(request.param, options=options) as net, Node(net.url, 31337) as node:
        await deploy(node)
        yield node


async def test_blocks_time_and_snapshots(slow_chain: Node) -> None:
    node, paid = slow_chain, TransactionRequest(31337, BOB, 5).with_sender(OWNER).to_rpc()
    await node.call("eth_sendTransaction", [paid])
    assert await controls.pending(node) == 1
    before = await controls.status(node)
    assert (await node.balances(BOB, ASSETS[:1]))[0].units == 0  # type: ignore[union-attr]
    mined = await controls.mine(node, 3)
    assert (mined.height, await controls.pending(node)) == (before.height + 3, 0)
    assert (await node.balances(BOB, ASSETS[:1]))[0].units == 5  # type: ignore[union-attr]
    kept = await controls.snapshot(node)
    later = await controls.travel(node, 86_400)
    assert (later.height, later.timestamp) == (mined.height + 1, mined.timestamp + 86_400)
    assert (await controls.travel_to(node, later.timestamp + 1)).timestamp == later.timestamp + 1
    await fund(node, BOB, ETHER, 0)  # the faucet mines for itself
    await set_price(node, "ETH/USD", "2500")
    assert await controls.revert(node, kept) == mined
    await controls.set_automine(node, True)
    sent = await node.call("eth_sendTransaction", [paid])
    await node.wait_for_receipt(bytes.fromhex(str(sent)[2:]))  # Anvil answers before it mines
    assert (await node.balances(BOB, ASSETS[:1]))[0].units == 10  # type: ignore[union-attr]
    for wrong in (kept, "0x99", "nonsense"):
        with pytest.raises(DevnetCannot):
            await controls.revert(node, wrong)
    for seconds in (0, -5, 10**10):
        with pytest.raises(DevnetCannot):
            await controls.travel(node, seconds)
    with pytest.raises(DevnetCannot):
        await controls.travel_to(node, mined.timestamp)
    for blocks in (0, 10**6):
        with pytest.raises(DevnetCannot):
            await controls.mine(node, blocks)


async def test_a_chain_kept_in_a_file_goes_on(tmp_path: Path) -> None:
    options = DevnetOptions(state=tmp_path / "chain.json")
    async with Devnet.start("anvil", options=options) as net, Node(net.url, 31337) as node:
        await deploy(node)
        await fund(node, BOB, ETHER, 7)
        first = await controls.status(node)
    async with Devnet.start("anvil", options=options) as net, Node(net.url, 31337) as node:
        assert await controls.status(node) == first, "the same chain by its first block, at the same height"
        await deploy(node)
        assert (await node.height()) == first.height, "nothing had to be deployed again"
        assert [found and found.units for found in await node.balances(BOB, ASSETS)] == [ETHER, 7]
    assert isinstance(json.loads(options.state.read_text()), dict)  # type: ignore[union-attr]


async def test_a_file_that_is_no_state(tmp_path: Path) -> None:
    broken = tmp_path / "chain.json"
    broken.write_text("{")
    with pytest.raises(DevnetDied):
        async with Devnet.start("anvil", options=DevnetOptions(state=broken)):
            pass
    assert broken.read_text() == "{", "it is left as it was"
    with pytest.raises(DevnetCannot):
        async with Devnet.start("hardhat", options=DevnetOptions(state=broken)):
            pass


async def test_a_block_every_second(tmp_path: Path) -> None:
    async with Devnet.start("anvil", options=DevnetOptions(block_seconds=1)) as net, Node(net.url, 31337) as node:
        paid = TransactionRequest(31337, BOB, 5).with_sender(OWNER).to_rpc()
        sent = await node.call("eth_sendTransaction", [paid])
        await node.wait_for_receipt(bytes.fromhex(str(sent)[2:]))  # nobody asked for the block
        assert await node.height() >= 1
        assert await controls.pending(node) == 0
