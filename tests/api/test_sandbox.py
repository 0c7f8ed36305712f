"""The pretend bank when the ledger refuses a posting: the row waits by itself and holds up nobody else's."""

from __future__ import annotations

import os
import time
from hashlib import sha256
from pathlib import Path

import pytest_asyncio
from sqlalchemy import insert, select

from api.database import open_database, recording
from api.evidence import keep, unanswered
from api.gateways.sandbox import BANK, CLEARING, CLEARING_CAP, Sandbox
from api.gateways.settlement import EVENT, Settlements
from api.migrations import upgrade
from api.operator_key import open_key
from api.signed import head_answer
from api.tables import gateway_events, topups, users
from fiat import history
from fiat.chart import SourceKind
from fiat.currency import currency
from fiat.history_check import verify
from fiat.holder import OPERATOR, HolderGenesis
from fiat.journal import Journal
from fiat.money import AMOUNT_MINOR_MAX
from fiat.record import decode

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


class Clock:
    now = 1_800_000_000 * 10**9

    def __call__(self):
        return self.now


async def waiting(engine, holder: bytes) -> list[tuple[str, str | None]]:
    query = select(topups.c.state, topups.c.waiting).where(topups.c.holder == holder).order_by(topups.c.amount_minor)
    async with engine.connect() as conn:
        return [tuple(row) for row in await conn.execute(query)]


async def reserves(engine) -> dict[str, int]:
    async with engine.connect() as conn:
        rows = await history.account_rows(conn, OPERATOR)
    return {row.purpose: -row.account.booked for row in rows if row.currency == "EUR" and row.account.booked}


async def test_unsettled_money_is_capped_and_what_does_not_fit_waits(tmp_path: Path):
    engine, clock = open_database(f"sqlite:///{tmp_path / 'bank.sqlite3'}", None), Clock()
    await upgrade(engine)
    journal = await Journal.open(engine, open_key(tmp_path), clock, drift_max_ns=None)
    sandbox = Sandbox(engine, journal, 0, clock, clearing_cap_minor=1_000, settle_ms=1_000)
    await sandbox.open_accounts()
    holder = await opened(engine, journal, "someone")
    await ask(engine, holder, [400, 700, 1_001], due_at=1)
    await sandbox.step()
    assert await waiting(engine, holder) == [("settled", None), ("pending", CLEARING_CAP), ("pending", CLEARING_CAP)]
    assert await reserves(engine) == {CLEARING: 400}
    clock.now += 999 * 10**6
    await sandbox.step()
    assert await reserves(engine) == {CLEARING: 400}, "nothing moves before its time"
    clock.now += 10**6
    await sandbox.step()
    await sandbox.step()
    assert await waiting(engine, holder) == [("settled", None), ("settled", None), ("pending", CLEARING_CAP)]
    assert await reserves(engine) == {CLEARING: 700, BANK: 400}
    async with engine.connect() as conn:
        kept = (await conn.execute(select(gateway_events))).mappings().one()
        record = decode(await history.record_body(conn, kept["sequence"]))
    assert sha256(kept["body"].encode()).digest() == kept["id"] == record.source_id
    assert (record.source_kind, record.amount, kept["amount_minor"]) == (SourceKind.GATEWAY_EVENT, 400, 400)
    assert (await verify(engine)).intact
    await journal.close()
    await engine.dispose()


async def test_an_interrupted_settlement_goes_on_and_two_take_nothing_twice(tmp_path: Path):
    engine, clock = open_database(f"sqlite:///{tmp_path / 'bank.sqlite3'}", None), Clock()
    await upgrade(engine)
    journal = await Journal.open(engine, open_key(tmp_path), clock, drift_max_ns=None)
    sandbox = Sandbox(engine, journal, 0, clock)
    await sandbox.open_accounts()
    await ask(engine, await opened(engine, journal, "someone"), [500], due_at=1)
    await sandbox.step()
    facts = {"gateway": "sandbox", "event": EVENT, "currency": "EUR", "now": 1}
    for number, amount in (("1", 500), ("2", 300)):  # kept by a process that died; and another that saw less
        await keep(engine, amount_minor=amount, facts={"number": number}, **facts)
    await Settlements(engine, journal, "sandbox", clock, cap_minor=None, pause_ms=10**6).step()
    assert await reserves(engine) == {BANK: 500}, "the second found nothing left"
    assert await unanswered(engine, "sandbox", EVENT) == []
    await journal.close()
    await engine.dispose()
