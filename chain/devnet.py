"""Local test chains: starting Anvil or Hardhat, and putting the demo contracts and money on a chain.

`Devnet` owns a process. The functions below it work on any node that signs for the demo owner's account, such as one
that the developer runs. No key is needed here: test nodes sign for their own accounts (eth_sendTransaction).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from chain.address import Address
from chain.block import Receipt
from chain.calldata import encode_call
from chain.devnet_contracts import (
    DEFAULT_PRICES,
    FEED_DECIMALS,
    OWNER,
    PROXY,
    PROXY_DEPLOYER,
    PROXY_DEPLOYMENT,
    PROXY_DEPLOYMENT_COST,
    DemoContract,
    demo_feeds,
    demo_token,
    demo_tokens,
)
from chain.errors import (
    AnswerMalformed,
    DemoContractMissing,
    DevAccountMissing,
    DevAccountUnfunded,
    DevnetCannot,
    DevnetDied,
    DevnetMissing,
    DevnetSlow,
    ExecutionReverted,
    NodeRefused,
)
from chain.node import Node
from chain.quantity import data, quantity, to_hex
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest

ETHER = 10**18
HOST = "127.0.0.1"
CHAIN_ID = 31337
FUNDS_MIN_WEI = ETHER  # below this the owner's account is as good as empty
READY_SECONDS = 90.0
STOP_SECONDS = 10.0
STATE_SECONDS = 5
RECEIPT_SECONDS = 60.0

_ROOT = Path(__file__).parents[1]
_READY = re.compile(r"(?:Listening on |JSON-RPC server at http://)127\.0\.0\.1:([0-9]+)")


class DevnetKind(StrEnum):
    ANVIL = "anvil"
    HARDHAT = "hardhat"


@dataclass(frozen=True, slots=True)
class DevnetOptions:
    """How a chain is started; the defaults are an empty chain that mines at once.

    `state` is a file that the chain is read from, where it is there, and kept in (Anvil alone), every
    STATE_SECONDS and at its end. `block_seconds` above zero mines by the clock, `automine` False only when told.
    `hardfork` is a name that the program knows: `berlin` has no EIP-1559.
    """

    state: Path | None = None
    automine: bool = True
    block_seconds: int = 0
    hardfork: str = ""


@dataclass(frozen=True, slots=True)
class Devnet:
    """A running test chain with chain id 31337 and the developers' accounts. Make one with `start`."""

    kind: DevnetKind
    url: str
    pid: int

    @staticmethod
    @asynccontextmanager
    async def start(
        kind: str = "anvil",
        port: int = 0,
        ready_seconds: float = READY_SECONDS,
        options: DevnetOptions | None = None,
        chain_id: int = CHAIN_ID,
    ) -> AsyncIterator[Devnet]:
        """Port 0 takes a free one. The chain ends with the block, and with it everything that no state file keeps.

        Hardhat has one chain id.

        Raises DevnetMissing, DevnetDied (the port is taken, for instance), DevnetSlow, DevnetCannot.
        """
        chosen = DevnetKind(kind)
        process = await _spawn(chosen, port, options or DevnetOptions(), chain_id)
        output: deque[str] = deque(maxlen=40)
        listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        reader = asyncio.create_task(_drain(process, output, listening))
        try:
            actual = await _ready(chosen, process, output, listening, ready_seconds)
            yield Devnet(chosen, f"http://{HOST}:{actual}", process.pid)
        finally:
            await _stop(process)
            await reader


def _command(kind: DevnetKind, port: int, options: DevnetOptions, chain_id: int) -> tuple[list[str], Path]:
    """What to run, and the file that must be installed for it. Raises DevnetCannot."""
    modules = _modules(kind)
    if kind is DevnetKind.ANVIL:
        # npm installs the package of this platform alone; its launcher would be a second process to end.
        npm = next(modules.glob("@foundry-rs/anvil-*/bin/anvil"), None)
        program = npm or Path(shutil.which("anvil") or modules / "@foundry-rs" / "anvil")
        command = [str(program), "--host", HOST, "--port", str(port), "--chain-id", str(chain_id)]
        return [*command, *_anvil_arguments(options)], program
    if options.state is not None:
        raise DevnetCannot("keeps no state file: only Anvil does")
    program = modules / "hardhat" / "internal" / "cli" / "bootstrap.js"
    config = _ROOT / "chain" / "contracts" / "hardhat.config.js"
    return ["node", str(program), "--config", str(config), "node", "--hostname", HOST, "--port", str(port)], program


