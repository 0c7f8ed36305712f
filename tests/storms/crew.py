"""The processes of a storm: each runs a module of this folder with a configuration, all begin at one signal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 1800


def command(module: str, config: dict) -> list[str]:
    """It ends with whoever started it, also where that was strace."""
    return ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", f"tests.storms.{module}", json.dumps(config)]


def run(module: str, configs: list[dict]) -> list[list[dict]]:
    """Run one process for each configuration, all at once; what each of them printed, a JSON document a line."""
    crew = [
        subprocess.Popen(command(module, config), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for config in configs
    ]
    try:
        for child in crew:
            assert child.stdout.readline() == b"ready\n", "a process of the crew did not come up"
        for child in crew:
            child.stdin.write(b"go\n")
            child.stdin.flush()
        return [_said(child) for child in crew]
    finally:
        for child in crew:
            if child.poll() is None:
                child.kill()
            child.wait()
            child.stdin.close()
            child.stdout.close()


def _said(child: subprocess.Popen) -> list[dict]:
    out = child.stdout.read()
    assert child.wait(SECONDS_MAX) == 0, f"a process of the crew ended with status {child.returncode}"
    return [json.loads(line) for line in out.splitlines()]


def wait_for_signal() -> dict:
    """In the child: say that everything is up, wait for the signal. Returns the configuration."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    return configuration()


def configuration() -> dict:
    return json.loads(sys.argv[1])


def say(documents: list[dict]) -> None:
    """In the child: print these, a line each."""
    sys.stdout.write("".join(json.dumps(document) + "\n" for document in documents))
    sys.stdout.flush()
