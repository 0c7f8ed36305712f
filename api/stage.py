"""A stage: one folder with a local chain, a server and people, each a process of its own, all ended together.

The demo plays on it and the end-to-end tests run on it. It drives `tandem` and `tandem-server` as a person would,
through their commands and their `--json`; it imports nothing of the client.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.errors import StageFailed
from chain.devnet import Devnet, deploy
from chain.node import Node

COMMAND_SECONDS_MAX = 120
READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 10
LINE_BYTES_MAX = 1 << 20
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TANDEM_LANG", "PYTHONDONTWRITEBYTECODE", "TERM", "COLUMNS", "NO_COLOR")


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left: its exit status and its two outputs."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone with a wallet of their own in `home`, using the stage's server."""

    name: str
    home: Path
    environment: dict[str, str] = field(repr=False)

    async def tandem(self, *arguments: str, stdin: str | None = None, **environment: str) -> Finished:
        """Run `tandem ARGUMENTS` without a terminal and wait for it."""
        return await run(["tandem", *arguments], {**self.environment, **environment}, stdin)

    async def ask(self, *arguments: str) -> Any:
        """Run `tandem ARGUMENTS --json`; its document. Raises StageFailed where it does not end with 0."""
        done = await self.tandem(*arguments, "--json")
        if done.status != 0:
            raise StageFailed(f"{self.name}: tandem {' '.join(arguments)}", done.stdout + done.stderr)
        return done.json


@dataclass(slots=True)
class Stage:
    """The running parts. `server_url` and `chain_url` are on loopback, on free ports."""

    folder: Path
    chain_url: str
    server_url: str
    environment: dict[str, str] = field(repr=False)
    server: Process
    devnet: Devnet | None
    people: dict[str, Person] = field(default_factory=dict)

    def person(self, name: str) -> Person:
        """Somebody with an empty home and a password in a file (for unattended use). The same one for the same name."""
        if name not in self.people:
            home = self.folder / name
            home.mkdir(mode=0o700)
            password = home.with_suffix(".password")
            _write_private(password, secrets.token_urlsafe(18))
            environment = _environment(
                TANDEM_HOME=str(home), TANDEM_SERVER=self.server_url, TANDEM_PASSWORD_FILE=str(password)
            )
            self.people[name] = Person(name, home, environment)
        return self.people[name]

    async def operate(self, *arguments: str) -> Finished:
        """Run `tandem-server ARGUMENTS` with the settings that the running server has."""
        return await run(["tandem-server", *arguments], self.environment)

    async def stop_server(self, *, kill: bool = False) -> None:
        """End the server, kindly or with SIGKILL."""
        await _end(self.server, kill=kill)

    async def restart_server(self, *, kill: bool = False) -> None:
        """End the server and start it again on the same address and state."""
        await self.stop_server(kill=kill)
        self.server, _ = await start_server(
            self.environment | {"TANDEM_LISTEN": self.server_url.removeprefix("http://")}
        )


@asynccontextmanager
async def open_stage(folder: Path, chain: str, *, database_url: str | None = None) -> AsyncIterator[Stage]:
    """A stage in `folder`. `chain` is `anvil`, `hardhat` or the URL of a node of the person's own.

    Raises StageFailed, or the chain's own errors (a node whose dev accounts hold no funds among them).
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with _chain(chain) as (chain_url, devnet):
        settings = {
            "TANDEM_CHAIN_RPC": chain_url,
            "TANDEM_STATE": str(folder / "server"),
            "TANDEM_LISTEN": "127.0.0.1:0",
        }
        if database_url is not None:
            settings["TANDEM_DATABASE_URL"] = database_url
        environment = _environment(**settings)
        server, ready = await start_server(environment)
        stage = Stage(folder, chain_url, ready["url"], environment, server, devnet)
        try:
            yield stage
        finally:
            await _end(stage.server)


@asynccontextmanager
async def _chain(chain: str) -> AsyncIterator[tuple[str, Devnet | None]]:
    if chain.startswith(("http://", "https://")):
        await prepare(chain)
        yield chain, None
        return
    async with Devnet.start(chain) as devnet:
        await prepare(devnet.url)
        yield devnet.url, devnet


async def prepare(chain_url: str) -> None:
    """Demo tokens and price feeds on that chain. Raises ChainError: where the dev account holds no funds, says so."""
    async with Node(chain_url) as node:
        await deploy(node)


async def start_server(environment: dict[str, str]) -> tuple[Process, dict[str, Any]]:
    """`tandem-server serve --json`, and the document that it prints when it is ready. Raises StageFailed."""
    log = Path(environment["TANDEM_STATE"]).with_name("server.log")
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            _program("tandem-server"), "serve", "--json", stdin=DEVNULL, stdout=PIPE, stderr=errors, env=environment
        )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS_MAX)
        return process, json.loads(line)
    except (TimeoutError, ValueError):
        await _end(process, kill=True)
        raise StageFailed("tandem-server serve", log.read_text(errors="replace")[-2000:]) from None


async def run(command: list[str], environment: dict[str, str], stdin: str | None = None) -> Finished:
    """One of the two programs, to its end. Raises StageFailed where it takes longer than two minutes."""
    process = await asyncio.create_subprocess_exec(
        _program(command[0]),
        *command[1:],
        stdin=DEVNULL if stdin is None else PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env=environment,
        limit=LINE_BYTES_MAX,
    )
    try:
        given = None if stdin is None else stdin.encode()
        out, err = await asyncio.wait_for(process.communicate(given), COMMAND_SECONDS_MAX)
    except TimeoutError:
        await _end(process, kill=True)
        raise StageFailed(" ".join(command), "took too long") from None
    return Finished(process.returncode or 0, out.decode(), err.decode())


async def _end(process: Process, *, kill: bool = False) -> None:
    if process.returncode is not None:
        return
    if kill:
        process.kill()
    else:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS_MAX)
    except TimeoutError:
        process.kill()
        await process.wait()


def _program(name: str) -> str:
    """The executable that was installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def _environment(**settings: str) -> dict[str, str]:
    """Nothing of the caller's own settings leaks into the stage, except where and in which language it runs."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | settings


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
