"""What every test folder shares: `slow` tests run only with --soak, and one PostgreSQL serves the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pgserver
import pytest
from hypothesis import settings

from tests.databases import running_postgresql

TESTS = Path(__file__).parent
LAST = ("flows", "browser", "web", "api", "wallet/cli")

# A fixed seed, and no wall-clock limit: a busy machine is no failure.
settings.register_profile("tandem", deadline=None, derandomize=True)
settings.load_profile("tandem")


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="run the storms at their full counts as well (make soak)")
    parser.addoption("--screenshots", action="store_true", help="write every page into screenshots/ (make screenshots)")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--soak"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        if slow:
            config.hook.pytest_deselected(items=slow)
            items[:] = [item for item in items if not item.get_closest_marker("slow")]
    tests_of = Counter(item.path for item in items)
    items.sort(key=lambda item: (turn(item.path), -tests_of[item.path]))


def turn(path):
    """When a file's folder comes; within a folder, the files of many tests go first and the workers end together.

    A folder's server or browser lives until the run ends, and costs a twentieth of a core while it waits: so these
    come last, one folder after the other.
    """
    folder = path.relative_to(TESTS).parent.as_posix()
    return LAST.index(folder) if folder in LAST else -1


@pytest.fixture(scope="session")
def soak(request):
    """Are the full counts asked for?"""
    return request.config.getoption("--soak")


@pytest.fixture(scope="session")
def postgres() -> Iterator[pgserver.PostgresServer]:
    """A PostgreSQL server for the whole run; each test takes a database of its own."""
    with running_postgresql() as server:
        yield server
