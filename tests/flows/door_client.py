"""A running `tandem up` with Anvil behind it, and clients of its door, for the tests of the door."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp

from chain.devnet import Devnet
from wallet.control import TOKEN_NAME
from wallet.signing import Signer

PASSWORD = "correct horse battery"
JUNK = "test test test test test test test test test test test junk"
ALICE = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
PAGE = "https://app.example"
STEPS_MAX = 6000


@dataclass(slots=True)
class Up:
    """`tandem up --json`: `door`, `websocket` and `control` are its URLs."""

    home: Path
    environment: dict[str, str]
    process: Process
    door: str
    websocket: str
    control: str
    chain_url: str

    @property
    def token(self) -> str:
        return (self.home / TOKEN_NAME).read_text().strip()

    @property
    def port(self) -> int:
        return int(self.door.rpartition(":")[2])

    async def tandem(self, *arguments: str) -> Any:
        """`tandem ARGUMENTS --json`: its document."""
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("tandem")),
            *arguments,
            "--json",
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env=self.environment,
        )
        stdout, stderr = await process.communicate()
        assert stdout, stderr
        return json.loads(stdout)


def environment(home: Path, chain_url: str) -> dict[str, str]:
    password_file = home.with_suffix(".password")
    password_file.write_text(PASSWORD)
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "TANDEM_HOME": str(home),
        "TANDEM_RPC": chain_url,
        "TANDEM_PASSWORD_FILE": str(password_file),
        "TANDEM_DAPP_LISTEN": "127.0.0.1:0",
        "TANDEM_CONTROL_LISTEN": "127.0.0.1:0",
        "TANDEM_UI_LISTEN": "localhost:0",
    }


@asynccontextmanager
async def up(home: Path, chain_url: str, *options: str) -> AsyncIterator[Up]:
    """With a vault of Anvil's own phrase, so that its first account has money."""
    home.mkdir(mode=0o700, exist_ok=True)
    if not (home / "vault.json").exists():
        async with Signer(home) as signer:
            await signer.restore(JUNK, PASSWORD, profile="light")
    settings = environment(home, chain_url)
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("tandem")),
        "up",
        "--json",
        *options,
        stdin=DEVNULL,
        stdout=PIPE,
        env=settings,
    )
    assert process.stdout is not None
    try:
        ready = json.loads(await process.stdout.readline())
        yield Up(home, settings, process, ready["dapp"], ready["websocket"], ready["control"], chain_url)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@asynccontextmanager
async def anvil_and_up(folder: Path) -> AsyncIterator[Up]:
    """Approving by the token."""
    async with (
        Devnet.start("anvil") as devnet,
        up(folder / "home", devnet.url, "--token-approves", "--settle", "0") as running,
    ):
        yield running


class Person:
    """Answers by the control API, as a test's person does."""

    def __init__(self, running: Up) -> None:
        self._running = running
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._running.token}"}
        self._session = aiohttp.ClientSession(self._running.control, headers=headers)
        return self

    async def __aexit__(self, *exception: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def approvals(self) -> Any:
        assert self._session is not None
        async with self._session.get("/approvals") as response:
            assert response.status == 200
            return await response.json()

    async def shown(self, kind: str = "") -> Any:
        """The prompt, when one is there."""
        for _step in range(STEPS_MAX):
            if found := [one for one in await self.approvals() if one["digest"] and kind in ("", one["kind"])]:
                return found[0]
            await asyncio.sleep(0.02)
        raise AssertionError(f"nobody asked ({kind})")

    async def approve(self, kind: str = "", digest: str = "") -> Any:
        """Says yes to what comes; the prompt."""
        prompt = await self.shown(kind)
        assert (await self.answer(prompt, "approve", digest or prompt["digest"]))[0] == 200
        return prompt

    async def decline(self, kind: str = "") -> Any:
        prompt = await self.shown(kind)
        assert (await self.answer(prompt, "decline"))[0] == 200
        return prompt

    async def answer(
        self, prompt: Any, answer: str, digest: str | None = None, accounts: Any = None, **more: Any
    ) -> tuple[int, Any]:
        assert self._session is not None
        body = {"digest": digest, **more} if digest is not None else more
        body |= {"accounts": accounts} if accounts is not None else {}
        async with self._session.post(f"/approvals/{prompt['id']}/{answer}", json=body) as response:
            return response.status, await response.json()


class Http:
    """JSON-RPC by POST, as a page of `origin` or, without one, as this process."""

    def __init__(self, running: Up, origin: str | None = PAGE, path: str = "/") -> None:
        self._make(running.door + path, origin)

    @classmethod
    def at(cls, door: str) -> Self:
        """At a door's URL."""
        made = cls.__new__(cls)
        made._make(door + "/", PAGE)
        return made

    def _make(self, url: str, origin: str | None) -> None:
        self._url = url
        self._headers = {"Origin": origin} if origin else {}
        self._numbers = itertools.count(1)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers)
        return self

    async def __aexit__(self, *exception: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def post(self, body: Any) -> Any:
        assert self._session is not None
        async with self._session.post(self._url, json=body) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def answer(self, method: str, *params: Any) -> Any:
        """The whole answer."""
        return await self.post({"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": list(params)})

    async def ask(self, method: str, *params: Any) -> Any:
        """The result."""
        answer = await self.answer(method, *params)
        assert "result" in answer, answer
        return answer["result"]

    async def code(self, method: str, *params: Any) -> int:
        """The error's code."""
        answer = await self.answer(method, *params)
        assert "error" in answer, answer
        return int(answer["error"]["code"])
