"""The database and the journal that the settings name, open while a command runs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from api.database import open_database
from api.errors import SettingWrong
from api.migrations import pending
from api.operator_key import open_key
from api.settings import Settings
from fiat.journal import Journal


@asynccontextmanager
async def database() -> AsyncIterator[tuple[Settings, AsyncEngine]]:
    """Raises SettingWrong, where its schema is an older one too."""
    settings = Settings.from_environment(os.environ)
    engine = open_database(settings.database_url, settings.database_password_file)
    try:
        if await pending(engine):
            raise SettingWrong("TANDEM_DATABASE_URL", "its schema is older than this program: tandem-server db upgrade")
        yield settings, engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def open_journal() -> AsyncIterator[tuple[AsyncEngine, Journal]]:
    """The journal beside a server that may be running: both write to the one database."""
    async with database() as (settings, engine):
        journal = await Journal.open(engine, open_key(settings.state))
        try:
            yield engine, journal
        finally:
            await journal.close()
