"""What starts fast stays so: heavy libraries are kept off the paths of --help and of the commands that only ask."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"web3", "eth_account", "pydantic", "aiohttp", "rich", "bip_utils", "asyncio", "sqlalchemy", "cryptography"}
HELP = {*HEAVY, "click", "http.client", "coincurve", "Crypto"}


def imported(code):
    """Modules that a fresh interpreter has loaded after running `code`, by -X importtime."""
    result = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True)
    lines = [line for line in result.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def heavy(code, banned):
    return sorted(banned & imported(code))


def test_help_loads_nothing_heavy():
    code = "import sys; sys.argv = ['tandem', '--help']; from wallet.cli.main import main; main()"
    assert not heavy(code, HELP)


@pytest.mark.parametrize("command", ["balance", "activity"])
def test_asking_loads_nothing_heavy(command, tmp_path):
    code = (
        f"import os, sys; sys.argv = ['tandem', '{command}']; os.environ['TANDEM_HOME'] = {str(tmp_path)!r}\n"
        "import wallet.cli.ask\nfrom wallet.cli.running import call\n"
        f"call(wallet.cli.ask.{command}, '{command}', [])"
    )
    assert not heavy(code, HEAVY)


def test_a_heavy_import_is_seen():
    assert heavy("import asyncio", HEAVY) == ["asyncio"]
