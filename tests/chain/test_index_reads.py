"""However much is recorded, a page of it is a read of an index: asked of the databases' own plans."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from chain.address import Address
from chain.indexer_queries import transfers_of
from chain.indexer_rows import Rows, TransferRow, insert_found
from chain.indexer_store import IndexerStore
from chain.recorded import Kind

CHAIN, ROWS, PAGE = 31337, 10_000, 20
PEOPLE = [Address("0x" + f"{n:040x}") for n in range(1, 4)]


async def filled(engine: AsyncEngine) -> IndexerStore:
    """Almost everything is of the first of them, as with an exchange."""
    store = IndexerStore(engine, CHAIN)
    await store.begin_generation(bytes(32))
    rows = Rows()
    for number in range(ROWS):
        sender, receiver = (PEOPLE[0], PEOPLE[1 if number % 1000 == 0 else 2])[:: 1 if number % 2 else -1]
        place = (number // 20, number % 20, 0, 0)
        tail = (Kind.ERC20, bytes(20), None, sender.raw, receiver.raw, (number + 1).to_bytes(32, "big"), 1)
        rows.transfers.append(TransferRow(*place, 1000 + number // 20, number.to_bytes(32, "big"), *tail))
    async with engine.begin() as conn:
        await insert_found(conn, 0, rows, fresh=True)
    if engine.dialect.name == "postgresql":
        async with engine.connect() as conn:
            await (await conn.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE"))
    return store


async def test_a_page_is_a_read_of_an_index(both_engines: AsyncEngine) -> None:
    store = await filled(both_engines)
    for archived in (False, True):
        page = await store.transfers(PEOPLE[:1], PAGE, archived=archived)
        assert [one.units for one in page] == list(range(ROWS, ROWS - PAGE, -1))
        for _ in range(3):
            page = await store.transfers(PEOPLE[:1], PAGE, page[-1].position, archived=archived)
        assert page[-1].units == ROWS - 4 * PAGE + 1
        statement = transfers_of(CHAIN, PEOPLE[:1], PAGE, page[-1].position, archived=archived, zero=False)
        steps = await plan_of(both_engines, statement)
        whole = [step for step in steps if "SCAN chain_transfers" in step or "Seq Scan on chain_transfers" in step]
        assert not whole, "\n".join(steps)
        for side in ("sender", "receiver"):
            assert any(f"chain_transfers_by_{side}" in step for step in steps), "\n".join(steps)


async def plan_of(engine: AsyncEngine, statement: Select[Any]) -> list[str]:
    """As the database tells it."""
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "

    def explained(_conn: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _many: bool) -> tuple[str, Any]:
        return explain + sql, parameters

    async with engine.connect() as conn:
        event.listen(conn.sync_connection, "before_cursor_execute", explained, retval=True)
        rows = (await conn.execute(statement)).cursor.fetchall()  # type: ignore[union-attr]  # it has rows
    return [str(row) for row in rows]
