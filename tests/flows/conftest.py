"""Real parts: Anvil or Hardhat, SQLite or PostgreSQL, the server and `tandem` as processes of their own."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pgserver
import pytest


@pytest.fixture(scope="session")
def postgresql_url(postgres: pgserver.PostgresServer) -> str:
    """An empty database."""
    postgres.psql("CREATE DATABASE tandem")
    socket = quote(str(Path(postgres.get_uri().rpartition("host=")[2])), safe="")
    return f"postgresql://postgres@/tandem?host={socket}"
