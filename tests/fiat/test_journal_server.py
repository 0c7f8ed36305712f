"""The journal as a server runs it: durable settings only, bounded memory, readers that follow while writers work."""

from __future__ import annotations

import asyncio
import os

import pytest
from sqlalchemy import delete

from fiat import history, journal_cache
from fiat.currency import currency
from fiat.errors import JournalBroken, JournalUnsafe
from fiat.history_check import verify
from fiat.holder import OPERATOR
from fiat.journal import Journal
from fiat.journal_engine import open_engine
from fiat.journal_store import read_head
from fiat.tables import accounts
from fiat.transfer import Transfer, TransferStatus
from tests.fiat.conftest import FUNDS_MINOR, OPERATOR_KEY
from tests.fiat.test_history_check import drop_triggers

EUR = currency("EUR")
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def move(debit, credit, amount, transfer_id=None):
    transfer_id = transfer_id or int.from_bytes(os.urandom(15), "big")
    return Transfer(transfer_id, debit, credit, amount, ledger=EUR.ledger, code=5)


async def set_and_seen(postgres, engine, setting, value):
    """Sessions that begin from now on have the value: the server reads its file when it comes to it."""
    said = f"SET {setting} = {value}" if value == "off" else f"RESET {setting}"
    postgres.psql(f"ALTER SYSTEM {said};")
    postgres.psql("SELECT pg_reload_conf();")
    async with asyncio.timeout(60):
        while True:
            await engine.dispose()
            async with engine.connect() as conn:
                if (await conn.exec_driver_sql(f"SHOW {setting}")).scalar_one() == value:
                    return
            await asyncio.sleep(0.02)


@POSTGRESQL
@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
async def test_a_server_that_may_lose_what_it_acknowledged_is_refused(database_url, engine, postgres, setting):
    fresh = open_engine(database_url)
    try:
        await set_and_seen(postgres, engine, setting, "off")
        with pytest.raises(JournalUnsafe) as refused:
            await Journal.open(fresh, OPERATOR_KEY)
        assert refused.value.fields() == {"setting": setting, "value": "off"}
        async with fresh.connect() as conn:
            assert (await conn.exec_driver_sql("SELECT count(*) FROM records")).scalar_one() == 0
    finally:
        await fresh.dispose()
        await set_and_seen(postgres, engine, setting, "on")
    await (await Journal.open(engine, OPERATOR_KEY)).close()


async def test_more_accounts_than_the_memory_holds(engine, journal, bank, monkeypatch):
    monkeypatch.setattr(journal_cache, "ACCOUNTS_MAX", 5)
    accounts = [(await journal.open_account(OPERATOR, EUR, f"suspense:{n}")).id for n in range(20)]
    expected = dict.fromkeys(accounts, 0)
    for turn in range(3):
        batch = [move(bank, account, turn + n) for n, account in enumerate(accounts)]
        for part in (batch[:13], batch[13:], [move(accounts[turn], accounts[-1], 1)]):
            outcomes = await journal.post(part)
            assert {o.status for o in outcomes} == {TransferStatus.CREATED}
            assert len(journal._committer.cache.accounts) <= 5
            for m in part:
                expected[m.credit_account_id] += m.amount
                expected[m.debit_account_id] = expected.get(m.debit_account_id, 0) - m.amount
    async with engine.connect() as conn:
        rows = [row for row in await history.account_rows(conn, OPERATOR) if row.account.id in expected]
        found = {row.account.id: row.account.booked for row in rows}
    expected[bank] += FUNDS_MINOR
    assert found == expected
    assert (await verify(engine)).intact


async def test_those_used_last_stay(journal, bank, monkeypatch):
    monkeypatch.setattr(journal_cache, "ACCOUNTS_MAX", 3)
    accounts = [(await journal.open_account(OPERATOR, EUR, f"suspense:{n}")).id for n in range(5)]
    for account in (accounts[1], accounts[2], accounts[1], accounts[4]):
        await journal.post([move(bank, account, 1)])
    assert set(journal._committer.cache.accounts) == {bank, accounts[1], accounts[4]}


async def test_a_reader_follows_two_writers_without_a_gap(engine, journal, bank):
    other = await Journal.open(engine, OPERATOR_KEY)
    fees = (await journal.open_account(OPERATOR, EUR, "fees")).id
    start = journal.sequence
    working = asyncio.gather(*(one.post([move(bank, fees, 1)]) for _ in range(60) for one in (journal, other)))
    seen, after = [], start
    while not working.done() or len(seen) < 120:
        async with engine.connect() as conn:
            page = await history.tail(conn, after, 7)
        seen += [record.sequence for record in page]
        after = seen[-1] if seen else start
        await asyncio.sleep(0)
    assert seen == list(range(start + 1, start + 121))
    assert all(outcome.status == 0 for (outcome,) in await working)
    await other.close()


@POSTGRESQL
async def test_a_batch_whose_account_is_gone_is_written_nowhere(engine, journal, bank):
    """PostgreSQL has no foreign key there (docs/adr/0009): the writer counts the rows that it moved."""
    other = (await journal.open_account(OPERATOR, EUR, "suspense:gone")).id
    await drop_triggers(engine)
    async with engine.begin() as conn:
        await conn.execute(delete(accounts).where(accounts.c.id == other))
    before = journal.sequence
    with pytest.raises(JournalBroken, match="accounts are gone"):
        await journal.post([move(bank, other, 1)])
    async with engine.connect() as conn:
        assert (await read_head(conn)).sequence == before
