"""The journal's schema: what the migration makes is what the tables say, and what the database itself refuses."""

from __future__ import annotations

import itertools
import os
import re

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.migrations import pending, upgrade
from fiat.authority import SaltedText
from fiat.history_check import verify
from fiat.journal_engine import open_engine, writing
from fiat.tables import metadata
from fiat.transfer import Transfer, TransferFlags

SALTED = SaltedText(bytes(16), "Lunch at Bob's")

_numbers = itertools.count()


@pytest.fixture
async def other_engine(database_url, request, tmp_path):
    """A second, empty database of the same kind."""
    if database_url.startswith("sqlite"):
        url = f"sqlite:///{tmp_path}/other.db"
    else:
        server = request.getfixturevalue("postgres")
        name = f"other_{os.getpid()}_{next(_numbers)}"
        server.psql(f"CREATE DATABASE {name};")
        url = server.get_uri(name)
    other = open_engine(url)
    yield other
    await other.dispose()


async def schema(engine):
    """Everything that the database knows about the journal's tables: (kind, table.name, text). No defaults."""
    async with engine.connect() as conn:
        if engine.dialect.name == "sqlite":
            query = "SELECT type, tbl_name || '.' || name, sql FROM sqlite_master WHERE sql IS NOT NULL"
            rows = [row for kind, name, sql in await conn.execute(text(query)) for row in sqlite_parts(kind, name, sql)]
            for table in metadata.tables:
                info = await conn.execute(text(f"PRAGMA table_info({table})"))
                rows += [("column", f"{table}.{name}", f"{kind} {null} {key}") for _, name, kind, null, _, key in info]
        else:
            rows = await conn.execute(
                text("""
                SELECT 'column', table_name || '.' || column_name, data_type || is_nullable
                  FROM information_schema.columns WHERE table_schema = 'public'
                UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
                  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
                UNION ALL SELECT 'index', tablename || '.' || indexname, indexdef
                  FROM pg_indexes WHERE schemaname = 'public'
                UNION ALL SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
                  FROM pg_trigger WHERE NOT tgisinternal
                UNION ALL SELECT 'view', viewname || '.', definition FROM pg_views WHERE schemaname = 'public'
                """)
            )
        found = {(kind, name, re.sub(r"\s+", " ", sql).strip()) for kind, name, sql in rows}
    return {row for row in found if row[1].partition(".")[0] in (*metadata.tables, "entries")}


def sqlite_parts(kind, name, sql):
    """A table as its constraints, however it came by them; the rest as it was written."""
    if kind != "table":
        return [(kind, name, sql)]
    table = name.partition(".")[0]
    if table not in metadata.tables:
        return []
    named = re.findall(
        r"CONSTRAINT (\w+) (?:CHECK|UNIQUE|FOREIGN KEY) ?(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))", sql
    )
    assert len(named) == sql.count("CONSTRAINT"), sql
    return [("constraint", f"{table}.{each}", condition) for each, condition in named]


async def test_the_migrations_make_what_the_tables_say(engine, other_engine):
    assert "0001" in await pending(other_engine)
    await upgrade(other_engine)
    expected, got = await schema(engine), await schema(other_engine)
    assert got - expected == set()
    assert expected - got == set()
    assert await pending(other_engine) == []
    await upgrade(other_engine)
    assert await schema(other_engine) == expected, "a second time changes nothing"


async def test_a_difference_between_migration_and_tables_is_seen(engine, other_engine):
    await upgrade(other_engine)
    async with other_engine.begin() as conn:
        await conn.execute(text("DROP TRIGGER records_no_update" + on(other_engine, "records")))
    assert await schema(other_engine) != await schema(engine)


def on(engine, table):
    return "" if engine.dialect.name == "sqlite" else f" ON {table}"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_sqlite_tables_are_strict(engine):
    async with engine.connect() as conn:
        rows = (await conn.execute(text("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'"))).all()
    strict = {name: bool(flag) for name, flag in rows}
    assert all(strict[table] for table in metadata.tables)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_every_connection_has_its_pragmas(engine):
    async with engine.connect() as one, engine.connect() as two:
        for conn in (one, two):
            for pragma, value in {"synchronous": 2, "foreign_keys": 1, "journal_mode": "wal"}.items():
                assert (await conn.execute(text(f"PRAGMA {pragma}"))).scalar_one() == value


