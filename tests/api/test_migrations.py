"""The migrations give the schema that the modules name, on both databases; on SQLite every table is STRICT."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, inspect, text

import api.tables
import chain.tables
import fiat.tables
from api.database import is_fresh, open_database
from api.migrations import pending, upgrade


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


def whole():
    together = MetaData()
    for part in (api.tables, chain.tables, fiat.tables):
        for table in part.metadata.sorted_tables:
            table.to_metadata(together)
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
        differences = compare_metadata(context, whole())
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
