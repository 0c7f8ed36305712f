"""The fuzzers, from a fixed seed: nothing is found in ours; the bug that is seeded is. `make fuzz` runs longer."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RUNS = {"calldata": 4000, "typed_data": 6000, "uris": 6000, "phrases": 250, "keystores": 6000}
RUNS_TO_FIND = 400_000
TIMES_IN_SOAK = 100


def fuzz(name, folder, *options):
    command = [sys.executable, str(HERE / "run.py"), name, str(folder), "-seed=1", *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_found(name, tmp_path, soak):
    runs = RUNS[name] * (TIMES_IN_SOAK if soak else 1)
    done = fuzz(name, tmp_path, f"-runs={runs}")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert f"Done {runs} runs" in done.stderr


@pytest.mark.parametrize("name", RUNS)
def test_a_seeded_bug_is_found(name, tmp_path):
    done = fuzz(name, tmp_path, "--bug", f"-runs={RUNS_TO_FIND}")
    assert done.returncode != 0 and "Finding: " in done.stdout + done.stderr
    assert list(tmp_path.glob(f"found-{name}-*")), "the input is kept"


def test_every_harness_is_run_and_has_its_bug():
    spec = importlib.util.spec_from_file_location("harnesses", HERE / "harnesses.py")
    harnesses = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(harnesses)
    assert set(RUNS) == set(harnesses.HARNESSES) == set(harnesses.BUGS)
    for name, harness in harnesses.HARNESSES.items():
        seeds = sorted((HERE / "corpus" / name).iterdir())
        assert len(seeds) >= 4
        for seed in seeds:
            harness(seed.read_bytes())
