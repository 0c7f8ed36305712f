"""`tandem` against real parts: Anvil, the server on SQLite, people with wallets of their own.

`tandem(...)` runs the command in this process (what it prints and its status), `typed(...)` on a pseudo-terminal.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pytest

from api.stage import open_stage
from chain.address import Address
from chain.devnet import ETHER, fund
from chain.node import Node
from wallet.cli import main as entry

TANDEM = str(Path(sys.executable).with_name("tandem"))
PASSWORD = "correct horse battery"  # of wallets that live for a test
SETTLED_WITHIN_SECONDS = 300
VARIABLES = ("TANDEM_HOME", "TANDEM_SERVER", "TANDEM_RPC", "TANDEM_PASSWORD_FILE", "TANDEM_LANG")


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@dataclass(frozen=True)
class Place:
    """Addresses of the running parts."""

    server: str
    chain: str
    operate: Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def tandem(monkeypatch, capsys, tmp_path):
    """Runs a command in this process, without a terminal."""

    def run(*arguments: str, **environ: str | Path) -> Done:
        settings = {"TANDEM_HOME": tmp_path / "home", **environ}
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in settings.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.setattr(sys, "argv", ["tandem", *arguments])
        capsys.readouterr()
        status = entry.main()
        captured = capsys.readouterr()
        return Done(status, captured.out, captured.err)

    return run


@pytest.fixture
def typed(tmp_path):
    """Runs a command on a terminal; send and expect as a person would. Ended with the test."""
    children: list[pexpect.spawn] = []

    def run(*arguments: str, **environ: str | Path) -> pexpect.spawn:
        settings = {"TANDEM_HOME": tmp_path / "home", "TANDEM_LANG": "en", "PATH": os.environ["PATH"], **environ}
        environment = {name: str(value) for name, value in settings.items()}
        child = pexpect.spawn(
            TANDEM, list(arguments), env=environment, encoding="utf-8", timeout=120, dimensions=(50, 140)
        )
        children.append(child)
        return child

    yield run
    for child in children:
        child.close(force=True)


@pytest.fixture(scope="session")
def password_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("password") / "password"
    path.write_text(PASSWORD + "\n")
    return path


@pytest.fixture(scope="session")
def place(tmp_path_factory) -> Iterator[Place]:
    """One chain and one server for all tests of this folder, in a thread with an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    stage_context = open_stage(tmp_path_factory.mktemp("place") / "stage", "anvil")

    def wait(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(120)

    stage = wait(stage_context.__aenter__())
    yield Place(stage.server_url, stage.chain_url, lambda *arguments: wait(stage.operate(*arguments)))
    wait(stage_context.__aexit__(None, None, None))
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@dataclass(frozen=True)
class Person:
    """A registered wallet; `environ` goes to `tandem` and `typed`."""

    name: str
    address: str
    fingerprint: str
    environ: dict[str, str]

    @property
    def in_full(self) -> str:
        return f"@{self.name}#{self.fingerprint.replace(' ', '')}"


def outside(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    """In a process of its own."""
    environment = {"PATH": os.environ["PATH"], "TANDEM_LANG": "en", **environ}
    return subprocess.run(
        [TANDEM, *arguments], env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def settle(place: Place, folder: Path, password: Path, name: str) -> Person:
    environ = {"TANDEM_HOME": str(folder / name), "TANDEM_SERVER": place.server, "TANDEM_PASSWORD_FILE": str(password)}
    made = outside(environ, "init", "--light", "--phrase-file", str(folder / f"{name}.phrase"), "--json")
    assert made.returncode == 0, made.stderr
    unlocked = outside(environ, "unlock")
    assert unlocked.returncode == 0, unlocked.stderr
    registered = outside(environ, "register", name, "--yes", "--json")
    assert registered.returncode == 0, registered.stdout + registered.stderr
    user = json.loads(registered.stdout)
    return Person(name, user["accounts"][0]["address"], user["fingerprint"], environ)


async def give(chain: str, address: str, ether_wei: int, dusd_units: int) -> None:
    """As `tandem-server devnet fund` does, without a process that loads it all."""
    async with Node(chain) as node:
        await fund(node, Address(address), ether_wei, dusd_units)


def top_up(person: Person, amount: str, currency: str) -> None:
    """Until it has arrived: the client waits for a while only, and a busy machine may take longer."""
    deadline, again = time.monotonic() + SETTLED_WITHIN_SECONDS, []
    while True:
        topped = outside(person.environ, "topup", amount, currency, *again, "--json")
        assert topped.returncode == 0, topped.stdout + topped.stderr
        found = json.loads(topped.stdout)
        if found["state"] == "settled":
            return
        assert time.monotonic() < deadline, topped.stdout
        again = ["--again", found["id"]]


@contextmanager
def settled(place: Place, folder: Path, password_file: Path, *names: str) -> Iterator[tuple[Person, Person]]:
    """Two people, both unlocked: the first with 100 EUR, 1 ETH and 100 DUSD, the second with nothing."""
    try:
        first, second = (settle(place, folder, password_file, name) for name in names)
        asyncio.run(give(place.chain, first.address, ETHER, 100 * 10**6))
        top_up(first, "100", "EUR")
        yield first, second
    finally:
        for name in names:
            outside({"TANDEM_HOME": str(folder / name)}, "lock")
        shutil.rmtree(folder, ignore_errors=True)  # the client that was locked takes its socket away meanwhile


@pytest.fixture(scope="session")
def people(place, tmp_path_factory, password_file) -> Iterator[tuple[Person, Person]]:
    """alice and bob, whom most files share: what they have and whom they know depends on what ran before."""
    with settled(place, tmp_path_factory.mktemp("people"), password_file, "alice", "bob") as both:
        yield both


@pytest.fixture
def strangers(place, tmp_path_factory, password_file) -> Iterator[tuple[Person, Person]]:
    """Two who have not met yet, by handles of this test's own: the server is the others' too."""
    folder = tmp_path_factory.mktemp("strangers")
    with settled(place, folder, password_file, f"nina{folder.name[9:]}", f"otto{folder.name[9:]}") as both:
        yield both
