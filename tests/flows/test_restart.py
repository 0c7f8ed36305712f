"""A developer restarts the chain ten times a day, and sometimes the ledger: noticed, said in a sentence, recovered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from api.stage import Person, Stage, open_stage, prepare
from chain.node import Node

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHAIN_SENTENCE = "The chain was restarted or set back"
LEDGER_SENTENCE = "Another ledger answers"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Alice and bob with accounts; alice's signer stays unlocked."""
    async with open_stage(tmp_path_factory.mktemp("restart") / "stage", "anvil") as running:
        for name in ("alice", "bob"):
            person = running.person(name)
            await person.ask("init", "--light", "--phrase-file", str(person.home.with_suffix(".phrase")))
            await person.ask("register", name, "--yes")
        await running.person("alice").ask("unlock")
        yield running
        await running.person("alice").tandem("lock")


async def funded(stage: Stage, alice: Person) -> None:
    address = (await alice.ask("accounts"))["accounts"][0]["address"]
    done = await stage.operate("devnet", "fund", address, "--eth", "1", "--dusd", "10")
    assert done.status == 0, done.stderr


async def until(reached: Callable[[], Awaitable[bool]]) -> None:
    for _attempt in range(600):
        if await reached():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("did not happen")


async def chain_items(person: Person) -> int:
    items = (await person.ask("activity"))["items"]
    return sum(item["rail"] == "chain" for item in items)


async def test_a_restarted_chain_is_said_and_recovered_from(stage: Stage) -> None:
    alice, bob = stage.person("alice"), stage.person("bob")
    payee = (await bob.ask("accounts"))["accounts"][0]["address"]
    await funded(stage, alice)
    for _number in range(2):
        await alice.ask("send", "1", "DUSD", payee, "--yes")

    async def indexed() -> bool:
        return await chain_items(alice) == 4

    await until(indexed)
    assert CHAIN_SENTENCE not in (await alice.tandem("balance")).stderr

    async with Node(stage.chain_url) as node:
        await node.call("anvil_reset")
    await prepare(stage.chain_url)
    await funded(stage, alice)

    async def archived() -> bool:
        return await chain_items(alice) == 2

    await until(archived)
    said = await alice.tandem("balance")
    again = await alice.tandem("balance")
    assert (CHAIN_SENTENCE in said.stderr, CHAIN_SENTENCE in again.stderr) == (True, False), said.stderr
    # The wallet's own node tells it too, and the account counts from nought again.
    sent = await alice.tandem("send", "1", "DUSD", payee, "--yes", TANDEM_RPC=stage.chain_url)
    assert (sent.status, CHAIN_SENTENCE in sent.stderr) == (0, True), sent.stderr
    once_more = await alice.tandem("send", "1", "DUSD", payee, "--yes", TANDEM_RPC=stage.chain_url)
    assert (once_more.status, CHAIN_SENTENCE in once_more.stderr) == (0, False), once_more.stderr


async def test_a_reset_ledger_is_said_and_taken_up(stage: Stage) -> None:
    alice = stage.person("alice")
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
