"""The library on PostgreSQL: against tpcb-like, and hot or partly refused loads against its own uniform rate."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks._figures import Figure, interleave_async
from benchmarks._load import check_conserved, open_journal, payments, people, rate
from benchmarks._postgres import cpu_seconds, database, peer, prepare_peer

PEOPLE = 10_000
SCALE, CLIENTS = 50, 8
CPU_GOAL_US = 20.0


@dataclass(slots=True)
class Spent:
    """CPU microseconds an order, round by round: this process, and the server's processes."""

    python: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)


async def uniform(server: Any, asked: argparse.Namespace) -> list[Figure]:
    """Orders among 10,000 people against tpcb-like at 8 clients on the same server, and the CPU that they take."""
    await asyncio.to_thread(prepare_peer, server, SCALE)
    spent = Spent()
    figure = Figure("orders to PostgreSQL", "a second", f"tpcb-like at {CLIENTS} clients", "at least", 3, 10)
    async with open_journal(database(server, "uniform")) as (journal, engine):
        some = await people(journal, PEOPLE)

        async def ours() -> float:
            orders = payments(journal, some, asked.orders)
            before = time.process_time(), cpu_seconds(server)
            found = await rate(journal, orders)
            spent.python.append((time.process_time() - before[0]) / len(orders) * 1e6)
            spent.server.append((cpu_seconds(server) - before[1]) / len(orders) * 1e6)
            return found

        await interleave_async(
            figure, asked.rounds, ours, lambda: asyncio.to_thread(peer, server, asked.seconds, CLIENTS)
        )
        await check_conserved(engine)
    return [figure, _cpu("CPU in Python", spent.python), _cpu("CPU in PostgreSQL", spent.server)]


async def hot(server: Any, asked: argparse.Namespace) -> list[Figure]:
    """Nine of ten orders pay one person."""
    figure = Figure("90 % to one account", "orders a second", "the uniform rate", "at least", 0.7, 1)
    return [await _against_uniform(server, asked, figure, hot=True)]


async def refused(server: Any, asked: argparse.Namespace) -> list[Figure]:
    """One order in ten is beyond its payer's balance; the other nine go through, once."""
    figure = Figure("10 % refused", "orders a second", "the clean rate", "at least", 0.8, 0.9)
    return [await _against_uniform(server, asked, figure, refused_every=10)]


async def _against_uniform(server: Any, asked: argparse.Namespace, figure: Figure, **options: Any) -> Figure:
    async with open_journal(database(server, "own")) as (journal, engine):
        some = await people(journal, PEOPLE)

        def of(**options: Any) -> Callable[[], Awaitable[float]]:
            return lambda: rate(journal, payments(journal, some, asked.orders, **options))

        await interleave_async(figure, asked.rounds, of(**options), of())
        await check_conserved(engine)
    return figure


def _cpu(name: str, rounds: list[float]) -> Figure:
    counted = rounds[1:]  # the first round was not counted
    return Figure(name, "microseconds an order", "the goal", "at most", None, 1, counted, [CPU_GOAL_US] * len(counted))
