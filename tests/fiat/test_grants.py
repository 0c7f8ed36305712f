"""docs/runbook.md's grants, run as they stand there: the application's role runs the journal and cannot undo it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from sqlalchemy.exc import ProgrammingError

from api.migrations import upgrade
from fiat.authority import legs as order_legs
from fiat.currency import ISO_4217, currency
from fiat.history_check import verify
from fiat.holder import MAIN
from fiat.journal import Journal
from fiat.journal_engine import open_engine, writing
from fiat.transfer import Transfer
from tests.fiat.conftest import OPERATOR_KEY, Person, capital

EUR = currency("EUR")
JOURNAL = ("records", "seals", "transfers", "holder_heads", "keys", "operator_records", "officer_changes")


@pytest.fixture
async def app(postgres):
    """An engine as `tandem_app`, on a database that `tandem_owner` brought up to date."""
    name = f"grants_{os.getpid()}"
    prepare, grant = re.findall(r"```sql\n(.*?)```", Path("docs/runbook.md").read_text(), re.S)
    for statement in prepare.replace("DATABASE tandem ", f"DATABASE {name} ").split("\n"):
        postgres.psql(statement)
    owner, app = [
        open_engine(postgres.get_uri(name).replace("//postgres:", f"//{role}:"))
        for role in ("tandem_owner", "tandem_app")
    ]
    await upgrade(owner)
    async with owner.begin() as conn:
        for statement in re.sub(r"--.*", "", grant).split(";")[:-1]:
            await conn.exec_driver_sql(statement)
    await owner.dispose()
    yield app
    await app.dispose()


async def test_the_application_runs_the_journal_and_cannot_undo_it(app):
    journal = await Journal.open(app, OPERATOR_KEY)
    bank = await capital(journal)
    alice, bob = Person(0xA11CE), Person(0xB0B)
    for person in (alice, bob):
        await journal.open_holder(person.genesis, [(EUR, MAIN)])
    await journal.post([Transfer(1, bank, alice.account, 900, ledger=EUR.ledger, code=5)])
    for amount, accepted in ((300, True), (5_000, False)):
        signed = alice.pay(journal, bob, amount)
        legs = order_legs(signed.order, journal.ledger_id, ISO_4217, payout="payout:sandbox")
        assert (await journal.submit(signed, legs)).accepted == accepted
    await journal.forget_dead()
    await journal.erase_texts([bytes(32)])
    await journal.close()
    assert (await verify(app)).intact

    async with app.connect() as conn:
        ungranted = (
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND NOT has_table_privilege({}, 'INSERT')"
        )
        named = ungranted.format("quote_ident(schemaname) || '.' || quote_ident(tablename)")
        assert set((await conn.exec_driver_sql(named)).scalars()) == {"alembic_version"}, "no table is forgotten"

    refused = [f"UPDATE {table} SET timestamp = timestamp" for table in ("records", "seals", "transfers")]
    refused += [f"UPDATE {table} SET sequence = sequence" for table in ("keys", "operator_records", "officer_changes")]
    refused += [f"DELETE FROM {table}" for table in (*JOURNAL, "accounts", "holders", "pendings", "journal_head")]
    refused += [f"TRUNCATE {table} CASCADE" for table in (*JOURNAL, "orders")]
    refused += [f"DROP TRIGGER {table}_no_update ON {table}" for table in JOURNAL]
    refused += [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in JOURNAL]
    refused += ["DROP TABLE records CASCADE", "CREATE TABLE mine (a int)", "SET session_replication_role = replica"]
    refused += ["CREATE OR REPLACE FUNCTION tandem_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'"]
    refused += ["SET ROLE tandem_owner", "UPDATE orders SET status = 0"]
    for statement in refused:
        async with writing(app).connect() as conn:
            with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
                await conn.exec_driver_sql(statement)
    assert (await verify(app)).intact