def _modules(kind: DevnetKind) -> Path:
    """Where npm put the program: beside this package, or in the developer's own project."""
    place = {DevnetKind.ANVIL: "@foundry-rs", DevnetKind.HARDHAT: "hardhat"}[kind]
    folders = [_ROOT / "node_modules", Path.cwd() / "node_modules"]
    return next((folder for folder in folders if (folder / place).is_dir()), folders[0])


def _anvil_arguments(options: DevnetOptions) -> list[str]:
    found = []
    if options.state is not None:
        found += ["--state", str(options.state), "--state-interval", str(STATE_SECONDS)]
    if not options.automine and not options.block_seconds:
        found.append("--no-mining")
    if options.block_seconds:
        found += ["--block-time", str(options.block_seconds)]
    return found + (["--hardfork", options.hardfork] if options.hardfork else [])


def _hardhat_environment(options: DevnetOptions) -> dict[str, str]:
    """Read by chain/contracts/hardhat.config.js."""
    settings = {
        "TANDEM_HARDFORK": options.hardfork,
        "TANDEM_AUTOMINE": "" if options.automine and not options.block_seconds else "off",
        "TANDEM_BLOCK_SECONDS": str(options.block_seconds or ""),
    }
    return {name: value for name, value in settings.items() if value}


async def _spawn(kind: DevnetKind, port: int, options: DevnetOptions, chain_id: int) -> asyncio.subprocess.Process:
    command, program = _command(kind, port, options, chain_id)
    if not program.exists():
        raise DevnetMissing(kind, str(program))
    if (guard := shutil.which("setpriv")) is not None:  # util-linux: the chain ends even if we are killed
        command = [guard, "--pdeathsig", "TERM", *command]
    environment = {**os.environ, "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true", "NO_COLOR": "1"}
    environment |= _hardhat_environment(options)
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise DevnetMissing(kind, command[0]) from error


async def _drain(process: asyncio.subprocess.Process, output: deque[str], listening: asyncio.Future[int]) -> None:
    """Reads all its life long: a node whose pipe is full stops."""
    assert process.stdout is not None
    pending = b""
    while part := await process.stdout.read(64 * 1024):
        *lines, pending = (pending + part).split(b"\n")
        pending = pending[-4096:]
        for line in lines:
            text = line.decode(errors="replace")
            output.append(text[:200])
            if not listening.done() and (match := _READY.search(text)):
                listening.set_result(int(match[1]))


async def _ready(
    kind: DevnetKind,
    process: asyncio.subprocess.Process,
    output: deque[str],
    listening: asyncio.Future[int],
    ready_seconds: float,
) -> int:
    """The port that it listens on."""
    ended = asyncio.create_task(process.wait())
    try:
        await asyncio.wait({ended, listening}, timeout=ready_seconds, return_when=asyncio.FIRST_COMPLETED)
        if listening.done():
            return listening.result()
        if ended.done():
            raise DevnetDied(kind, ended.result(), "\n".join(output))
        raise DevnetSlow(kind, ready_seconds)
    finally:
        ended.cancel()


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Asks, then insists."""
    _signal(process, signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        _signal(process, signal.SIGKILL)
        await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.send_signal(number)


async def check_owner(node: Node) -> None:
    """Does the node sign for the demo owner, and can the account pay? Raises DevAccountMissing, DevAccountUnfunded."""
    accounts, balance = await node.outcomes([("eth_accounts", ()), ("eth_getBalance", (OWNER, "latest"))])
    known = [str(account).lower() for account in accounts] if isinstance(accounts, list) else []
    if OWNER.lower() not in known:
        raise DevAccountMissing(OWNER)
    if isinstance(balance, NodeRefused):
        raise balance
    if (available := quantity(balance)) < FUNDS_MIN_WEI:
        raise DevAccountUnfunded(OWNER, available, FUNDS_MIN_WEI)


async def deploy(node: Node) -> None:
    """Puts proxy, demo tokens and feeds on the chain and sets the default prices; what is there already stays."""
    await check_owner(node)
    await _deploy_proxy(node)
    contracts = [*demo_tokens().values(), *demo_feeds().values()]
    present = await _have_code(node, [contract.address for contract in contracts])
    missing = [contract for contract, there in zip(contracts, present, strict=True) if not there]
    await transact(node, [TransactionRequest(CHAIN_ID, PROXY, data=contract.deployment) for contract in missing])
    for contract in missing:
        await _check_deployed(node, contract)
        if contract.name in DEFAULT_PRICES:
            await set_price(node, contract.name, DEFAULT_PRICES[contract.name])


async def fund(
    node: Node, address: Address, ether_wei: int = 10 * ETHER, dusd_units: int = 1000 * 10**6
) -> list[Receipt]:
    """Coins from the owner's account, freshly minted DUSD. Raises DevAccountUnfunded, DemoContractMissing."""
    available = quantity(await node.call("eth_getBalance", (OWNER, "latest")))
    if available < ether_wei:
        raise DevAccountUnfunded(OWNER, available, ether_wei)
    asked = [TransactionRequest(CHAIN_ID, address, value=ether_wei)] if ether_wei else []
    if dusd_units:
        await _check_deployed(node, demo_tokens()["DUSD"])
        asked.append(_mint("DUSD", address, dusd_units))
    return await transact(node, asked)


