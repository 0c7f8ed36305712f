"""A developer restarts the chain ten times a day, and sometimes the ledger: noticed, said in a sentence, recovered.

Four ways in which a local chain begins anew or is set back, on both kinds of test chain, with server and client as
processes of their own: what happened on the chain that is gone is kept and marked, what one has is what the new one
says, and everything goes on without a restart of the server.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from api.stage import Person, Stage, open_stage, prepare
from chain.address import Address
from chain.devnet import ETHER, Devnet, fund
from chain.node import Node

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHAIN_SENTENCE = "The chain was restarted or set back"
CHAIN_SENTENCE_ZH = "链已重启或回退"
LEDGER_SENTENCE = "Another ledger answers"
SECONDS_MAX = 300


@dataclass(slots=True)
class Town:
    """A stage with alice (unlocked), the address that she pays, and what outlives a test."""

    stage: Stage
    alice: Person
    own: str
    payee: str
    later: AsyncExitStack

    async def rpc(self, method: str, *params: object) -> Any:
        async with Node(self.stage.chain_url) as node:
            return await node.call(method, params)

    async def fund(self, dusd: int) -> None:
        async with Node(self.stage.chain_url) as node:
            await fund(node, Address(self.own), ETHER, dusd * 10**6)

    async def items(self) -> list[tuple[str, str, str]]:
        """What came in DUSD, by amount: its state, and whether it is final. (A chain's clock may begin anew too.)"""
        items = (await self.alice.ask("activity"))["items"]
        found = [i for i in items if i["asset"] == "DUSD" and i["direction"] == "in"]
        assert all(i["archived"] == (i["state"] == "archived") for i in found)
        return sorted((i["amount"], i["state"], str(i["final"])) for i in found)

    async def balance(self) -> list[str]:
        view = await self.alice.ask("balance")
        return [p["amount"] for p in view["positions"] if p["asset"] == "DUSD"]

    async def sentences(self, sentence: str, *arguments: str, **environment: str) -> list[bool]:
        """Is it said by this command, and by the same one asked again?"""
        said = [await self.alice.tandem(*arguments, **environment) for _ in range(2)]
        assert [one.status for one in said] == [0, 0], said
        return [sentence in one.stderr for one in said]

    async def says(self, sentence: str, *arguments: str, **environment: str) -> bool:
        done = await self.alice.tandem(*arguments, **environment)
        assert done.status == 0, done
        return sentence in done.stderr

    async def pay(self) -> list[bool]:
        return await self.sentences(CHAIN_SENTENCE, "send", "1", "DUSD", self.payee, "--yes")

    async def seen(self, *expected: tuple[str, str, str]) -> None:
        async def reached() -> bool:
            return await self.items() == list(expected)

        await until(reached)


async def open_town(folder: Path, kind: str, later: AsyncExitStack) -> Town:
    stage = await later.enter_async_context(open_stage(folder, kind))
    for name in ("alice", "bob"):
        person = stage.person(name)
        await person.ask("init", "--light", "--phrase-file", str(person.home.with_suffix(".phrase")))
    alice = stage.person("alice")
    await alice.ask("register", "alice", "--yes")
    own, payee = [(await stage.person(name).ask("accounts"))["accounts"][0]["address"] for name in ("alice", "bob")]
    await alice.ask("unlock")
    later.push_async_callback(alice.tandem, "lock")
    return Town(stage, alice, own, payee, later)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def anvil_town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with AsyncExitStack() as later:
        yield await open_town(tmp_path_factory.mktemp("anvil") / "stage", "anvil", later)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hardhat_town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with AsyncExitStack() as later:
        yield await open_town(tmp_path_factory.mktemp("hardhat") / "stage", "hardhat", later)


async def until(reached: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while not await reached():  # noqa: ASYNC110  # what is waited for is another process's doing
            await asyncio.sleep(0.05)


async def is_over(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)

    async def gone() -> bool:
        try:
            return not Path(f"/proc/{pid}/cmdline").read_bytes()
        except FileNotFoundError:
            return True

    await until(gone)


async def test_a_reset_chain(anvil_town: Town) -> None:
    """`anvil_reset`: everything is of an earlier chain, and the accounts count from nought."""
    town = anvil_town
    await town.fund(10)
    await town.seen(("10", "done", "True"))
    assert await town.pay() == [False, False]
    assert await town.sentences(CHAIN_SENTENCE, "balance") == [False, False]
    await town.rpc("anvil_reset")
    await prepare(town.stage.chain_url)
    await town.fund(20)
    await town.seen(("10", "archived", "False"), ("20", "done", "True"))
    assert await town.sentences(CHAIN_SENTENCE, "balance") == [True, False]
    assert await town.sentences(CHAIN_SENTENCE, "activity") == [False, False], "it was said when the items were read"
    assert await town.balance() == ["20"]
    assert await town.pay() == [True, False]
    assert await town.balance() == ["18"]


async def test_a_chain_that_was_set_back(anvil_town: Town) -> None:
    """`evm_revert`: what was before the snapshot stands, what came after is of the past, though nothing replaced it."""
    town = anvil_town
    snapshot = await town.rpc("evm_snapshot")
    await town.fund(30)
    await town.seen(("10", "archived", "False"), ("20", "done", "True"), ("30", "done", "True"))
    assert await town.pay() == [False, False]
    assert await town.rpc("evm_revert", snapshot)
    await town.seen(("10", "archived", "False"), ("20", "done", "True"), ("30", "archived", "False"))
    # Perhaps not at the first: the rows are marked a moment before the life is counted as over.
    await until(lambda: town.says(CHAIN_SENTENCE_ZH, "balance", TANDEM_LANG="zh"))
    assert not await town.says(CHAIN_SENTENCE_ZH, "balance", TANDEM_LANG="zh"), "once"
    assert await town.balance() == ["18"]
    assert await town.pay() == [True, False]


async def test_a_fresh_process_on_the_same_port(anvil_town: Town) -> None:
    town = anvil_town
    assert town.stage.devnet is not None
    port = int(town.stage.chain_url.rpartition(":")[2])
    await is_over(town.stage.devnet.pid)
    town.stage.devnet = await town.later.enter_async_context(Devnet.start("anvil", port))
    await prepare(town.stage.chain_url)
    await town.fund(40)
    past = [(amount, "archived", "False") for amount in ("10", "20", "30")]
    await town.seen(*past, ("40", "done", "True"))
    assert await town.sentences(CHAIN_SENTENCE, "balance") == [True, False]
    assert await town.pay() == [True, False]
    assert await town.balance() == ["38"]
    shown = await town.alice.tandem("activity")
    assert shown.stdout.count("of an earlier chain") >= 3
    assert "UTC" in shown.stdout and "missing here" not in shown.stderr, "Anvil traces"


async def test_hardhats_reset(hardhat_town: Town) -> None:
    """`hardhat_reset`; that Hardhat does not trace is said as well."""
    town = hardhat_town
    await town.fund(10)
    await town.seen(("10", "done", "True"))
    assert await town.pay() == [False, False]
    assert await town.sentences("missing here from block", "activity") == [True, True]
    (chain,) = (await town.alice.ask("balance"))["chains"]
    assert chain["untraced_from"] is not None
    await town.rpc("hardhat_reset")
    await prepare(town.stage.chain_url)
    await town.fund(20)
    await town.seen(("10", "archived", "False"), ("20", "done", "True"))
    assert await town.sentences(CHAIN_SENTENCE, "balance") == [True, False]
    assert await town.pay() == [True, False]
    assert await town.balance() == ["18"]


async def test_a_reset_ledger_is_said_and_taken_up(anvil_town: Town) -> None:
    stage, alice = anvil_town.stage, anvil_town.alice
    await alice.ask("topup", "5.00", "EUR")
    await stage.stop_server()
    for file in (stage.folder / "server").glob("*.sqlite3*"):
        file.unlink()
    await stage.restart_server()
    refused = await alice.tandem("balance")
    assert (refused.status, LEDGER_SENTENCE in refused.stderr) == (1, True), refused.stderr
    taken_up = await alice.tandem("login")
    assert (taken_up.status, "was reset" in taken_up.stderr) == (1, True), taken_up.stderr
    opened = await alice.tandem("register", "alice", "--yes")
    assert opened.status == 0, opened.stderr
    view = await alice.ask("balance")
    assert [p["amount"] for p in view["positions"] if p["asset"] == "EUR"] == ["0.00"]
