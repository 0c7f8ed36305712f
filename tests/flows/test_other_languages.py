"""Wallets in other languages: viem and `cast` check, sign and send what the server builds, and the payee sees it."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from api.stage import Stage, open_stage
from chain.address import Address
from chain.devnet import ETHER, fund
from chain.devnet_contracts import OWNER, demo_token
from chain.node import Node
from chain.token import Token

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROOT = Path(__file__).resolve().parents[2]
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # Anvil's first, known to everyone
CAROL = Address("0x" + 20 * "c0")
ASSETS = [Token.native(31337), demo_token("DUSD")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path_factory.mktemp("languages") / "stage", "anvil") as running:
        async with Node(running.chain_url, 31337) as node:
            await fund(node, OWNER, ETHER, 1000 * 10**6)
        yield running


async def output_of(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=-1, stderr=-1)
    out, err = await process.communicate()
    assert process.returncode == 0, out.decode() + err.decode()
    return out.decode().strip()


def posted(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=60))


async def test_viem_checks_signs_and_sends(stage: Stage) -> None:
    async with Node(stage.chain_url, 31337) as node:
        for asset, amount in (("ETH", "0.5"), ("DUSD", "12.25")):
            program = "tests/flows/transfers_viem.mjs"
            sent = await output_of("node", program, stage.server_url, asset, amount, CAROL)
            assert (await node.wait_for_receipt(bytes.fromhex(sent[2:]))).succeeded
        assert [found and found.format() for found in await node.balances(CAROL, ASSETS)] == ["0.5", "12.25"]


async def test_cast_signs_what_was_built(stage: Stage) -> None:
    """Every member is given to `cast mktx`; what it signs is the payload that the server built."""
    cast = str(next((ROOT / "node_modules").glob("@foundry-rs/cast-*/bin/cast")))
    chain = f"{stage.server_url}/v1/chains/31337"
    wanted = {"from": OWNER, "to": CAROL, "asset": "DUSD", "amount": "7"}
    built = await asyncio.to_thread(posted, f"{chain}/transfers", wanted)
    told = {name: str(int(value, 16)) for name, value in built["transaction"].items() if name not in ("data", "to")}
    decoded = await output_of(cast, "calldata-decode", "transfer(address,uint256)", built["transaction"]["data"])
    assert decoded.split()[:2] == [CAROL, "7000000"]
    raw = await output_of(
        *(cast, "mktx", built["transaction"]["to"], built["transaction"]["data"], "--private-key", KEY),
        *("--nonce", told["nonce"], "--gas-limit", told["gas"], "--gas-price", told["maxFeePerGas"]),
        *("--priority-gas-price", told["maxPriorityFeePerGas"], "--chain", told["chainId"]),
        *("--rpc-url", f"{stage.server_url}/v1/rpc/31337"),
    )
    sent = await asyncio.to_thread(posted, f"{chain}/transactions", {"raw": raw})
    assert (sent["sender"], sent["nonce"]) == (OWNER, told["nonce"])
    assert await output_of(cast, "keccak", raw) == sent["transaction"]
    status = await output_of(
        cast, "receipt", sent["transaction"], "status", "--rpc-url", f"{stage.server_url}/v1/rpc/31337"
    )
    assert status.startswith(("1", "true")), status
