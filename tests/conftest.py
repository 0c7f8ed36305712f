"""What every test folder shares: `slow` tests run only with --soak."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A fixed seed, and no wall-clock limit: a busy machine is no failure.
settings.register_profile("tandem", deadline=None, derandomize=True)
settings.load_profile("tandem")


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="run the storms at their full counts as well (make soak)")
    parser.addoption("--screenshots", action="store_true", help="write every page into screenshots/ (make screenshots)")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--soak"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


@pytest.fixture(scope="session")
def soak(request):
    """Are the full counts asked for?"""
    return request.config.getoption("--soak")
