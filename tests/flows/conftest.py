"""Real parts: Anvil or Hardhat, SQLite or PostgreSQL, the server and `tandem` as processes of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pgserver
import pytest


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL of the test run's own (not below pytest's folder, which another run closes to PostgreSQL's user)."""
    with tempfile.TemporaryDirectory(prefix="tandem-pg-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(folder, cleanup_mode="stop")
        server.psql("CREATE DATABASE tandem")
        socket = quote(str(Path(server.get_uri().rpartition("host=")[2])), safe="")
        yield f"postgresql://postgres@/tandem?host={socket}"
        server.cleanup()
