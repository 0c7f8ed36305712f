"""The migrations give the schema that the modules name, on both databases; on SQLite every table is STRICT."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, insert, inspect, text

import api.tables
import chain.tables
import fiat.tables
from api.database import is_fresh, open_database
from api.migrations import pending, upgrade
from chain.address import Address
from chain.indexer_store import IndexerStore
from fiat.journal_engine import writing

WRITTEN_TOGETHER = {
    "records": ["records_seal"],
    "orders": ["orders_record"],
    "transfers": ["transfers_record", "transfers_debit", "transfers_credit"],
    "holder_heads": ["holder_heads_holder", "holder_heads_record"],
}


@pytest.fixture(params=["sqlite", "postgresql"])
async def engine(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'folder' / 'db.sqlite3'}"
    else:
        server = request.getfixturevalue("postgres")
        server.psql("DROP DATABASE IF EXISTS migrated")
        server.psql("CREATE DATABASE migrated")
        url = server.get_uri("migrated")
    engine = open_database(url, None)
    yield engine
    await engine.dispose()


def whole(dialect="sqlite"):
    """All tables; on PostgreSQL without what only SQLite has (docs/adr/0009, migration 0009)."""
    together = MetaData()
    for part in (api.tables, chain.tables, fiat.tables):
        for table in part.metadata.sorted_tables:
            table.to_metadata(together)
    if dialect == "postgresql":
        for table, names in WRITTEN_TOGETHER.items():
            for name in names:
                (key,) = (c for c in together.tables[table].foreign_key_constraints if c.name == name)
                for element in key.elements:
                    element.parent.foreign_keys.remove(element)
                together.tables[table].constraints.remove(key)
        heads = together.tables["holder_heads"].constraints
        (once,) = (c for c in heads if c.name == "holder_heads_head_once")
        heads.remove(once)
    return together


async def test_migrations_and_tables_say_the_same(engine):
    assert await is_fresh(engine)
    assert "0001" in await pending(engine)
    await upgrade(engine)
    await upgrade(engine)
    assert await pending(engine) == []
    assert not await is_fresh(engine)

    def compare(connection):
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, whole(connection.dialect.name))
        checks = {
            table: {check["name"] for check in inspect(connection).get_check_constraints(table)}
            for table in whole().tables
        }
        return differences, checks

    async with engine.connect() as conn:
        differences, checks = await conn.run_sync(compare)
    assert [found for found in differences if "alembic_version" not in str(found)] == []
    named = {c.name for c in whole().tables["topups"].constraints if str(c.name).startswith("ck_")}
    assert named == checks["topups"]
    assert len(named) == 4


async def test_every_sqlite_table_is_strict(engine):
    await upgrade(engine)
    if engine.dialect.name != "sqlite":
        return
    async with engine.connect() as conn:
        tables = {row.name: row.strict for row in await conn.execute(text("PRAGMA table_list")) if row.type == "table"}
    assert set(whole().tables) <= set(tables)
    assert {name for name, strict in tables.items() if not strict} <= {
        "alembic_version",
        "sqlite_schema",
        "sqlite_temp_schema",
        "sqlite_sequence",
    }


async def test_the_sums_of_a_ledger_that_lived_before_them(engine):
    """What people had and what was held is summed up once; from then on each commit moves it."""
    await upgrade(engine, "0004")
    accounts = [
        (1, b"\x01" * 32, "main", 1, 0, 900),
        (2, b"\x02" * 32, "main", 1, 250, 300),
        (3, None, "clearing:sandbox", 2, 1_200, 0),
        (4, None, "bank", 4, 0, 200),
        (5, None, "payout:sandbox", 3, 200, 250),
    ]
    async with writing(engine).begin() as conn:
        seal = dict.fromkeys(("previous", "root", "counters"), bytes(32)) | {"signature": bytes(65)}
        await conn.execute(insert(fiat.tables.seals).values(number=0, first_sequence=0, size=1, timestamp=1, **seal))
        record = {"sequence": 0, "kind": 0, "timestamp": 1, "seal_number": 0, "body": b""}
        await conn.execute(insert(fiat.tables.records).values(**record))
        for number, holder, purpose, code, debited, credited in accounts:
            values = {"id": number, "holder": holder, "purpose": purpose, "code": code, "ledger": 7, "sequence": 0}
            values |= dict.fromkeys(("user_data_128", "user_data_64", "user_data_32"), 0)
            values |= dict.fromkeys(("timestamp", "version", "debits_pending", "credits_pending"), 0)
            values |= {
                "currency": "EUR",
                "exponent": 2,
                "flags": 8,
                "debits_posted": debited,
                "credits_posted": credited,
            }
            await conn.execute(insert(fiat.tables.accounts).values(**values))
    await upgrade(engine)
    async with engine.connect() as conn:
        assert [tuple(one) for one in await conn.execute(text("SELECT * FROM reserves"))] == [(7, 950, 1_000)]


async def test_the_chain_index_that_was_there_before_is_kept(engine):
    """Transfers stay, of a chain that is gone as archived ones; accounts are watched on their chain, searched again."""
    await upgrade(engine, "0009")
    row = ":n, :block, 0, 0, 9, :hash, :token, :one, :other, :units, 1"
    one, other, genesis = b"\x01" * 20, b"\x02" * 20, b"\x05" * 32
    async with writing(engine).begin() as conn:
        for generation in (0, 1):
            values = {"n": generation, "genesis": genesis}
            await conn.execute(text("INSERT INTO chain_generations VALUES (:n, 31337, :genesis)"), values)
            for block, token in ((3, None), (4, other)):
                values = {"n": generation, "block": block, "hash": bytes([generation, block]) * 16, "token": token}
                values |= {"one": one, "other": other, "units": (7).to_bytes(32, "big")}
                await conn.execute(
                    text(f"INSERT INTO chain_transfers VALUES ({row})"),
                    values,
                )
        user = {"holder": genesis, "handle": "old", "skeleton": "old", "genesis": b"g", "created_at": 1}
        await conn.execute(insert(api.tables.users).values(user))
        await conn.execute(
            insert(api.tables.addresses).values(
                chain_id=31337, address=one, holder=genesis, valid_before=1, signature=bytes(65), created_at=1
            )
        )
        await conn.execute(text("INSERT INTO chain_addresses VALUES (:one, 5, 5)"), {"one": one})
    await upgrade(engine)
    store = IndexerStore(engine, 31337)
    tip = await store.tip()
    assert (tip.generation, tip.lives) == (1, 1)
    found = await store.transfers([Address.from_bytes(one)], 10, archived=True)
    assert [(t.archived, t.kind.name, t.units) for t in found] == [
        *((False, kind, 7) for kind in ("ERC20", "NATIVE")),
        *((True, kind, 7) for kind in ("ERC20", "NATIVE")),
    ]
    missing = await store.backfill()
    assert (missing.first, missing.until, missing.watched.accounts) == (0, 5, {one})
