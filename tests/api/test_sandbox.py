"""The pretend bank when the ledger refuses a posting: the row waits by itself and holds up nobody else's."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest_asyncio
from sqlalchemy import insert, select

from api.database import open_database, recording
from api.gateways.sandbox import Sandbox
from api.migrations import upgrade
from api.operator_key import open_key
from api.signed import head_answer
from api.tables import topups, users
from fiat.currency import currency
from fiat.holder import HolderGenesis
from fiat.journal import Journal
from fiat.money import AMOUNT_MINOR_MAX

EUR = currency("EUR")


@pytest_asyncio.fixture
async def bank(tmp_path: Path):
    """An engine with its journal and a bank whose top-ups are due at once."""
    engine = open_database(f"sqlite:///{tmp_path / 'bank.sqlite3'}", None)
    await upgrade(engine)
    journal = await Journal.open(engine, open_key(tmp_path))
    sandbox = Sandbox(engine, journal, 0, time.time_ns)
    await sandbox.open_accounts()
    yield engine, journal, sandbox
    await journal.close()
    await engine.dispose()


async def opened(engine, journal, name: str) -> bytes:
    genesis = HolderGenesis(os.urandom(20), os.urandom(32))
    await journal.open_holder(genesis, [(EUR, "main")])
    user = {"holder": genesis.holder_id, "handle": name, "skeleton": name, "genesis": genesis.document}
    async with recording(engine).begin() as conn:
        await conn.execute(insert(users).values(**user, created_at=1))
    return genesis.holder_id


async def ask(engine, holder: bytes, amounts: list[int], due_at: int) -> None:
    row = {"holder": holder, "gateway": "sandbox", "currency": "EUR", "exponent": 2, "state": "pending"}
    rows = [row | {"id": os.urandom(32), "amount_minor": n, "created_at": 1, "due_at": due_at} for n in amounts]
    async with recording(engine).begin() as conn:
        await conn.execute(insert(topups), rows)


async def states(engine, holder: bytes) -> list[str]:
    async with engine.connect() as conn:
        return list((await conn.execute(select(topups.c.state).where(topups.c.holder == holder))).scalars())


async def test_a_posting_that_the_ledger_refuses_holds_up_nobody_else(bank):
    """Ninety-three of the largest postings overflow an account's sum; the rest of the world still gets its money."""
    engine, journal, sandbox = bank
    greedy, other = await opened(engine, journal, "greedy"), await opened(engine, journal, "other")
    await ask(engine, greedy, [AMOUNT_MINOR_MAX] * 93, due_at=1)
    await ask(engine, other, [500], due_at=2)
    await sandbox.step()
    await sandbox.step()
    assert sorted(await states(engine, greedy)) == ["pending"] + ["settled"] * 92
    assert await states(engine, other) == ["settled"]
    head = await journal.signed_head(other)
    assert [balance.booked for balance in head.balances] == [500]
    rich = head_answer(await journal.signed_head(greedy))
    assert [balance.creditsPosted for balance in rich.balances] == [str(92 * AMOUNT_MINOR_MAX)], "19 digits are shown"
    assert await sandbox.step() == 0, "what was refused is not tried again and again"
