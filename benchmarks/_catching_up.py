"""Catching up with a chain: our indexer against ponder, the same token's transfers into the same PostgreSQL.

Each round is a process of its own on an empty database. The clock starts at a side's first request to the node and
stops when its last row can be read; ponder makes its indexes afterwards, ours are there from the beginning. Then the
rows of both are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from api.commands.serve import COLLECTED_AFTER
from benchmarks._chain import TRANSFERS_A_BLOCK, Built, chain_of_transfers
from benchmarks._figures import Figure
from benchmarks._postgres import database
from chain.tables import metadata
from fiat.journal_engine import open_engine

ROOT = Path(__file__).resolve().parents[1]
PONDER = ROOT / "benchmarks/ponder"
SECONDS_MAX = 1800
OURS, PEER = "indexer_ours", "indexer_peer"
TABLES = {OURS: "chain_transfers", PEER: "bench.transfers"}
_DIGEST = """SELECT count(*), md5(string_agg(concat_ws(':', block_number, transaction_index, log_index, timestamp,
    {hash}, {sender}, {receiver}, {units}), ',' ORDER BY block_number, log_index)) FROM {table}"""
_COLUMNS = {
    OURS: {
        name: f"encode({column}, 'hex')"
        for name, column in {
            "hash": "transaction_hash",
            "sender": "sender",
            "receiver": "receiver",
            "units": "units",
        }.items()
    },
    PEER: {
        "hash": "substr(transaction_hash, 3)",
        "sender": "substr(sender, 3)",
        "receiver": "substr(receiver, 3)",
        "units": "lpad(to_hex(units::bigint), 64, '0')",
    },
}


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds from the first request and from the process's start, its peak memory, and what its rows are."""

    seconds: float
    whole_seconds: float
    megabytes: float
    rows: tuple[int, str]


async def catch_up(server: Any, asked: argparse.Namespace) -> list[Figure]:
    version = install()
    name, blocks = f"ponder {version}", asked.blocks
    words = f"catch-up, {blocks:,} blocks of {TRANSFERS_A_BLOCK} transfers"
    speed = Figure(words, "transfers/s", name, "at least", 3, 8)
    whole = Figure("the same, with the process's start", "transfers/s", name, "at least", None, 8)
    memory = Figure("the same, peak memory", "MB", name, "at most", 0.5, 0.5)
    async with chain_of_transfers(blocks) as built:
        for number in range(asked.rounds + 1):  # the first is not counted
            ours, peer = await _ours(server, built), await _peer(server, built)
            if ours.rows != peer.rows or ours.rows[0] != built.transfers:
                raise SystemExit(f"not the same rows: {ours.rows}, {peer.rows}, {built.transfers} on the chain")
            print(f"   {ours.seconds:.2f} s, {name} {peer.seconds:.2f} s", file=sys.stderr, flush=True)
            if number:
                for figure, value in (
                    (speed, lambda one: built.transfers / one.seconds),
                    (whole, lambda one: built.transfers / one.whole_seconds),
                    (memory, lambda one: one.megabytes),
                ):
                    figure.ours.append(value(ours))
                    figure.peer.append(value(peer))
    return [speed, whole, memory]


def install() -> str:
    """ponder and what it needs, as locked; its version."""
    if not (PONDER / "node_modules/.ready").exists():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=PONDER, check=True, stdout=sys.stderr)
        (PONDER / "node_modules/.ready").touch()
    return str(json.loads((PONDER / "node_modules/ponder/package.json").read_text())["version"])


async def _ours(server: Any, built: Built) -> Round:
    url = database(server, OURS)
    engine = open_engine(url)
    async with engine.begin() as conn:
        await conn.run_sync(metadata.create_all)
    await engine.dispose()
    command = [sys.executable, "-m", "benchmarks._catcher", built.url, url, built.token]
    command += [str(number) for number in COLLECTED_AFTER]  # as the server does

    async def began(process: subprocess.Popen[bytes]) -> float:
        assert process.stdout is not None
        return float(await asyncio.to_thread(process.stdout.readline))

    with _process(command, ROOT, {}) as process:
        return await _watched(process, url, OURS, built, lambda: began(process))


async def _peer(server: Any, built: Built) -> Round:
    url = database(server, PEER)
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "began"
        settings = {
            "DATABASE_URL": url,
            "BENCH_RPC": built.url,
            "BENCH_TOKEN": built.token,
            "BENCH_BEGAN": str(told),
            "NODE_ENV": "production",
            "NODE_NO_WARNINGS": "1",
            "PONDER_TELEMETRY_DISABLED": "true",
        }
        program = PONDER / "node_modules/ponder/dist/esm/bin/ponder.js"
        command = ["node", str(program), "--log-level", "error", "start", "--schema", "bench", "--port", "42069"]

        async def began() -> float:
            return float(told.read_text())

        with _process(command, PONDER, settings) as process:
            return await _watched(process, url, PEER, built, began)


@contextmanager
def _process(command: list[str], folder: Path, settings: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Ends with the block."""
    process = subprocess.Popen(
        command, cwd=folder, env=os.environ | settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


async def _watched(
    process: subprocess.Popen[bytes], url: str, side: str, built: Built, began: Callable[[], Awaitable[float]]
) -> Round:
    started = time.time()
    conn = await asyncpg.connect(url)
    try:
        await _last_row(process, conn, TABLES[side], built)
        ended = time.time()
        first = await began()
        megabytes = sum(_peak(pid) for pid in _family(process.pid)) / 1024
        digest = await conn.fetchrow(_DIGEST.format(table=TABLES[side], **_COLUMNS[side]))
    finally:
        await conn.close()
    return Round(ended - first, ended - started, megabytes, tuple(digest))


async def _last_row(process: subprocess.Popen[bytes], conn: Any, table: str, built: Built) -> None:
    """Until all of the last block's can be read: a look at the primary key, fifty times a second."""
    query = f"SELECT count(*) FROM {table} WHERE generation = 0 AND block_number = {built.last_block}"
    until = time.time() + SECONDS_MAX
    while True:
        try:
            if await conn.fetchval(query) == TRANSFERS_A_BLOCK:
                return
        except asyncpg.UndefinedTableError:
            pass
        if process.poll() is not None or time.time() > until:
            raise SystemExit(f"{table} was not filled")
        await asyncio.sleep(0.02)


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _family(int(child))
    return found


def _peak(pid: int) -> int:
    """Peak resident memory in kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
