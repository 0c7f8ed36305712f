"""Real parts: Anvil or Hardhat, SQLite or PostgreSQL, the server and `tandem` as processes of their own."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pgserver
import pytest
from rich.console import Console

from api.demo import Story
from api.stage import Stage


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of the test run's own."""
    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="stop")
    server.psql("CREATE DATABASE tandem")
    socket = quote(str(Path(server.get_uri().rpartition("host=")[2])), safe="")
    yield f"postgresql://postgres@/tandem?host={socket}"
    server.cleanup()


def quiet_story(stage: Stage) -> Story:
    """The demo's story, told to nobody."""
    return Story(stage, Console(file=io.StringIO()))
