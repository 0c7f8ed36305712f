"""SQLite with synchronous=FULL: what 1,024 callers reach together, against the same library one order a commit."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._figures import Figure, interleave_async
from benchmarks._load import check_conserved, open_journal, payments, people, rate

PEOPLE = 10_000
ALONE = 512
"""Orders a round of one caller."""
GOAL_A_SECOND = 10_000.0


async def sqlite(_server: Any, asked: argparse.Namespace) -> list[Figure]:
    figure = Figure("orders to SQLite, grouped", "a second", "one order a commit", "at least", 4, 8)
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        async with open_journal(f"sqlite:///{Path(folder) / 'ledger.db'}") as (journal, engine):
            some = await people(journal, PEOPLE)
            await interleave_async(
                figure,
                asked.rounds,
                lambda: rate(journal, payments(journal, some, asked.orders)),
                lambda: rate(journal, payments(journal, some, ALONE), callers=1),
            )
            await check_conserved(engine)
    goal = [GOAL_A_SECOND] * len(figure.ours)
    plain = Figure("orders to SQLite", "a second", "the goal", "at least", None, 1, figure.ours, goal)
    return [figure, plain]
