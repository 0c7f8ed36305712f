"""The ledger's speed, against peers in the same run: pgbench's tpcb-like on the same PostgreSQL, or its own slower way.

Every case moves money by signed orders between 10,000 people's accounts, 1,024 callers with one order each at a time:
unique ids, limits checked, both holders' chains, records, seals and receipts included. Orders are signed before the
clock starts. After each case what left all accounts came into them. `--case` picks; `--rows 10000000` is the full
size of the case `size`, whose figure says the size that it ran at.
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

from benchmarks import _auditing, _grouping, _orders, _posting, _size  # noqa: E402  # after the path is set
from benchmarks._figures import Figure, report  # noqa: E402  # after the path is set
from benchmarks._postgres import postgres  # noqa: E402  # after the path is set

ROWS, ROWS_QUICK = 400_000, 100_000
Case = Callable[[Any, argparse.Namespace], Awaitable[list[Figure]]]
CASES: dict[str, Case] = {
    "posting": _posting.uniform,
    "hot": _posting.hot,
    "refused": _posting.refused,
    "sqlite": _grouping.sqlite,
    "http": _orders.http,
    "size": _size.size,
    "auditor": _auditing.auditor,
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter rounds")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--case", action="append", choices=CASES, help="only this one (may be repeated)")
    parser.add_argument(
        "--rows", type=int, help=f"transfers in the table for `size` (else {ROWS:,}; quick {ROWS_QUICK:,})"
    )
    asked = parser.parse_args()
    asked.rounds, asked.orders, asked.seconds = (5, 4096, 2) if asked.quick else (7, 10240, 4)
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