REFUSED = [
    "UPDATE records SET kind = 4",
    "DELETE FROM records",
    "UPDATE transfers SET amount = amount + 1",
    "DELETE FROM transfers",
    "UPDATE seals SET size = size + 1",
    "DELETE FROM seals",
    "UPDATE holder_heads SET count = count + 1",
    "DELETE FROM holder_heads",
    "UPDATE keys SET epoch = 2",
    "DELETE FROM keys",
    "UPDATE journal_head SET sequence = sequence - 1, version = version + 1",
    "UPDATE journal_head SET version = version",
    "DELETE FROM journal_head",
    "INSERT INTO journal_head SELECT 2, 1, 1, 1, 1, seal_digest, token FROM journal_head",
    "DELETE FROM accounts",
    "UPDATE accounts SET credits_posted = credits_posted + 5",  # without its version
    "UPDATE accounts SET credits_posted = credits_posted - 5, version = version + 1",
    "UPDATE accounts SET credits_posted = credits_posted - 900, version = version + 1 WHERE holder IS NOT NULL",
    "UPDATE accounts SET debits_posted = 901, version = version + 1 WHERE holder IS NOT NULL",  # past what is there
    "UPDATE accounts SET debits_pending = -1, version = version + 1",
    "UPDATE accounts SET credits_posted = 9223372036854775807 + 1, version = version + 1",  # 2^63
    "UPDATE accounts SET holder = NULL, version = version + 1 WHERE holder IS NOT NULL",
    "UPDATE holders SET root = salt",
    "UPDATE holders SET count = count",
    "DELETE FROM holders",
    "DELETE FROM orders",
    "UPDATE orders SET nonce = digest",
    "UPDATE texts SET text = 'other'",
    "UPDATE pendings SET resolution = 2",  # without the record that did it
    "DELETE FROM pendings",
    "UPDATE burnt_ids SET status = 0",
    "DELETE FROM burnt_ids WHERE dead_at IS NULL",
    "INSERT INTO orders SELECT holder, digest, digest, type, NULL, NULL, NULL FROM orders",
    "INSERT INTO orders SELECT holder, digest, digest, type, sequence, 66, 5 FROM orders",
]


async def test_the_database_refuses(engine, journal, alice, bob, bank, credit, send):
    """Each statement alone, on a journal with one of everything."""
    from_text = {"shown": SALTED}
    await credit(alice, 900)
    assert (await send(alice, bob, 100, texts=from_text, shown=SALTED.hash)).accepted
    assert not (await send(alice, bob, 5000)).accepted
    hold = Transfer(77, bank, alice.account, 5, ledger=alice.ledger, code=1, flags=TransferFlags.PENDING)
    burnt = Transfer(78, bank, 12345, 5, ledger=alice.ledger, code=1)
    await journal.post([hold, burnt])
    before = await everything(engine)
    for statement in REFUSED:
        with pytest.raises(DBAPIError):
            async with writing(engine).begin() as conn:
                result = await conn.execute(text(statement))
                assert result.rowcount != 0, f"{statement}: touched nothing, so it proves nothing"
    assert await everything(engine) == before


async def test_what_may_be_erased(engine, journal, alice, bob, credit, send):
    await credit(alice, 900)
    await send(alice, bob, 100, texts={"shown": SALTED}, shown=SALTED.hash)
    await send(alice, bob, 5000)
    async with writing(engine).begin() as conn:
        assert (await conn.execute(text("DELETE FROM texts"))).rowcount == 1
        assert (await conn.execute(text("DELETE FROM orders WHERE dead_at IS NOT NULL"))).rowcount == 1
        assert (await conn.execute(text("DELETE FROM burnt_ids WHERE dead_at IS NOT NULL"))).rowcount == 1
    assert (await verify(engine)).intact


COLUMNS = ", ".join(column.name for column in metadata.tables["transfers"].columns)


WRONG = [
    ({"order_holder": "NULL", "order_nonce": "NULL"}, "debit_authorised"),
    ({"order_holder": "credit_holder"}, "debit_authorised"),
    ({"amount": "-1"}, "amount_not_negative"),
    ({"credit_account_id": "debit_account_id"}, "accounts_differ"),
    ({"debit_credits_posted": "-1"}, "balances_not_negative"),
    ({"source_kind": "1"}, "source_whole"),
    ({"id": "NULL"}, "kind_known"),
    ({"id": "id"}, "id_once|transfers.id"),
    ({"debit_version": "debit_version"}, "debit_version_once|debit_version"),
]


async def test_wide_rows_are_checked(engine, alice, bob, credit, send):
    """A copy of a real row with one thing wrong is refused for that reason; the copy itself is not."""
    await credit(alice, 900)
    result = await send(alice, bob, 100)
    sound = {"sequence": "0", "id": "user_data_128", "debit_version": "debit_version + 5"}
    sound["credit_version"] = "credit_version + 5"

    async def copy(**values):
        columns = ", ".join(values.get(name, name) for name in COLUMNS.split(", "))
        async with writing(engine).connect() as conn:
            await conn.begin()
            statement = f"INSERT INTO transfers ({COLUMNS}) SELECT {columns} FROM transfers WHERE sequence = :sequence"
            await conn.execute(text(statement), {"sequence": result.sequence})

    await copy(**sound)
    for changed, why in WRONG:
        with pytest.raises(DBAPIError, match=why):
            await copy(**(sound | changed))


async def everything(engine):
    async with engine.connect() as conn:
        return {name: sorted(map(str, await conn.execute(table.select()))) for name, table in metadata.tables.items()}
