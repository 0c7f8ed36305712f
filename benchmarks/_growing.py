"""A page of activity when ten million transfers are indexed, against the same page of ten thousand.

The rows are made by SQL in the form that the indexer writes them in, in the chain's order, among a hundred people
and one address that has a part in every fourth, as an exchange would. The page is the reader's own statement.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks._figures import Figure
from benchmarks._postgres import database
from chain.address import Address
from chain.indexer_store import IndexerStore
from chain.recorded import Position
from chain.tables import metadata
from fiat.journal_engine import open_engine

CHAIN = 31337
FEW, PAGE, PAGES_A_ROUND = 10_000, 50, 40
_BY_AN_INDEX = {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}  # the last takes what an index names
BUSY = Address(f"0x{1:040x}")
_FILL = """
INSERT INTO chain_generations (generation, chain_id, genesis_hash)
    VALUES (0, {chain}, decode(repeat('00', 32), 'hex'));
INSERT INTO chain_transfers (generation, block_number, transaction_index, log_index, part, timestamp, transaction_hash,
    kind, token, token_id, sender, receiver, units, succeeded)
    SELECT 0, n / 20, n % 20, n % 20, 0, 1700000000 + n / 20, sha256(int8send(n)), 1, decode(repeat('d0', 20), 'hex'),
    NULL, decode(lpad(to_hex(CASE WHEN n % 4 = 0 THEN 1 ELSE 2 + n * 7919 % 100 END), 40, '0'), 'hex'),
    decode(lpad(to_hex(2 + n * 104729 % 100), 40, '0'), 'hex'), decode(lpad(to_hex(1 + n % 5000), 64, '0'), 'hex'), 1
    FROM generate_series(0, {rows} - 1::bigint) AS n;
"""


async def size(server: Any, asked: argparse.Namespace) -> list[Figure]:
    figures = []
    large, small = await _filled(server, "transfers_many", asked.rows), await _filled(server, "transfers_few", FEW)
    try:
        for who, address in (("of a busy address", BUSY), ("of a person", Address(f"0x{7:040x}"))):
            name = f"a page of {PAGE} {who}, {asked.rows:,} transfers"
            figure = Figure(name, "ms", f"of {FEW:,}", "at most", 3, 1.5)
            for number in range(asked.rounds + 1):
                mine = await _page_ms(large, address, asked.rows), await _page_ms(small, address, FEW)
                if number:
                    figure.ours.append(mine[0])
                    figure.peer.append(mine[1])
            await _check_plan(large, address, asked.rows)
            figures.append(figure)
    finally:
        await large.dispose()
        await small.dispose()
    return figures


async def _filled(server: Any, name: str, rows: int) -> AsyncEngine:
    """The indexes are there from the beginning, so they are as full and as scattered as an indexer leaves them."""
    engine = open_engine(database(server, name))
    async with engine.begin() as conn:
        await conn.run_sync(metadata.create_all)
    began = time.time()
    fill = _FILL.format(chain=CHAIN, rows=rows)
    await asyncio.to_thread(
        server.psql, f"\\set ON_ERROR_STOP on\n\\connect {name}\n{fill}\nVACUUM ANALYZE;\nCHECKPOINT;"
    )
    print(f"   {rows:,} rows in {time.time() - began:.0f} s", file=sys.stderr, flush=True)
    return engine


async def _page_ms(engine: AsyncEngine, address: Address, rows: int) -> float:
    """Pages from all over the history, each told where the one before ended, as a cursor does."""
    store = IndexerStore(engine, CHAIN)
    began = time.perf_counter()
    for number in range(PAGES_A_ROUND):
        if len(await store.transfers([address], PAGE, _place(rows, number))) < 1:
            raise SystemExit("an empty page")
    return (time.perf_counter() - began) * 1000 / PAGES_A_ROUND


def _place(rows: int, number: int) -> Position:
    block = rows // 20 * (PAGES_A_ROUND + 1 - number) // (PAGES_A_ROUND + 1)
    return Position(1700000000 + block, 0, block, 0, 0, 0)


async def _check_plan(engine: AsyncEngine, address: Address, rows: int) -> None:
    """Ends the program where the table is read otherwise than by its indexes."""
    asked: list[tuple[str, Any]] = []

    def remember(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    for before in (None, _place(rows, PAGES_A_ROUND // 2)):
        event.listen(engine.sync_engine, "before_cursor_execute", remember)
        await IndexerStore(engine, CHAIN).transfers([address], PAGE, before)
        event.remove(engine.sync_engine, "before_cursor_execute", remember)
        statement, parameters = asked.pop()
        async with engine.connect() as conn:
            explained = await conn.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
            found = explained.scalar_one()
        plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
        ways = _ways(plan)
        blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        print(f"   {blocks} blocks, chain_transfers by {sorted(ways)}", file=sys.stderr, flush=True)
        if not ways or not ways <= _BY_AN_INDEX:
            raise SystemExit(f"the page is no index read: {ways}")


def _ways(plan: dict[str, Any]) -> set[str]:
    """How the table is read."""
    mine = {plan["Node Type"]} if plan.get("Relation Name") == "chain_transfers" else set()
    return mine.union(*(_ways(child) for child in plan.get("Plans", [])))