async def mint(node: Node, symbol: str, address: Address, units: int) -> Receipt:
    """Any of the demo tokens. Raises DemoContractMissing."""
    contract = demo_tokens().get(symbol)
    if contract is None:
        raise DemoContractMissing(symbol, "")
    await _check_deployed(node, contract)
    return (await transact(node, [_mint(symbol, address, units)]))[0]


async def set_price(node: Node, pair: str, price: str) -> Receipt:
    """Of a feed such as `ETH/USD`, in plain decimals (8 at most). Raises AmountMalformed, DemoContractMissing."""
    feed = demo_feeds().get(pair.upper())
    if feed is None:
        raise DemoContractMissing(pair, "")
    answer = TokenAmount.parse(price, Token(CHAIN_ID, feed.address, pair, pair, FEED_DECIMALS)).units
    await _check_deployed(node, feed)
    call = encode_call("set(int256)", answer)
    return (await transact(node, [TransactionRequest(CHAIN_ID, feed.address, data=call)]))[0]


async def transact(node: Node, requests: Sequence[TransactionRequest], sender: Address = OWNER) -> list[Receipt]:
    """Sent by an account that the node signs for, one after the other, and waited for; mined where automine is off.

    Raises NodeRefused, ExecutionReverted, TransactionUnseen.
    """
    hashes = []
    for request in requests:
        answer = await node.call("eth_sendTransaction", [request.with_sender(sender).to_rpc()])
        hashes.append(data(answer, 32))
    await _mine_if_nobody_does(node)
    receipts = [await node.wait_for_receipt(sent, RECEIPT_SECONDS) for sent in hashes]
    for receipt in receipts:
        if not receipt.succeeded:
            raise ExecutionReverted(3, "reverted", to_hex(receipt.transaction_hash))
    return receipts


def _mint(symbol: str, address: Address, units: int) -> TransactionRequest:
    call = encode_call("mint(address,uint256)", address, units)
    return TransactionRequest(CHAIN_ID, demo_token(symbol).address, data=call)


async def _deploy_proxy(node: Node) -> None:
    if (await _have_code(node, [PROXY]))[0]:
        return
    await transact(node, [TransactionRequest(CHAIN_ID, PROXY_DEPLOYER, value=PROXY_DEPLOYMENT_COST)])
    sent = data(await node.call("eth_sendRawTransaction", [to_hex(PROXY_DEPLOYMENT)]), 32)
    await _mine_if_nobody_does(node)
    await node.wait_for_receipt(sent, RECEIPT_SECONDS)


async def _mine_if_nobody_does(node: Node) -> None:
    """Where automine is off, what was sent would wait for the developer; a block takes what they sent as well."""
    (automine,) = await node.outcomes([("hardhat_getAutomine", ())])  # Anvil knows the name too, others need not
    if automine is False:
        await node.call("evm_mine")


async def _check_deployed(node: Node, contract: DemoContract) -> None:
    """A call to an address without code would succeed and do nothing."""
    if not (await _have_code(node, [contract.address]))[0]:
        raise DemoContractMissing(contract.name, contract.address)


async def _have_code(node: Node, addresses: Sequence[Address]) -> list[bool]:
    found = await node.batch([("eth_getCode", (address, "latest")) for address in addresses])
    if not all(isinstance(code, str) for code in found):
        raise AnswerMalformed("code expected")
    return [len(data(code)) > 0 for code in found]
