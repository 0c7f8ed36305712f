"""Migrations: the database's schema, step by step. Every step is explicit SQL for both databases, and frozen.

No batch mode: on SQLite it would rebuild a table without STRICT and without its triggers. A whole upgrade is one
transaction. `fiat.tables` and `api.tables` say what the schema is now; a test holds them and the migrations together.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from fiat.journal_engine import writing

_LOCK = 0x74616E64656D  # "tandem": two servers that start at once upgrade one after the other


async def upgrade(engine: AsyncEngine, revision: str = "head") -> None:
    """Bring the schema to `revision` in one transaction; nothing happens where it is there already."""
    async with writing(engine).begin() as conn:
        if conn.dialect.name == "postgresql":
            await conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await conn.run_sync(_upgrade, revision)


async def pending(engine: AsyncEngine) -> list[str]:
    """Revisions that this program knows and the database does not have yet, oldest first; empty: it is current."""
    async with engine.connect() as conn:
        current = await conn.run_sync(lambda c: MigrationContext.configure(c).get_current_revision())
    script = ScriptDirectory.from_config(_config())
    missing = [step.revision for step in script.iterate_revisions("head", current or "base")]
    return list(reversed(missing))


def _upgrade(connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def statements(migration: Path, dialect: str) -> list[str]:
    """The SQL beside a migration, `NAME.sqlite.sql` or `NAME.postgresql.sql`: one statement a paragraph."""
    source = migration.with_suffix(f".{dialect}.sql").read_text("utf-8")
    lines = (line for line in source.splitlines() if not line.startswith("--"))
    return [paragraph.strip() for paragraph in "\n".join(lines).split("\n\n") if paragraph.strip()]
