"""The page for other people's tests, as a stranger follows it: its example in a fresh folder, run by pytest."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing-with-tandem.md"


def run(folder: Path, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_shop.py").write_text(source)
    # What a developer's shell may say of their own wallet is in nobody's way, and never reaches a test.
    environment = {**os.environ, "TANDEM_HOME": str(folder / "mine"), "TANDEM_SERVER": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900)


def test_the_pages_example_runs_in_a_fresh_folder(tmp_path: Path) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    count = source.count("\ndef test_")
    done = run(tmp_path, source)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{count} passed" in done.stdout and count == 3
    assert not (tmp_path / "mine").exists(), "the wallet of whoever runs the tests is left alone"
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert str(tmp_path) not in left, "nothing runs on"


def test_an_example_that_is_wrong_fails_and_a_missing_chain_is_told(tmp_path: Path) -> None:
    wrong = "def test_it(tandem_chain):\n    assert tandem_chain.mine()['timestamp'] == 1\n"
    done = run(tmp_path, wrong, "--tandem-chain", "hardhat")
    assert done.returncode == 1 and "1 failed" in done.stdout, done.stdout + done.stderr
