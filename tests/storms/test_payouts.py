"""Fiat to token in any weather: what is sent is sent once, and the ledger is settled by what the chain is certain of.

Kill -9 between every two steps, a node that is down, a reorganisation, a transaction that is replaced or undone, a
treasury that dies. Each verdict was seen to find a seeded bug.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from queue import Queue

import pytest

from api.payout_evidence import Evidence, Word
from api.payout_rows import PayoutRows
from api.payouts import Payouts
from chain.address import Address
from chain.devnet import Devnet
from chain.devnet_controls import mine, revert, set_automine, snapshot
from chain.node import Node
from chain.transaction import SignedTransaction
from chain.treasury_pipe import TreasuryPipe
from tests.storms.payout_gate import gate
from tests.storms.payout_town import CHAIN_ID, ETHER, paying, payout_town

WORKER = str(Path(__file__).with_name("payout_worker.py"))
ROOT = str(Path(__file__).resolve().parents[2])
_ABORT = "BEGIN SELECT RAISE(ABORT, 'not yet'); END"
_TRIGGERS = {
    "accepted": "BEFORE INSERT ON payouts",
    "signed": "BEFORE INSERT ON payout_sendings",
    "final": "BEFORE INSERT ON transfers WHEN NEW.code = 7 AND NEW.pending_id IS NOT NULL",
    "settled": "BEFORE INSERT ON transfers WHEN NEW.code = 15",
    "booked": "BEFORE UPDATE ON payouts WHEN NEW.state IN ('completed', 'refunded')",
}
"""What the database refuses, so that a step is begun and not done: the name says what was done before it."""
_GATES = {
    "noticed": ("eth_getTransactionCount", False),
    "written": ("eth_sendRawTransaction", False),
    "sent": ("eth_sendRawTransaction", True),
}
POINTS = ("accepted", "noticed", "signed", "written", "sent", "final", "settled", "booked")


@pytest.fixture(scope="module")
def chain_url():
    """An Anvil without contracts: coins are enough. It runs beside every test's own loop."""
    found, done = Queue(), threading.Event()

    async def run():
        async with Devnet.start() as net:
            found.put(net.url)
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    yield found.get(timeout=120)
    done.set()
    thread.join(30)


@pytest.fixture
def sqlite_url(tmp_path, ledgers):
    return ledgers.sqlite(tmp_path / "ledger.db")


@pytest.fixture
async def town(sqlite_url, chain_url, tmp_path):
    async with payout_town(sqlite_url, chain_url, tmp_path) as found:
        yield found


class Worker:
    """The process that sends; what it prints."""

    def __init__(self, process):
        self.process = process

    @classmethod
    async def start(cls, town, node_url, bug=""):
        environment = os.environ | {"PYTHONPATH": ROOT}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, WORKER, town.url, node_url, str(town.folder), bug),
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        worker = cls(process)
        await worker.says("ready")
        return worker

    async def says(self, word):
        async with asyncio.timeout(120):
            while True:
                line = await self.process.stdout.readline()
                assert line, "the worker ended by itself"
                if line.decode().startswith(word):
                    return

    async def kill(self):
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


async def killed_at(town, proxy, point, worker):
    """Run until an order of that point is done so far and no further, then kill -9; the order."""
    if point in _TRIGGERS:
        async with town.engine.begin() as conn:
            await conn.exec_driver_sql(f"CREATE TRIGGER not_yet {_TRIGGERS[point]} {_ABORT}")
    else:
        method, passes = _GATES[point]
        proxy.hold(method, passes=passes)
    order = await town.accept()
    if point in _TRIGGERS:
        await worker.says("failed")
    else:
        async with asyncio.timeout(120):
            await proxy.reached.wait()
    await worker.kill()
    proxy.open()
    if point in _TRIGGERS:
        async with town.engine.begin() as conn:
            await conn.exec_driver_sql("DROP TRIGGER not_yet")
    return order


async def storm(town, chain_url, points, bug=""):
    """Kill at each of these points, one after the other; the process that comes next goes on. The verdicts."""
    async with gate(chain_url) as proxy:
        worker = await Worker.start(town, proxy.url, bug)
        try:
            for point in points:
                order = await killed_at(town, proxy, point, worker)
                worker = await Worker.start(town, proxy.url, bug)
                await town.until(order, "completed", "refunded", "on_hold")
        finally:
            await worker.kill()
    return await town.verdicts()


async def test_a_kill_between_any_two_steps_sends_nothing_twice(town, chain_url):
    assert await storm(town, chain_url, POINTS) == []


async def test_a_janitor_that_sends_again_is_seen(town, chain_url):
    assert any("holds 2" in what for what in await storm(town, chain_url, ["written"], bug="fresh"))


async def test_the_janitor_asks_a_node_that_was_down(town, chain_url):
    """Nothing answers when it is sent: unknown, and then the same bytes."""
    async with gate(chain_url) as proxy, Node(proxy.url, CHAIN_ID) as node, paying(town, node=node) as sending:
        order = await town.accept()
        await sending.step()
        while (await town.payout(order)).number is None:
            await sending.step()
        proxy.refuses = True
        await sending.step()
        assert (await town.payout(order)).state.value == "pending_external"
        proxy.refuses = False
        await town.until(order, "completed", step=sending.step)
        assert len(await PayoutRows(town.engine).sendings((await town.payout(order)).sequence)) == 1
    assert await town.verdicts() == []


async def test_a_killed_treasury_is_started_anew(town):
    async with paying(town) as sending:
        first = await town.accept()
        await town.until(first, "completed", step=sending.step)
        sending._treasury._channel.process.kill()
        second = await town.accept()
        await town.until(second, "completed", step=sending.step)
    assert await town.verdicts() == []


