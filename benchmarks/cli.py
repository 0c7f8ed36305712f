"""How long a person waits for the command line: whole processes, against a bare `python -c pass`.

`tandem --help`, and `tandem balance` of a running server with a session (the head's signature checked). Bytecode is
compiled first, as `make setup` does: without it imports take about twice as long.
"""

from __future__ import annotations

import asyncio
import compileall
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Run as a script, this folder would come first on the path and hide the standard library's `http`.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from api.stage import Person, Stage, open_stage  # noqa: E402  # after the path is set
from benchmarks._figures import Figure, arguments, interleave, report  # noqa: E402  # after the path is set

ROOT = Path(__file__).resolve().parents[1]
TANDEM = str(Path(sys.executable).with_name("tandem"))


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """The wall time of a whole process that must end with 0."""
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.perf_counter() - started


def compared(
    name: str, command: list[str], environment: dict[str, str], floor: float, goal: float, rounds: int
) -> Figure:
    figure = Figure(name, "s", "python -c pass", "at most", floor, goal)
    bare = [sys.executable, "-c", "pass"]
    return interleave(figure, rounds, lambda: seconds(command, environment), lambda: seconds(bare, environment))


async def someone(stage: Stage) -> Person:
    person = stage.person("alice")
    for command in (
        ["init", "--light", "--phrase-file", str(person.home.with_suffix(".phrase"))],
        ["register", "alice", "--yes"],
        ["topup", "250.00", "EUR"],
        ["balance"],
    ):
        done = await person.tandem(*command)
        if done.status:
            raise SystemExit(done.stdout + done.stderr)
    return person


async def measure(rounds: int) -> list[Figure]:
    for package in ("wallet", "chain", "fiat", "api"):
        compileall.compile_dir(ROOT / package, quiet=1)
    bare = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "TANDEM_LANG": "en"}
    figures = [compared("tandem --help", [TANDEM, "--help"], bare, 6, 4, rounds)]
    with tempfile.TemporaryDirectory() as folder:
        async with open_stage(Path(folder) / "stage", "anvil") as stage:
            person = await someone(stage)
            figure = await asyncio.to_thread(
                compared, "tandem balance", [TANDEM, "balance"], person.environment, 18, 12, rounds
            )
            figures.append(figure)
    return figures


if __name__ == "__main__":
    asked = arguments(__doc__ or "")
    sys.exit(report(asyncio.run(measure(5 if asked.quick else 21)), as_json=asked.json))
