"""Local chains start, stop and fail cleanly, and the demo contracts are where the client's list says."""

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chain import devnet
from chain.address import Address
from chain.calldata import decode, encode_call
from chain.devnet import Devnet, DevnetKind, DevnetOptions, deploy, fund, mint, set_price
from chain.devnet_contracts import OWNER, demo_feeds, demo_price_feeds, demo_token, demo_tokens
from chain.errors import (
    AmountTooPrecise,
    DemoContractMissing,
    DevAccountMissing,
    DevAccountUnfunded,
    DevnetDied,
    DevnetMissing,
    DevnetSlow,
    ExecutionReverted,
)
from chain.node import Node
from chain.token import Token
from chain.token_list import TokenList

ROOT = Path(__file__).parents[2]
BOB = Address("0x" + 20 * "b0")


def is_alive(pid: int) -> bool:
    """A process that ended but that nobody has waited for counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("kind", list(DevnetKind))
async def test_start_deploy_fund_price_stop(kind: str) -> None:
    async with Devnet.start(kind) as net, Node(net.url, 31337) as node:
        await deploy(node)
        height = await node.height()
        await deploy(node)
        assert await node.height() == height, "deploying again changes nothing"
        await fund(node, BOB, 2 * devnet.ETHER, 5_000_000)
        await mint(node, "DWETH", BOB, 10**18)
        tokens = [Token.native(31337), *(demo_token(symbol) for symbol in ("DUSD", "DEUR", "DWETH"))]
        amounts = await node.balances(BOB, tokens)
        assert [amount and amount.format() for amount in amounts] == ["2", "5", "0", "1"]
        for symbol in demo_tokens():
            told = await node.read(demo_tokens()[symbol].address, encode_call("decimals()"))
            assert int.from_bytes(told, "big") == demo_token(symbol).decimals
        await set_price(node, "eth/usd", "2999.5")
        prices = {asset: await price(node, feed) for asset, feed in demo_price_feeds().items()}
        expected = {"ETH": 299_950_000_000, "DUSD": 100_000_000, "EUR": 108_000_000}
        expected |= {"GBP": 126_000_000, "CNY": 14_000_000, "JPY": 660_000}
        assert prices == {**expected, "DWETH": expected["ETH"], "DEUR": expected["EUR"]}
        assert is_alive(net.pid)
    assert not is_alive(net.pid)


async def price(node: Node, feed: Address) -> object:
    answer = await node.read(feed, encode_call("latestRoundData()"))
    return decode("(uint80,int256,uint256,uint256,uint80)", answer)[1]


async def test_it_ends_with_the_block_even_when_that_fails() -> None:
    with pytest.raises(RuntimeError, match="within"):
        async with Devnet.start("anvil") as net:
            raise RuntimeError("within")
    assert not is_alive(net.pid)


@pytest.mark.parametrize("kind", list(DevnetKind))
async def test_it_ends_even_when_we_are_killed(kind: str) -> None:
    program = f"""
import asyncio
from chain.devnet import Devnet

async def main():
    async with Devnet.start({str(kind)!r}) as net:
        print(net.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    pid = int(await owner.stdout.readline())
    assert is_alive(pid)
    owner.kill()
    await owner.wait()
    async with asyncio.timeout(120):
        while is_alive(pid):  # noqa: ASYNC110  # another process ends
            await asyncio.sleep(0.02)


async def test_a_taken_port_a_missing_program_and_an_impatient_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for kind in DevnetKind:
            with pytest.raises(DevnetDied) as died:
                async with Devnet.start(kind, taken.getsockname()[1]):
                    pass
            assert "in use" in died.value.output
    with pytest.raises(DevnetSlow):
        async with Devnet.start("hardhat", ready_seconds=0.01):
            pass
    monkeypatch.setattr(devnet, "_ROOT", Path("/nowhere"))
    with pytest.raises(DevnetMissing):
        async with Devnet.start("anvil"):
            pass


async def test_a_developers_own_node_without_money(anvil: Node) -> None:
    await anvil.call("anvil_setBalance", [OWNER, "0x0"])
    for attempt in (deploy(anvil), fund(anvil, BOB, 1, 0)):
        with pytest.raises(DevAccountUnfunded):
            await attempt


async def test_a_developers_own_node_with_other_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = devnet._command

    def other_accounts(kind: DevnetKind, port: int, options: DevnetOptions, chain_id: int) -> tuple[list[str], Path]:
        command, program = plain(kind, port, options, chain_id)
        return [*command, "--accounts", "1", "--mnemonic-seed-unsafe", "7"], program

    monkeypatch.setattr(devnet, "_command", other_accounts)
    async with Devnet.start("anvil") as net, Node(net.url) as node:
        with pytest.raises(DevAccountMissing):
            await deploy(node)


async def test_without_the_contracts() -> None:
    async with Devnet.start("anvil") as net, Node(net.url) as node:
        with pytest.raises(DemoContractMissing):
            await set_price(node, "ETH/USD", "1")
        with pytest.raises(DemoContractMissing):
            await set_price(node, "BTC/USD", "1")
        with pytest.raises(DemoContractMissing):
            await fund(node, BOB)
        await deploy(node)
        with pytest.raises(AmountTooPrecise):
            await set_price(node, "ETH/USD", "1.123456789")


async def test_a_feed_without_an_answer_reverts(anvil: Node) -> None:
    feed = demo_feeds()["ETH/USD"].address
    with pytest.raises(ExecutionReverted):
        await anvil.read(feed, encode_call("getRoundData(uint80)", 99))


def test_the_clients_token_list_is_what_the_code_says() -> None:
    listed = TokenList.parse((ROOT / "wallet/tokens.json").read_bytes())
    assert listed.tokens == tuple(demo_token(symbol) for symbol in demo_tokens())


def test_artifacts_are_what_the_sources_compile_to() -> None:
    output = subprocess.run(
        ["node", str(ROOT / "chain/contracts/compile.js"), "--stdout"], check=True, capture_output=True, timeout=120
    ).stdout
    compiled = json.loads(output)
    assert set(compiled) == {"DemoToken", "DemoFeed", "DemoWallet", "Views"}
    for name, artifact in compiled.items():
        assert json.loads((ROOT / f"chain/contracts/{name}.json").read_text()) == artifact
