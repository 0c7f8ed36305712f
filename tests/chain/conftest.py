"""Vectors and peers that the tests of this package share."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TESTCASES = ROOT / "node_modules/@ethersproject/testcases/testcases"


@pytest.fixture(scope="session")
def testcases() -> Any:
    """Reads a file of @ethersproject/testcases by name."""

    def read(name: str) -> Any:
        return json.loads(gzip.decompress((TESTCASES / f"{name}.json.gz").read_bytes()))

    return read
