"""How the chain is seen: catching up against ponder in the same run, the way from the head to a person, and growth.

Both follow one token on the same Anvil, every block's twenty transfers, into the same PostgreSQL. `--case` picks; the
case `size` fills a table with `--rows` transfers, whose number its figure says.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

# Run as a script, this folder would come first on the path and hide the standard library's `http`.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import uvloop  # noqa: E402  # after the path is set

from benchmarks import _catching_up, _growing, _seeing  # noqa: E402  # after the path is set
from benchmarks._figures import Figure, report  # noqa: E402  # after the path is set
from benchmarks._postgres import postgres  # noqa: E402  # after the path is set

BLOCKS, BLOCKS_QUICK = 5_000, 500
ROWS, ROWS_QUICK = 10_000_000, 200_000
Case = Callable[[Any, argparse.Namespace], Awaitable[list[Figure]]]
CASES: dict[str, Case] = {
    "catch-up": _catching_up.catch_up,
    "head": _seeing.head,
    "portfolio": _seeing.portfolio,
    "size": _growing.size,
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a shorter chain and a smaller table")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--case", action="append", choices=CASES, help="only this one (may be repeated)")
    parser.add_argument("--blocks", type=int, help=f"of the chain (else {BLOCKS:,}; quick {BLOCKS_QUICK:,})")
    parser.add_argument("--rows", type=int, help=f"of the table (else {ROWS:,}; quick {ROWS_QUICK:,})")
    asked = parser.parse_args()
    asked.rounds = 5
    asked.blocks = asked.blocks or (BLOCKS_QUICK if asked.quick else BLOCKS)
    asked.rows = asked.rows or (ROWS_QUICK if asked.quick else ROWS)
    return asked


async def measure(asked: argparse.Namespace) -> list[Figure]:
    figures: list[Figure] = []
    with postgres() as server:
        for name in asked.case or CASES:
            print(f"{name} ...", file=sys.stderr, flush=True)
            figures += await CASES[name](server, asked)
    return figures


if __name__ == "__main__":
    wanted = arguments()
    sys.exit(report(uvloop.run(measure(wanted)), as_json=wanted.json))
