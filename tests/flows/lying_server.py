"""A proxy before the real server that changes single things in its answers, and people with the wallet's own objects.

Nothing of the client or the server is replaced: the bytes between them are.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from api.stage import Stage, open_stage
from chain.devnet import fund
from chain.node import Node
from fiat.money import Money
from wallet.config import Config
from wallet.door import Door
from wallet.enrolment import enrol, plan_enrolment
from wallet.payee import read_payee
from wallet.signing import Signer
from wallet.state import Store, make_private
from wallet.wallet import Wallet

PASSWORD = "correct horse battery"  # of wallets that live for a test
CHAIN_ID = 31337
Change = Callable[[Any], Any]


@dataclass
class Proxy:
    """Passes everything on. While `lie` is set, the answers it names are changed; `seen` is what was asked."""

    upstream: str
    url: str = ""
    lies: list[tuple[re.Pattern[str], Change]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    told: int = 0
    seen: list[str] = field(default_factory=list)

    def lie(self, where: str, change: Change) -> None:
        """`where` is matched against `METHOD /path?query`; `change` gets the JSON document and returns another."""
        self.lies.append((re.compile(where), change))

    def be_honest(self) -> None:
        self.lies.clear()
        self.headers.clear()
        self.seen.clear()
        self.told = 0

    async def handle(self, request: web.Request) -> web.Response:
        called, body = f"{request.method} {request.path_qs}", await request.read()
        self.seen.append(called)
        passed = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, self.upstream + request.path_qs, data=body, headers=passed) as answer,
        ):
            status, raw, kind = answer.status, await answer.read(), answer.headers.get("Content-Type", "")
            clock = {"Tandem-Time": answer.headers.get("Tandem-Time", "")}
        for where, change in self.lies:
            if where.search(called):
                self.told += 1
                changed = change(json.loads(raw) if raw else None)
                status, changed = changed if isinstance(changed, tuple) else (status, changed)
                raw = json.dumps(changed).encode()
        return web.Response(status=status, body=raw, headers={**clock, "Content-Type": kind, **self.headers})


@dataclass
class Person:
    """Somebody whose signer is unlocked behind the socket in `home`."""

    name: str
    home: Path
    config: Config
    holder: bytes = b""
    phrase: str = field(default="", repr=False)

    @asynccontextmanager
    async def wallet(self) -> AsyncIterator[Wallet]:
        """As one command has it: nothing remembered but what is in the files."""
        async with Wallet(self.config, Store(self.home), lambda: PASSWORD) as wallet:
            yield wallet

    @property
    def kept_head(self) -> dict[str, Any]:
        return self.folder.read("head")

    @property
    def folder(self) -> Any:
        store = Store(self.home)
        known = store.ledger_of(self.config.server)
        assert known is not None
        return store.ledger(known)


@dataclass
class Scene:
    stage: Stage
    proxy: Proxy
    alice: Person
    bob: Person
    mallory: Person


async def pay(person: Person, payee: str, minor: int = 100) -> dict[str, Any]:
    """What `tandem send` does once the person said yes."""
    async with person.wallet() as wallet:
        currency = await wallet.currency("EUR")
        plan = await wallet.plan_transfer(Money(minor, currency), read_payee(payee))
        return await wallet.send_order(plan)


@asynccontextmanager
async def open_scene(folder: Path) -> AsyncIterator[Scene]:
    """Alice has 50.00 EUR and 2 ETH and has paid bob once; mallory has an account. All speak through the proxy."""
    async with open_stage(folder / "stage", "anvil") as stage:
        proxy = Proxy(stage.server_url)
        app = web.Application(client_max_size=2**21)
        app.router.add_route("*", "/{path:.*}", proxy.handle)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        stage.environment["TANDEM_PUBLIC_ORIGIN"] = proxy.url
        await stage.restart_server()
        people, opened = [], []
        try:
            for name in ("alice", "bobby", "mallory"):
                person, close = await _settle(proxy.url, folder / name, name)
                people.append(person)
                opened.append(close)
            scene = Scene(stage, proxy, *people)
            await _fund(scene)
            await pay(scene.alice, "@bobby")
            async with scene.alice.wallet() as wallet:
                await wallet.client.head()
            yield scene
        finally:
            for close in opened:
                await close()
            await runner.cleanup()


async def _settle(url: str, home: Path, name: str) -> tuple[Person, Callable[[], Awaitable[None]]]:
    make_private(home)
    person = Person(name, home, Config(home, server=url))
    signer = Signer(home)
    person.phrase = " ".join((await signer.create(12, PASSWORD, profile="light")).words)
    door = Door(home, signer)
    await door.open()

    async def close() -> None:
        await door.close()
        await signer.close()

    async with person.wallet() as wallet:
        status = await wallet.keys()
        accounts = [(CHAIN_ID, account) for account in status.accounts]
        plan = await plan_enrolment(wallet.client, status.root, name, accounts)
        await enrol(wallet.client, await wallet.signer(), status.root, plan)
        person.holder = wallet.client.holder
    return person, close


async def _fund(scene: Scene) -> None:
    async with scene.alice.wallet() as wallet:
        path, body = "/topups/0x" + "70" * 32, {"gateway": "sandbox", "currency": "EUR", "amount_minor": "5000"}
        found = await wallet.client.ask("PUT", path, body, session=True)
        address = (await wallet.keys()).accounts[0]
        async with Node(scene.stage.chain_url, CHAIN_ID) as node:
            await fund(node, address, 2 * 10**18, 10 * 10**6)
        while found["state"] == "pending":
            await asyncio.sleep(0.1)
            found = await wallet.client.get(path, session=True)


def readable_memory(pid: int) -> bytes:
    """Everything of a process that can be read, one map after the other."""
    parts = []
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            if "r" not in rights or "[v" in line:
                continue
            start, end = (int(part, 16) for part in place.split("-"))
            try:
                memory.seek(start)
                parts.append(memory.read(end - start))
            except OSError:  # guard pages and the like
                continue
    return b"\0".join(parts)
