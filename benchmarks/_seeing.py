"""From the head to a person, on a real server: how soon activity shows it, how often a portfolio asks the node."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from api.workers import INDEXER_PAUSE_SECONDS
from benchmarks._figures import Figure
from benchmarks._people import start
from chain.address import Address
from chain.calldata import encode, encode_call
from chain.devnet import CHAIN_ID, Devnet, deploy, mint, transact
from chain.devnet_contracts import OWNER, demo_tokens
from chain.node import Node
from chain.transaction import TransactionRequest
from tests.api.people import Person
from tests.chain.counting import Counting, counting

TOKENS = 50
ARTIFACT = Path(__file__).resolve().parents[1] / "chain/contracts/DemoToken.json"


async def head(server: Any, asked: argparse.Namespace) -> list[Figure]:
    """A payment's block, as any client of the node learns of it, until `GET /activity` tells of it."""
    figures = []
    for words, heads in (("", {}), (", by polling alone", {"TANDEM_CHAIN_HEADS": "off"})):
        name = f"head to activity{words}"
        figure = Figure(name, "s", "one poll interval", "at most", 1, 1)
        async with _person([], **heads) as (node, person, _):
            to = Address.from_bytes(person.account.address)
            for number in range(4 * asked.rounds + 1):
                await asyncio.sleep(0.1 + 0.037 * (number % 7))  # at all moments of the poll
                taken = await _until_told(node, person, TransactionRequest(CHAIN_ID, to, value=1000 + number))
                if number:
                    figure.ours.append(taken)
                    figure.peer.append(INDEXER_PAUSE_SECONDS)
        figures.append(figure)
    return figures


async def _until_told(node: Node, person: Person, request: TransactionRequest) -> float:
    await transact(node, [request])
    began = time.perf_counter()
    while True:
        items = (await person.get("/v1/activity?limit=1")).json["items"]
        if items and items[0]["amount_minor"] == str(request.value):
            return time.perf_counter() - began
        if time.perf_counter() - began > 60:
            raise SystemExit("activity never told of it")
        await asyncio.sleep(0.005)


async def portfolio(server: Any, asked: argparse.Namespace) -> list[Figure]:
    """Requests that come to the node for one `GET /portfolio` at a head that nobody has read yet."""
    figure = Figure(f"GET /v1/portfolio, {TOKENS} tokens", "round trips", "one", "at most", 1, 1)
    async with _person(["--no-workers"], tokens=TOKENS) as (node, person, proxy):
        for number in range(asked.rounds + 1):
            await node.call("evm_mine")
            await asyncio.sleep(0.4)  # the head that somebody read is shared for a quarter of a second
            proxy.trips.clear()
            positions = (await person.get("/v1/portfolio?in=EUR")).json["positions"]
            held = [one for one in positions if one["rail"] == "chain" and one["amount_minor"] != "0"]
            if len(held) != TOKENS:
                raise SystemExit(f"{len(held)} tokens in the portfolio")
            if number:
                figure.ours.append(len(proxy.trips))
                figure.peer.append(1)
    return [figure]


@asynccontextmanager
async def _person(options: list[str], tokens: int = 0, **settings: str) -> AsyncIterator[tuple[Node, Person, Counting]]:
    """Somebody at a server whose node is asked through a proxy that counts; with so many tokens."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Devnet.start("anvil") as net, Node(net.url, CHAIN_ID) as node, counting(net.url) as proxy:
            await deploy(node)
            contracts = await _more_tokens(node, tokens - len(demo_tokens()))
            if contracts:
                settings |= {"TANDEM_TOKENS": str(_listed(folder, contracts))}
            # Only the portfolio's requests are counted: there the indexer does not run.
            rpc = proxy.url if tokens else net.url
            process, url, ledger_id = start(folder, rpc, "", *options, **settings)
            try:
                person = Person(url, ledger_id, "alice")
                await person.register()
                await person.sign_in()
                if tokens:
                    await _hold_all(node, contracts, Address.from_bytes(person.account.address))
                yield node, person, proxy
            finally:
                process.terminate()
                process.wait()


async def _more_tokens(node: Node, count: int) -> dict[str, Address]:
    """By symbol."""
    found: dict[str, Address] = {}
    code = bytes.fromhex(json.loads(ARTIFACT.read_text())["bytecode"][2:])
    for number in range(count):
        symbol = f"BENCH{chr(65 + number // 26)}{chr(65 + number % 26)}"
        arguments = encode("(string,string,uint8,address)", (f"{symbol} token", symbol, 18, OWNER))
        (receipt,) = await transact(node, [TransactionRequest(CHAIN_ID, None, data=code + arguments)])
        assert receipt.contract_address is not None
        found[symbol] = receipt.contract_address
    return found


def _listed(folder: Path, contracts: dict[str, Address]) -> Path:
    entries = [
        {"chainId": CHAIN_ID, "address": address, "symbol": symbol, "name": f"{symbol} token", "decimals": 18}
        for symbol, address in contracts.items()
    ]
    path = folder / "tokens.json"
    path.write_text(json.dumps({"name": "Benchmark", "tokens": entries}))
    return path


async def _hold_all(node: Node, contracts: dict[str, Address], owner: Address) -> None:
    for symbol in demo_tokens():
        await mint(node, symbol, owner, 10**6)
    call = encode_call("mint(address,uint256)", owner, 10**6)
    await transact(node, [TransactionRequest(CHAIN_ID, address, data=call) for address in contracts.values()])
