"""For other people's tests: a running test chain, a Tandem server on it, and wallets with money.

docs/testing-with-tandem.md shows it. A pytest plugin (entry point `pytest11`), loaded wherever we are installed,
so it imports nothing of ours but errors: whatever a test uses runs as a process of its own, driven by its commands as a
person would.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from api.errors import StageFailed

Json = dict[str, Any]
COMMAND_SECONDS_MAX = 120
STOP_SECONDS_MAX = 20
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL")


@dataclass(frozen=True)
class TandemChain:
    """A local chain with demo tokens and price feeds; `tokens` and `feeds` are addresses by symbol and by pair."""

    url: str
    chain_id: int
    kind: str
    tokens: dict[str, str]
    feeds: dict[str, str]
    environment: dict[str, str] = field(repr=False)

    def rpc(self, method: str, *params: object) -> Any:
        """One JSON-RPC call's result. Raises StageFailed with the node's error."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})  # noqa: S310  # loopback
        with urllib.request.urlopen(request, timeout=COMMAND_SECONDS_MAX) as response:  # noqa: S310  # the same
            answer = json.load(response)
        if "error" in answer:
            raise StageFailed(method, json.dumps(answer["error"]))
        return answer["result"]

    def fund(self, address: str, eth: str = "10", dusd: str = "1000") -> None:
        """Coins and freshly minted demo dollars, in plain decimals."""
        self._devnet("fund", address, "--eth", eth, "--dusd", dusd)

    def price(self, pair: str, price: str) -> None:
        """Set a feed: `price("ETH/USD", "2500")`."""
        self._devnet("price", pair, price)

    def travel(self, when: str) -> Json:
        """`12h`, `7d`, or `2027-01-01T00:00:00Z`; the block that was mined."""
        return self._devnet("travel", when)

    def mine(self, blocks: int = 1) -> Json:
        return self._devnet("mine", str(blocks))

    def automine(self, on: bool) -> None:
        """Off: what is sent waits for `mine`."""
        self._devnet("automine", "on" if on else "off")

    def snapshot(self) -> str:
        """A name for `revert`."""
        return str(self._devnet("snapshot")["snapshot"])

    def revert(self, name: str) -> Json:
        return self._devnet("revert", name)

    def _devnet(self, *arguments: str) -> Json:
        return asked("tandem-server", ["devnet", *arguments], self.environment)


@dataclass(frozen=True)
class TandemServer:
    """A server on that chain, with an empty ledger of its own."""

    url: str
    ledger_id: str
    chain: TandemChain
    environment: dict[str, str] = field(repr=False)

    def operate(self, *arguments: str) -> Json:
        """`tandem-server ARGUMENTS --json`. Raises StageFailed."""
        return asked("tandem-server", list(arguments), self.environment)


@dataclass(frozen=True)
class TandemWallet:
    """A person with a wallet of their own, registered as `handle` and unlocked; `address` is their chain account."""

    handle: str
    address: str
    fingerprint: str
    home: Path
    environment: dict[str, str] = field(repr=False)

    @property
    def payee(self) -> str:
        """In full, so that `send --yes` takes it at the first time."""
        return f"@{self.handle}#{self.fingerprint.replace(' ', '')}"

    def tandem(self, *arguments: str) -> Json:
        """`tandem ARGUMENTS --json`. Raises StageFailed, with what it printed, where it does not end with 0."""
        return asked("tandem", list(arguments), self.environment)

    def send(self, amount: str, asset: str, to: str) -> Json:
        """Fiat or token, without a prompt."""
        return self.tandem("send", amount, asset, to, "--yes")

    def balance(self, asset: str) -> str:
        """As `tandem balance` shows it; "0" where there is none of it."""
        positions = self.tandem("balance")["positions"]
        return next((str(found["amount"]) for found in positions if found["asset"] == asset), "0")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tandem")
    group.addoption(
        "--tandem-chain",
        choices=["anvil", "hardhat"],
        default="anvil",
        help="which program the fixture tandem_chain runs (default: anvil)",
    )


@pytest.fixture(scope="session")
def tandem_chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TandemChain]:
    """A running test chain, empty but for the demo contracts; it ends with the test run."""
    kind = str(request.config.getoption("--tandem-chain"))
    folder = tmp_path_factory.mktemp("tandem-chain")
    environment = _environment(TANDEM_DEVNET_LISTEN="127.0.0.1:0", TANDEM_STATE=str(folder))
    with _Running("tandem-server", ["devnet", "up", "--kind", kind], environment, folder) as told:
        settings = {**environment, "TANDEM_CHAIN_RPC": told["url"]}
        yield TandemChain(told["url"], told["chain_id"], kind, told["tokens"], told["feeds"], settings)