async def signed_and_waiting(town, sending, receiver=None):
    """An order whose transaction waits for a block."""
    await set_automine(town.node, False)
    order = await town.accept(receiver=receiver)
    while (found := await town.payout(order)) is None or found.number is None:
        await sending.step()
    while not await sending._witness.is_known(found.transaction):
        await sending.step()
        found = await town.payout(order)
    return order, found


async def replaced_elsewhere(town, found):
    """Another transaction of the same number, dearer, by whoever has a copy of the treasury's files."""
    copy = town.folder.with_name("copy")
    shutil.copytree(town.folder, copy)
    (copy / "signed.jsonl").unlink()
    elsewhere = TreasuryPipe(copy)
    ((_, raw, _),) = await PayoutRows(town.engine).sendings(found.sequence)
    before = SignedTransaction.decode(raw).request
    fees = {
        "max_fee_per_gas": before.max_fee_per_gas * 2,
        "max_priority_fee_per_gas": before.max_priority_fee_per_gas * 2,
    }
    signed = await elsewhere.sign(os.urandom(32), replace(before, to=town.treasury, value=1, **fees))
    await town.node.send_raw(signed.raw)
    await elsewhere.close()


async def test_another_transaction_of_its_number_frees_the_money(town):
    """Somebody used the treasury's key elsewhere: the person's money is free again once that is final, not before."""
    async with paying(town, confirmations=3) as sending:
        order, found = await signed_and_waiting(town, sending)
        await replaced_elsewhere(town, found)
        await mine(town.node, 2)
        await sending.step()
        assert (await town.payout(order)).state.value == "pending_external", "it is not final yet"
        await mine(town.node, 1)
        done = await town.until(order, "refunded", step=sending.step)
        assert done.why == "replaced"
    assert await town.verdicts(refunded={order.nonce}) == []


async def test_a_transaction_that_is_undone_frees_the_money(town):
    receiver = os.urandom(20)
    async with paying(town) as sending:
        order, _ = await signed_and_waiting(town, sending, receiver)
        await town.node.call("hardhat_setCode", [Address.from_bytes(receiver), "0x60006000fd"])
        await mine(town.node, 1)
        done = await town.until(order, "refunded", step=sending.step)
        assert done.why == "reverted"
    assert await town.verdicts(refunded={order.nonce}) == []


async def test_a_reorganisation_before_final_sends_the_same_bytes_again(town):
    async with paying(town, confirmations=3) as sending:
        before = await snapshot(town.node)
        order, found = await signed_and_waiting(town, sending)
        await mine(town.node, 2)
        await sending.step()
        assert (await town.payout(order)).state.value == "pending_external", "two confirmations are not three"
        await revert(town.node, before)
        await set_automine(town.node, True)
        await mine(town.node, 2)

        async def step():
            await sending.step()
            await mine(town.node, 1)

        done = await town.until(order, "completed", step=step)
        assert done.transaction == found.transaction
    assert await town.verdicts() == []


async def test_what_the_treasury_cannot_pay_is_on_hold_and_goes_on_by_itself(town):
    """A day's cap of 50: the second order of 30 waits; nothing is sent, and the money stays held."""
    async with paying(town) as sending:
        first, second = await town.accept(30), await town.accept(30)
        await town.until(first, "completed", step=sending.step)
        held = await town.until(second, "on_hold", step=sending.step)
        assert (held.why, held.number) == ("daily_cap", None)
        caps = town.folder / "caps.json"
        caps.write_text(caps.read_text().replace(str(50 * ETHER), str(60 * ETHER)))
        sending._treasury._channel.process.kill()
        await town.until(second, "completed", step=sending.step)
    assert await town.verdicts() == []


class Hasty(Payouts):
    """Seeded: what was sent is taken for arrived."""

    async def _look(self, payout):
        await super()._look(payout)
        return await self._settle(payout, Evidence(Word.ARRIVED))


async def test_who_settles_before_it_is_final_is_seen(town):
    """Seeded, under a reorganisation: the ledger says paid, and nobody was."""
    async with paying(town, confirmations=3, kind=Hasty) as sending:
        before = await snapshot(town.node)
        order, _ = await signed_and_waiting(town, sending)
        await mine(town.node, 1)
        await town.until(order, "completed", step=sending.step)
        await revert(town.node, before)
    assert any("holds 0" in what for what in await town.verdicts())


async def core(town):
    """Bought and arrived; and one that is undone on the chain, whose money is free again."""
    async with paying(town) as sending:
        first = await town.accept()
        await town.until(first, "completed", step=sending.step)
        receiver = os.urandom(20)
        second, _ = await signed_and_waiting(town, sending, receiver)
        await town.node.call("hardhat_setCode", [Address.from_bytes(receiver), "0x60006000fd"])
        await mine(town.node, 1)
        await town.until(second, "refunded", step=sending.step)
    return await town.verdicts(refunded={second.nonce})


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_the_core_on_postgresql(database_url, chain_url, tmp_path):
    async with payout_town(database_url, chain_url, tmp_path) as town:
        assert await core(town) == []


async def test_the_core_on_hardhat(sqlite_url, tmp_path):
    async with Devnet.start("hardhat") as net, payout_town(sqlite_url, net.url, tmp_path) as town:
        assert await core(town) == []


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_kills_on_postgresql(database_url, chain_url, tmp_path):
    async with payout_town(database_url, chain_url, tmp_path) as town:
        assert await storm(town, chain_url, [*_GATES] * 5) == []


@pytest.mark.slow
async def test_kills_again_and_again(town, chain_url):
    assert await storm(town, chain_url, POINTS * 5) == []
