"""The auditor: records with an order's signature that one core checks in a second."""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._figures import Figure
from benchmarks._load import open_journal, payments, people, submit_all
from fiat.audit import audit
from fiat.history_export import export

PEOPLE = 100
GOAL_A_SECOND = 4_000.0


async def auditor(_server: Any, asked: argparse.Namespace) -> list[Figure]:
    """A whole export is read; only the signed records count, all CPU time does."""
    figure = Figure("auditor", "signed records a second a core", "the goal", "at least", 0.5, 1)
    count = asked.orders
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        async with open_journal(f"sqlite:///{Path(folder) / 'ledger.db'}") as (journal, engine):
            await submit_all(journal, payments(journal, await people(journal, PEOPLE), count))
            async with engine.connect() as conn:
                exported = b"".join([piece async for piece in export(conn)])
    for _ in range(asked.rounds):
        started = time.process_time()
        report = audit(io.BytesIO(exported))
        seconds = time.process_time() - started
        assert report.honest, report.codes
        figure.ours.append(count / seconds)
        figure.peer.append(GOAL_A_SECOND)
    return [figure]