@pytest.fixture(scope="session")
def tandem_server(tandem_chain: TandemChain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TandemServer]:
    """A server on `tandem_chain` with SQLite in a temporary folder; it ends with the test run."""
    folder = tmp_path_factory.mktemp("tandem-server")
    settings = {"TANDEM_STATE": str(folder / "state"), "TANDEM_LISTEN": "127.0.0.1:0", "TANDEM_SANDBOX_DELAY_MS": "0"}
    environment = {**tandem_chain.environment, **settings}
    with _Running("tandem-server", ["serve"], environment, folder) as told:
        yield TandemServer(told["url"], told["ledger_id"], tandem_chain, environment)


@pytest.fixture(scope="session")
def tandem_wallets(
    tandem_server: TandemServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., TandemWallet]]:
    """Makes people: `tandem_wallets("alice", eur="100.00", eth="1", dusd="50")`. Each call is somebody new."""
    made: list[TandemWallet] = []

    def make(name: str = "person", *, eur: str = "0", eth: str = "0", dusd: str = "0") -> TandemWallet:
        made.append(_settle(tandem_server, tmp_path_factory.mktemp(name), name))
        wallet = made[-1]
        if (eth, dusd) != ("0", "0"):
            tandem_server.chain.fund(wallet.address, eth, dusd)
        if eur != "0":
            _top_up(wallet, eur)
        return wallet

    yield make
    for wallet in made:
        _run("tandem", ["lock"], wallet.environment)


@pytest.fixture
def tandem_alice(tandem_wallets: Callable[..., TandemWallet]) -> TandemWallet:
    """Somebody with 100 EUR, 1 ETH and 100 DUSD, new for each test."""
    return tandem_wallets("alice", eur="100.00", eth="1", dusd="100")


@pytest.fixture
def tandem_bob(tandem_wallets: Callable[..., TandemWallet]) -> TandemWallet:
    """Somebody with nothing, new for each test."""
    return tandem_wallets("bob")


def asked(program: str, arguments: list[str], environment: dict[str, str]) -> Json:
    """What a command answers with --json. Raises StageFailed."""
    done = _run(program, [*arguments, "--json"], environment)
    if done.returncode != 0:
        raise StageFailed(f"{program} {' '.join(arguments)}", done.stdout + done.stderr)
    found: Json = json.loads(done.stdout)
    return found


def _run(program: str, arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_program(program), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
    )


class _Running:
    """A command that prints one line of JSON when it is ready, and runs on."""

    def __init__(self, program: str, arguments: list[str], environment: dict[str, str], folder: Path) -> None:
        self._command = [_program(program), *arguments, "--json"]
        self._log = folder / "stderr.log"
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Json:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        told: Json = json.loads(line) if line.startswith(b"{") else {}
        if "url" not in told:
            self._end()
            said = line.decode(errors="replace") + self._log.read_text(errors="replace")[-2000:]
            pytest.fail(f"{' '.join(self._command)} did not start: {said}", pytrace=False)
        return told

    def __exit__(self, *exception: object) -> None:
        self._end()

    def _end(self) -> None:
        """Asks, then insists."""
        process = self._process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _settle(server: TandemServer, folder: Path, name: str) -> TandemWallet:
    """A wallet made, unlocked and registered, with a password in a file that nobody else reads."""
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(18))
    home = folder / "home"
    environment = _environment(
        TANDEM_HOME=str(home), TANDEM_SERVER=server.url, TANDEM_PASSWORD_FILE=str(password), TANDEM_LANG="en"
    )
    asked("tandem", ["init", "--light", "--phrase-file", str(folder / "phrase")], environment)
    asked("tandem", ["unlock"], environment)
    handle = f"{name[:20].lower()}_{secrets.token_hex(4)}"
    user = asked("tandem", ["register", handle, "--yes"], environment)
    return TandemWallet(handle, user["accounts"][0]["address"], user["fingerprint"], home, environment)


def _top_up(wallet: TandemWallet, amount: str) -> None:
    """Until it has arrived: the command itself waits for a while only."""
    told = wallet.tandem("topup", amount, "EUR")
    for _ in range(10):
        if told["state"] == "settled":
            return
        told = wallet.tandem("topup", amount, "EUR", "--again", told["id"])
    raise StageFailed(f"tandem topup {amount} EUR", json.dumps(told))


def _environment(**settings: str) -> dict[str, str]:
    """What a command of ours is given: of the caller's own settings nothing, lest a test finds the real wallet."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | settings


def _program(name: str) -> str:
    """Beside the interpreter that runs the tests, else on the path."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or name
