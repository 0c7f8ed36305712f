"""The pure modules start fast: commands that only ask must not pay for web3 and its like."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIGHT = [
    "address",
    "token",
    "token_list",
    "transaction",
    "block",
    "calldata",
    "erc20",
    "typed_data",
    "reorg",
    "strict_json",
]
HEAVY = ["web3", "eth_account", "pydantic", "aiohttp", "sqlalchemy", "eth_abi", "eth_utils"]


def imported(*modules: str) -> list[str]:
    program = f"import sys, {', '.join(modules)}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    return [name for name in HEAVY if name in done.stdout]


def test_light_modules() -> None:
    assert imported(*(f"chain.{name}" for name in LIGHT)) == []


@pytest.mark.parametrize("module", ["chain.node"])
def test_the_check_sees_what_it_should(module: str) -> None:
    assert {"web3", "aiohttp"} <= set(imported(module))


def test_the_recursion_limit_stays_sane_after_web3() -> None:
    program = "import sys, chain.node; print(sys.getrecursionlimit())"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "1000"
