"""A person's client as a process of its own, `tandem up`, and the person: what waits is answered by the control API."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TANDEM = str(Path(sys.executable).with_name("tandem"))
PASSWORD = "correct horse battery"  # of a wallet that lives for a test run
WAIT_SECONDS_MAX = 240
"""Only a test that fails waits so long."""


def post(url: str, document: Any, **headers: str) -> Any:
    request = urllib.request.Request(
        url, json.dumps(document).encode(), {"Content-Type": "application/json", **headers}
    )
    with urllib.request.urlopen(request, timeout=WAIT_SECONDS_MAX) as response:
        return json.loads(response.read() or b"null")


class Client:
    """A wallet's home, and its client while one runs. `dapp` and `control` are URLs; `account` is lower case."""

    def __init__(self, home: Path, account: str, environ: dict[str, str]) -> None:
        self.home = home
        self.account = account
        self.dapp = self.control = ""
        self._environ = environ
        self._process: subprocess.Popen[str] | None = None

    @property
    def port(self) -> int:
        return int(self.dapp.rpartition(":")[2])

    def start(self) -> None:
        """On free ports the first time, on the same ones afterwards."""
        log = self.home.with_name("up.log")
        with log.open("a") as errors:
            self._process = subprocess.Popen(
                [TANDEM, "up", "--token-approves", "--settle", "0", "--json"],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self._process.stdout is not None
        spoke, _, _ = select.select([self._process.stdout], [], [], WAIT_SECONDS_MAX)
        line = self._process.stdout.readline() if spoke else ""
        assert line, log.read_text()
        ready = json.loads(line)
        self.dapp, self.control = ready["dapp"], ready["control"]
        self._environ["TANDEM_DAPP_LISTEN"] = self.dapp.removeprefix("http://")
        self._environ["TANDEM_CONTROL_LISTEN"] = self.control.removeprefix("http://")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.communicate(timeout=WAIT_SECONDS_MAX)
            finally:
                self._process.kill()

    def tandem(self, *arguments: str) -> Any:
        """`tandem ARGUMENTS --json`; its document."""
        done = run(self._environ, *arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def waiting(self) -> list[dict[str, Any]]:
        """What waits for the person."""
        return self._control("GET", "/approvals")

    def next(self, kind: str) -> dict[str, Any]:
        """The approval that waits for the person, once it does; it must be of that kind."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not (found := [one for one in self.waiting() if one["digest"]]):
            assert time.monotonic() < deadline, f"no approval came; expected {kind}"
            time.sleep(0.02)
        assert found[0]["kind"] == kind, found
        return found[0]

    def approve(self, kind: str) -> dict[str, Any]:
        """Says yes to what waits, once it does: to the digest of the review that was seen."""
        approval = self.next(kind)
        self._control("POST", f"/approvals/{approval['id']}/approve", {"digest": approval["digest"]})
        return approval

    def decline(self, kind: str) -> dict[str, Any]:
        approval = self.next(kind)
        self._control("POST", f"/approvals/{approval['id']}/decline", {})
        return approval

    def _control(self, method: str, path: str, document: Any = None) -> Any:
        token = (self.home / "control-token").read_text().strip()
        request = urllib.request.Request(
            self.control + path,
            None if document is None else json.dumps(document).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS_MAX) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None


def run(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TANDEM, *arguments], env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)


@contextmanager
def open_client(folder: Path, chain_url: str) -> Iterator[Client]:
    """A new wallet with 10 ETH of the test chain, and its client on free ports, unlocked; ended with the block."""
    home, password = folder / "home", folder / "password"
    password.write_text(PASSWORD + "\n")
    password.chmod(0o600)
    environ = {
        "PATH": os.environ["PATH"],
        "TANDEM_LANG": "en",
        "TANDEM_HOME": str(home),
        "TANDEM_RPC": chain_url,
        "TANDEM_PASSWORD_FILE": str(password),
        "TANDEM_DAPP_LISTEN": "127.0.0.1:0",
        "TANDEM_CONTROL_LISTEN": "127.0.0.1:0",
        "TANDEM_UI_LISTEN": "localhost:0",
    }
    made = run(environ, "init", "--light", "--phrase-file", str(folder / "phrase"), "--json")
    assert made.returncode == 0, made.stdout + made.stderr
    address = json.loads(made.stdout)["accounts"][0]["address"].lower()
    funding = {"jsonrpc": "2.0", "id": 1, "method": "anvil_setBalance", "params": [address, hex(10**19)]}
    assert "error" not in post(chain_url, funding)
    client = Client(home, address, environ)
    client.start()
    try:
        yield client
    finally:
        client.stop()
