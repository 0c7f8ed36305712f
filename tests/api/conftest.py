"""A real server in a process of its own, on a real chain and an embedded database, for the whole run."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fiat.audit import audit
from tests.api.people import Caller, Person

PROGRAM = str(Path(sys.executable).with_name("tandem-server"))
_names = itertools.count()


class Running:
    """`tandem-server` processes of one test run, and the settings they share."""

    def __init__(self, folder: Path, chain_url: str, **settings: str) -> None:
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("TANDEM")} | {
            "TANDEM_STATE": str(folder),
            "TANDEM_CHAIN_RPC": chain_url,
            "TANDEM_LISTEN": "127.0.0.1:0",
            "TANDEM_SANDBOX_DELAY_MS": "0",
            "TANDEM_SANDBOX_SETTLE_MS": "200",
            "TANDEM_RATE": "100000",
            "TANDEM_RATE_BURST": "100000",
            **settings,
        }
        self.process, self.url, self.ledger_id = None, "", b""

    def start(self, *options: str) -> Running:
        errors = (self.folder.parent / f"{self.folder.name}.log").open("ab")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--json", *options], stdout=subprocess.PIPE, stderr=errors, env=self.environment
        )
        line = self.process.stdout.readline()
        assert line, self.log
        ready = json.loads(line)
        self.url, self.ledger_id = ready["url"], bytes.fromhex(ready["ledger_id"][2:])
        return self

    @property
    def log(self) -> str:
        return (self.folder.parent / f"{self.folder.name}.log").read_text(errors="replace")

    def stop(self, *, kill: bool = False) -> int:
        (self.process.kill if kill else self.process.terminate)()
        status = self.process.wait(60)
        self.process.stdout.close()
        return status

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [PROGRAM, *arguments], capture_output=True, text=True, env=self.environment, timeout=180, check=False
        )

    def person(self, handle: str | None = None) -> Person:
        return Person(self.url, self.ledger_id, handle or f"person{next(_names)}q")


@pytest.fixture(scope="session")
def chain_url() -> Iterator[str]:
    """An Anvil with the demo contracts."""
    environment = os.environ | {"TANDEM_DEVNET_LISTEN": "127.0.0.1:0"}
    process = subprocess.Popen([PROGRAM, "devnet", "up", "--json"], stdout=subprocess.PIPE, env=environment)
    line = process.stdout.readline()
    assert line, "the test chain did not start"
    yield json.loads(line)["url"]
    process.terminate()
    process.wait(15)
    process.stdout.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, chain_url: str) -> Iterator[Running]:
    """The server that most tests share. Whoever stops or restarts it uses one of their own."""
    server = Running(tmp_path_factory.mktemp("server") / "state", chain_url).start()
    yield server
    assert server.stop() == 0, server.log
    assert "Traceback" not in server.log, server.log
    file = tmp_path_factory.mktemp("exported") / "journal.export"
    exported = server.run("export", str(file))
    assert exported.returncode == 0, exported.stderr
    with file.open("rb") as journal:  # whatever the tests asked of it, the journal is honest
        assert audit(journal).failures == []


@pytest.fixture
def caller(running: Running) -> Caller:
    """Somebody without a session."""
    return Caller(running.url)


@pytest.fixture
def person(running: Running):
    """Makes people who are registered and signed in."""

    async def make(handle: str | None = None, funded: int = 0) -> Person:
        someone = await (await running.person(handle).register()).sign_in()
        if funded:
            await someone.top_up(funded)
        return someone

    return make
