"""What the indexer knows, in the database; and the questions that others ask of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, delete, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chain.address import Address
from chain.recorded import Position, RecordedTransfer
from chain.tables import chain_addresses, chain_blocks, chain_generations, chain_transfers

BLOCKS_KEPT = 4096
PAGE_MAX = 1000


@dataclass(frozen=True, slots=True)
class Tip:
    """How far this generation is recorded; `number` -1 and `hash` empty before its first block."""

    generation: int
    chain_id: int
    genesis_hash: bytes
    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Backfill:
    """Blocks from `first` to before `until` that addresses registered late still miss."""

    first: int
    until: int
    addresses: frozenset[Address]


class IndexerStore:
    """One indexer writes at a time; any number may read and register addresses."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writing = engine.execution_options(immediate=True)

    async def tip(self) -> Tip | None:
        """Of the newest generation; None before any chain was seen."""
        newest = select(func.max(chain_generations.c.generation)).scalar_subquery()
        number = select(func.max(chain_blocks.c.number)).where(chain_blocks.c.generation == newest).scalar_subquery()
        found = (
            select(chain_generations, chain_blocks.c.number, chain_blocks.c.hash)
            .join_from(
                chain_generations,
                chain_blocks,
                and_(chain_blocks.c.generation == chain_generations.c.generation, chain_blocks.c.number == number),
                isouter=True,
            )
            .where(chain_generations.c.generation == newest)
        )
        async with self._engine.connect() as conn:
            row = (await conn.execute(found)).one_or_none()
        if row is None:
            return None
        known = row.number is not None
        return Tip(
            row.generation, row.chain_id, row.genesis_hash, row.number if known else -1, row.hash if known else b""
        )

    async def hashes(self, generation: int, below: int, limit: int) -> dict[int, bytes]:
        """Block hashes by number, from `below` - 1 downwards."""
        table = chain_blocks.c
        query = select(table.number, table.hash).where(table.generation == generation, table.number < below)
        async with self._engine.connect() as conn:
            rows = await conn.execute(query.order_by(table.number.desc()).limit(limit))
            return {row.number: row.hash for row in rows}

    async def begin_generation(self, chain_id: int, genesis_hash: bytes) -> int:
        """A new life of the chain, which nobody has to search backwards."""
        async with self._writing.begin() as conn:
            newest = (await conn.execute(select(func.max(chain_generations.c.generation)))).scalar_one()
            generation = 0 if newest is None else int(newest) + 1
            values = {"generation": generation, "chain_id": chain_id, "genesis_hash": genesis_hash}
            await conn.execute(insert(chain_generations).values(values))
            await conn.execute(update(chain_addresses).values(backfill_next=0, backfill_until=0))
        return generation

    async def roll_back(self, generation: int, height: int) -> None:
        """Forgets what blocks above `height` said."""
        async with self._writing.begin() as conn:
            for table, number in (
                (chain_blocks, chain_blocks.c.number),
                (chain_transfers, chain_transfers.c.block_number),
            ):
                await conn.execute(delete(table).where(table.c.generation == generation, number > height))
            for column in (chain_addresses.c.backfill_next, chain_addresses.c.backfill_until):
                lowered = update(chain_addresses).where(column > height + 1)
                await conn.execute(lowered.values({column.name: height + 1}))

    async def watched(self, tip: Tip) -> frozenset[Address]:
        """Everybody registered; those who are new are searched for from the next block on, and backwards later."""
        table = chain_addresses.c
        async with self._engine.connect() as conn:
            rows = (await conn.execute(select(table.address, table.backfill_until))).all()
        if any(row.backfill_until is None for row in rows):
            async with self._writing.begin() as conn:
                noticed = update(chain_addresses).where(
                    table.backfill_until.is_(None), table.address.in_([row.address for row in rows])
                )
                await conn.execute(noticed.values(backfill_until=tip.number + 1))
        return frozenset(row.address for row in rows)

    async def extend(self, generation: int, hashes: Mapping[int, bytes], transfers: Sequence[RecordedTransfer]) -> None:
        """New blocks and what they moved, together or not at all."""
        blocks = [{"generation": generation, "number": n, "hash": block_hash} for n, block_hash in hashes.items()]
        async with self._writing.begin() as conn:
            await conn.execute(insert(chain_blocks), blocks)
            await _record(conn, transfers)
            old = and_(chain_blocks.c.number > 0, chain_blocks.c.number < max(hashes) - BLOCKS_KEPT)
            await conn.execute(delete(chain_blocks).where(chain_blocks.c.generation == generation, old))

    async def watch(self, addresses: Collection[Address], first_block: int = 0) -> None:
        """Registers; who is registered already stays as they are."""
        rows = [{"address": address, "backfill_next": first_block, "backfill_until": None} for address in addresses]
        if rows:
            async with self._writing.begin() as conn:
                await conn.run_sync(_insert_new, chain_addresses, rows)

    async def unwatch(self, addresses: Collection[Address]) -> None:
        """What was recorded stays."""
        async with self._writing.begin() as conn:
            await conn.execute(delete(chain_addresses).where(chain_addresses.c.address.in_(addresses)))

    async def backfill(self) -> Backfill | None:
        """The lowest stretch that somebody misses."""
        table = chain_addresses.c
        open_ones = select(chain_addresses).where(table.backfill_next < table.backfill_until)
        async with self._engine.connect() as conn:
            rows = (await conn.execute(open_ones)).all()
        if not rows:
            return None
        first = min(row.backfill_next for row in rows)
        group = [row for row in rows if row.backfill_next == first]
        ends = [row.backfill_until for row in group] + [r.backfill_next for r in rows if r.backfill_next > first]
        return Backfill(first, min(ends), frozenset(row.address for row in group))

    async def backfilled(self, part: Backfill, transfers: Sequence[RecordedTransfer]) -> None:
        """This stretch is done for these addresses."""
        table = chain_addresses.c
        async with self._writing.begin() as conn:
            await _record(conn, transfers)
            done = update(chain_addresses).where(table.address.in_(part.addresses), table.backfill_next == part.first)
            await conn.execute(done.values(backfill_next=part.until))

    async def transfers(
        self,
        addresses: Collection[Address],
        limit: int,
        before: Position | None = None,
        generation: int | None = None,
    ) -> list[RecordedTransfer]:
        """Newest first, of the running generation unless another is named; `before` pages on."""
        table = chain_transfers.c
        place = (table.block_number, table.transaction_index, table.log_index)
        if before is not None:
            generation = before.generation
        newest = select(func.max(chain_generations.c.generation)).scalar_subquery()
        query = select(chain_transfers).where(
            or_(table.sender.in_(addresses), table.receiver.in_(addresses)),
            table.generation == (newest if generation is None else generation),
        )
        if before is not None:
            query = query.where(tuple_(*place) < tuple_(*(literal(n) for n in astuple(before)[1:])))
        query = query.order_by(*(column.desc() for column in place)).limit(min(limit, PAGE_MAX))
        async with self._engine.connect() as conn:
            return [_transfer(row) for row in await conn.execute(query)]


async def _record(conn: AsyncConnection, transfers: Sequence[RecordedTransfer]) -> None:
    """What both parties' stretches find is one row."""
    rows = [_row(transfer) for transfer in transfers]
    if rows:
        await conn.run_sync(_insert_new, chain_transfers, rows)


def _insert_new(conn: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    dialect_insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(dialect_insert(table).on_conflict_do_nothing(), rows)


def _row(transfer: RecordedTransfer) -> dict[str, Any]:
    row = {field.name: getattr(transfer, field.name) for field in fields(transfer)}
    place = {field.name: getattr(transfer.position, field.name) for field in fields(Position)}
    del row["position"]
    return row | place | {"succeeded": int(transfer.succeeded)}


def _transfer(row: Row[Any]) -> RecordedTransfer:
    return RecordedTransfer(
        position=Position(row.generation, row.block_number, row.transaction_index, row.log_index),
        timestamp=row.timestamp,
        transaction_hash=row.transaction_hash,
        token=row.token,
        sender=row.sender,
        receiver=row.receiver,
        units=row.units,
        succeeded=bool(row.succeeded),
    )
