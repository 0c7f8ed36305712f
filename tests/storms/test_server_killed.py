"""kill -9 of the real `tandem-server` under signed orders over HTTP: what it answered stands, and is answered the same
by the server that comes after it.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter

import aiohttp
import pytest
from sqlalchemy import select

from fiat.history_check import verify
from fiat.journal_engine import open_engine
from fiat.tables import transfers
from tests.api.conftest import Running
from tests.storms.witness import once

WORKERS = 6
FUNDED = 10**6
NO_CHAIN = "http://127.0.0.1:9"
"""Nobody listens there: this storm needs no chain."""


class Payments:
    """Signed orders of one person to another, and what the servers answered. `bug`: `early` notes an answer before
    there is one."""

    def __init__(self, alice, bob, bug):
        self.alice, self.bob, self.bug = alice, bob, bug
        self.bodies, self.answers, self.wrong = {}, {}, []

    async def work(self):
        """Pay until the server is gone. Who notes early notes one more then, which is lost for certain."""
        more = self.bug == "early"
        while True:
            body = self.alice.transfer(self.bob.holder, 1)
            nonce = body["order"]["nonce"]
            self.bodies[nonce] = body
            if self.bug == "early":
                self.answers[nonce] = None
            try:
                await self.send(nonce)
            except aiohttp.ClientError:
                if not more:
                    return
                more = False

    async def send(self, nonce):
        answer = await self.alice.put(f"/v1/orders/{nonce}", self.bodies[nonce])
        before = self.answers.get(nonce)
        if answer.status not in (200, 201):
            self.wrong.append(f"{nonce} was answered {answer.status}: {answer.body[:200]}")
        elif before is not None and answer.body != before:
            self.wrong.append(f"{nonce} was answered in two ways")
        self.answers[nonce] = answer.body

    async def resume(self):
        """Ask again for what has no answer, and for some that have one."""
        for nonce in [*(self.bodies.keys() - self.answers.keys()), *list(self.answers)[:10]]:
            await self.send(nonce)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """Of an empty database: a server makes its own tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    postgres, name = request.getfixturevalue("postgres"), f"killed_{os.getpid()}"
    postgres.psql(f"CREATE DATABASE {name};")
    yield postgres.get_uri(name)
    postgres.psql(f"DROP DATABASE {name} WITH (FORCE);")


async def storm(database_url, folder, kills, bug=None):
    running = Running(folder / "state", NO_CHAIN, TANDEM_DATABASE_URL=database_url).start()
    alice, bob = await running.person("alice").register(), await running.person("bob").register()
    await (await alice.sign_in()).top_up(FUNDED)
    payments, dice = Payments(alice, bob, bug), random.Random(17)
    for _ in range(kills):
        enough = len(payments.answers) + dice.randint(10, 40)
        workers = [asyncio.create_task(payments.work()) for _ in range(WORKERS)]
        while len(payments.answers) < enough and not all(task.done() for task in workers):  # noqa: ASYNC110  # answers have no event
            await asyncio.sleep(0.01)
        running.stop(kill=True)
        await asyncio.gather(*workers)
        if bug is None:
            alice.url = running.start().url
            await payments.resume()
    if bug is None:
        running.stop(kill=True)
    return payments.wrong + await verdicts(database_url, payments)


async def verdicts(database_url, payments):
    engine = open_engine(database_url)
    async with engine.connect() as conn:
        holder = transfers.c.order_holder == payments.alice.holder
        stored = Counter((await conn.execute(select(transfers.c.order_nonce).where(holder))).scalars())
    numbers = {bytes.fromhex(nonce[2:]): at for at, nonce in enumerate(payments.bodies)}
    answered = [numbers[bytes.fromhex(nonce[2:])] for nonce in payments.answers]
    wrong = once(numbers.values(), answered, Counter({numbers.get(nonce, -1): n for nonce, n in stored.items()}))
    wrong += [f"{problem.sequence}: {problem.reason}" for problem in (await verify(engine)).problems]
    await engine.dispose()
    return wrong


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_killed_server(database_url, tmp_path):
    assert not await storm(database_url, tmp_path, 2)


@pytest.mark.slow
async def test_a_server_killed_fifty_times(database_url, tmp_path):
    assert not await storm(database_url, tmp_path, 50)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_early_answer_is_seen(database_url, tmp_path):
    wrong = await storm(database_url, tmp_path, 1, bug="early")
    assert any("was acknowledged and is not in the journal" in what for what in wrong), wrong
