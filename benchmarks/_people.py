"""A person with twenty positions at a real server on a real chain."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from api.currencies import CURRENCIES
from chain.address import Address
from chain.devnet import Devnet, deploy, fund, mint
from chain.node import Node
from tests.api.people import Person

ROOT = Path(__file__).resolve().parents[1]
POSITIONS = 20


@asynccontextmanager
async def portfolio_of_twenty(folder: Path) -> AsyncIterator[tuple[str, int, str]]:
    """Host, port and session token. Sixteen currencies at the ledger, four assets on the chain."""
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        await deploy(node)
        server, url, ledger_id = start(folder, net.url)
        try:
            person = Person(url, ledger_id, "alice")
            await person.register()
            await person.sign_in()
            await fund(node, Address.from_bytes(person.account.address))
            for symbol in ("DEUR", "DWETH"):
                await mint(node, symbol, Address.from_bytes(person.account.address), 10**6)
            for code in CURRENCIES:
                await person.top_up(10_000, code)
            view = (await person.get("/v1/portfolio?in=EUR")).json
            assert len(view["positions"]) == POSITIONS, len(view["positions"])
            parts = urlsplit(url)
            assert parts.hostname and parts.port and person.token
            yield parts.hostname, parts.port, person.token
        finally:
            server.terminate()
            server.wait()


def start(
    folder: Path, chain_url: str, database_url: str = "", *options: str, **more: str
) -> tuple[subprocess.Popen[bytes], str, bytes]:
    """The program, its URL and the ledger's id. Without a database it keeps its own SQLite; `more` are settings."""
    settings = {
        "TANDEM_STATE": str(folder / "server"),
        "TANDEM_CHAIN_RPC": chain_url,
        "TANDEM_DATABASE_URL": database_url,
        "TANDEM_LISTEN": "127.0.0.1:0",
        "TANDEM_SANDBOX_DELAY_MS": "0",
        "TANDEM_RATE": "1000000",
        "TANDEM_RATE_BURST": "1000000",
    } | more
    program = [sys.executable, "-m", "benchmarks._server", *options]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, env=os.environ | settings, cwd=ROOT)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    return process, ready["url"], bytes.fromhex(ready["ledger_id"][2:])
