"""What the indexer knows of one chain, in the database; and the questions that others ask of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chain.address import Address
from chain.indexer_queries import approvals_of, read_approval, read_transfer, transfers_of
from chain.indexer_rows import Rows, insert_blocks, insert_found
from chain.recorded import Kind, Position, RecordedApproval, RecordedTransfer
from chain.tables import chain_approvals, chain_blocks, chain_generations, chain_transfers, chain_watches

BLOCKS_KEPT = 4096
BACKFILLED_TOGETHER_MAX = 1000
NOTICED_TOGETHER_MAX = 5000
NUMBERING_TRIES = 10


class Ended(StrEnum):
    """Why a generation is over. Stored."""

    RESTART = "restart"
    REVERT = "revert"
    REORG = "reorg"


class Role(IntEnum):
    """What is watched: an account's own moves, or every event of a contract. Stored."""

    ACCOUNT = 0
    CONTRACT = 1


@dataclass(frozen=True, slots=True)
class Tip:
    """How far this generation is recorded; `number` -1 and `hash` empty before its first block.

    `lives` counts how often the chain was restarted or set back; from block `untraced_from` on the node could not tell
    what moves inside contract calls.
    """

    generation: int
    chain_id: int
    genesis_hash: bytes
    number: int
    hash: bytes
    lives: int
    untraced_from: int | None


@dataclass(frozen=True, slots=True)
class Watched:
    """Raw addresses."""

    accounts: frozenset[bytes] = frozenset()
    contracts: frozenset[bytes] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.accounts or self.contracts)


@dataclass(frozen=True, slots=True)
class Backfill:
    """Blocks from `first` to before `until` that who registered late still misses."""

    first: int
    until: int
    watched: Watched


class IndexerStore:
    """Of one chain. One indexer writes at a time; any number may read and register addresses."""

    def __init__(self, engine: AsyncEngine, chain_id: int) -> None:
        self.chain_id = chain_id
        self._engine = engine
        self._writing = engine.execution_options(immediate=True)

    async def tip(self) -> Tip | None:
        """Of the life that is followed; None before the chain was seen."""
        table, blocks = chain_generations.c, chain_blocks.c
        kept, past = chain_blocks.alias(), chain_generations.alias()
        number = select(func.max(kept.c.number)).where(kept.c.generation == table.generation).scalar_subquery()
        over = past.c.ended.in_([Ended.RESTART, Ended.REVERT])
        lives = select(func.count()).where(past.c.chain_id == self.chain_id, over).scalar_subquery()
        at_tip = and_(blocks.generation == table.generation, blocks.number == number)
        found = (
            select(chain_generations, blocks.number, blocks.hash, lives.label("lives"))
            .join_from(chain_generations, chain_blocks, at_tip, isouter=True)
            .where(self._followed())
        )
        async with self._engine.connect() as conn:
            row = (await conn.execute(found)).one_or_none()
        if row is None:
            return None
        number_, block_hash = (row.number, row.hash) if row.number is not None else (-1, b"")
        identity = (row.generation, row.chain_id, row.genesis_hash)
        return Tip(*identity, number_, block_hash, row.lives, row.untraced_from)

    async def hashes(self, generation: int, below: int, limit: int) -> dict[int, bytes]:
        """Block hashes by number, from `below` - 1 downwards."""
        table = chain_blocks.c
        query = select(table.number, table.hash).where(table.generation == generation, table.number < below)
        async with self._engine.connect() as conn:
            rows = await conn.execute(query.order_by(table.number.desc()).limit(limit))
            return {row.number: row.hash for row in rows}

    async def begin_generation(self, genesis_hash: bytes, after: int | None = None) -> None:
        """A new life of the chain, which nobody has to search backwards; the one before, `after`, is over.

        Nothing happens where another indexer has begun it already.
        """

        async def begin(conn: AsyncConnection) -> None:
            followed = select(chain_generations.c.generation).where(self._followed())
            if (await conn.execute(followed)).scalar_one_or_none() != after:
                return
            over = update(chain_generations).where(chain_generations.c.generation == after, self._followed())
            await conn.execute(over.values(ended=Ended.RESTART))
            await self._add_generation(conn, genesis_hash=genesis_hash)
            mine = chain_watches.c.chain_id == self.chain_id
            await conn.execute(update(chain_watches).where(mine).values(backfill_next=0, backfill_until=0))

        await self._numbering(begin)

    async def cut(self, tip: Tip, height: int, ended: Ended) -> None:
        """What blocks above `height` said is of the past; what they moved is kept, under a generation of its own."""

        async def cut(conn: AsyncConnection) -> None:
            above = and_(chain_blocks.c.generation == tip.generation, chain_blocks.c.number > height)
            if (await conn.execute(delete(chain_blocks).where(above))).rowcount == 0:
                return  # another indexer was faster
            if ended is Ended.REVERT or await _moved_above(conn, tip.generation, height):
                values = {"parent": tip.generation, "cut_height": height, "ended": ended}
                archive = await self._add_generation(conn, genesis_hash=tip.genesis_hash, **values)
                for table in (chain_transfers, chain_approvals):
                    theirs = and_(table.c.generation == tip.generation, table.c.block_number > height)
                    await conn.execute(update(table).where(theirs).values(generation=archive))
            traced = and_(chain_generations.c.generation == tip.generation, chain_generations.c.untraced_from > height)
            await conn.execute(update(chain_generations).where(traced).values(untraced_from=None))
            for column in (chain_watches.c.backfill_next, chain_watches.c.backfill_until):
                beyond = and_(chain_watches.c.chain_id == self.chain_id, column > height + 1)
                await conn.execute(update(chain_watches).where(beyond).values({column.name: height + 1}))

        await self._numbering(cut)

    async def watched(self, tip: Tip, *, is_needed: bool) -> Watched:
        """Everybody registered; those who are new are searched for from the next block on, and backwards later.

        Nobody is read where they are not needed now and none of them is new.
        """
        table = chain_watches.c
        mine = table.chain_id == self.chain_id
        async with self._engine.connect() as conn:
            query = select(func.count(), func.count(table.backfill_until)).where(mine)
            count, noticed = (await conn.execute(query)).one()
            if not is_needed and noticed == count:
                return Watched()
            rows = (await conn.execute(select(table.address, table.role, table.backfill_until).where(mine))).all()
        if noticed != count:
            async with self._writing.begin() as conn:
                fresh = [(row.address, row.role) for row in rows if row.backfill_until is None]
                known = tuple_(table.address, table.role).in_(fresh[:NOTICED_TOGETHER_MAX])
                new = update(chain_watches).where(mine, table.backfill_until.is_(None), known)
                await conn.execute(new.values(backfill_until=tip.number + 1))
        return _watched(rows)

    async def extend(self, generation: int, hashes: Sequence[tuple[int, bytes]], rows: Rows) -> None:
        """New blocks and what they moved, together or not at all. Raises IntegrityError where somebody was faster."""
        async with self._writing.begin() as conn:
            await insert_blocks(conn, generation, hashes)
            await insert_found(conn, generation, rows, fresh=True)
            await _note_untraced(conn, generation, rows)
            old = and_(chain_blocks.c.number > 0, chain_blocks.c.number < hashes[-1][0] - BLOCKS_KEPT)
            await conn.execute(delete(chain_blocks).where(chain_blocks.c.generation == generation, old))

    async def watch(self, addresses: Collection[Address], first_block: int = 0, role: Role = Role.ACCOUNT) -> None:
        """Registers; who is registered already stays as they are."""
        blank = {"chain_id": self.chain_id, "role": role, "backfill_next": first_block, "backfill_until": None}
        rows = [{**blank, "address": address} for address in addresses]
        if rows:
            async with self._writing.begin() as conn:
                await conn.run_sync(_insert_new, rows)

    async def unwatch(self, addresses: Collection[Address], role: Role = Role.ACCOUNT) -> None:
        """What was recorded stays."""
        table = chain_watches.c
        theirs = and_(table.chain_id == self.chain_id, table.role == role, table.address.in_(addresses))
        async with self._writing.begin() as conn:
            await conn.execute(delete(chain_watches).where(theirs))

    async def backfill(self) -> Backfill | None:
        """The lowest stretch that somebody misses."""
        table = chain_watches.c
        missing = select(chain_watches).where(
            table.chain_id == self.chain_id, table.backfill_next < table.backfill_until
        )
        async with self._engine.connect() as conn:
            rows = (await conn.execute(missing)).all()
        if not rows:
            return None
        first = min(row.backfill_next for row in rows)
        group = [row for row in rows if row.backfill_next == first][:BACKFILLED_TOGETHER_MAX]
        ends = [row.backfill_until for row in group] + [r.backfill_next for r in rows if r.backfill_next > first]
        return Backfill(first, min(ends), _watched(group))

    async def backfilled(self, generation: int, part: Backfill, rows: Rows) -> None:
        """This stretch is done for these."""
        table = chain_watches.c
        sides = ((Role.ACCOUNT, part.watched.accounts), (Role.CONTRACT, part.watched.contracts))
        async with self._writing.begin() as conn:
            await insert_found(conn, generation, rows, fresh=False)
            await _note_untraced(conn, generation, rows)
            for role, raw in sides:
                theirs = and_(table.role == role, table.address.in_([Address.from_bytes(one) for one in raw]))
                done = update(chain_watches).where(theirs, table.chain_id == self.chain_id)
                await conn.execute(done.where(table.backfill_next == part.first).values(backfill_next=part.until))

    async def transfers(
        self,
        addresses: Collection[Address],
        limit: int,
        before: Position | None = None,
        *,
        archived: bool = False,
        zero: bool = False,
    ) -> list[RecordedTransfer]:
        """Newest first; `before` pages on. `archived`: those of lives that are over too, unless the same transaction
        is on the chain again. `zero`: those of nothing too, which anyone can make anyone "send".
        """
        if not addresses:
            return []
        query = transfers_of(self.chain_id, addresses, limit, before, archived=archived, zero=zero)
        async with self._engine.connect() as conn:
            return [read_transfer(row) for row in await conn.execute(query)]

    async def approvals(self, owners: Collection[Address]) -> list[RecordedApproval]:
        """The newest word of each owner on each spender, token and piece; newest first."""
        async with self._engine.connect() as conn:
            rows = [read_approval(row) for row in await conn.execute(approvals_of(self.chain_id, owners))]
        newest: dict[tuple[object, ...], RecordedApproval] = {}
        for one in rows:
            allowed = one.number if one.kind is Kind.ERC721 else one.spender
            newest.setdefault((one.token, one.owner, one.kind, allowed), one)
        return list(newest.values())

    def _followed(self) -> Any:
        table = chain_generations.c
        return and_(table.chain_id == self.chain_id, table.ended.is_(None))

    async def _numbering(self, write: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """A transaction that takes the next generation's number; another chain's indexer may take it at that moment."""
        for left in reversed(range(NUMBERING_TRIES)):
            try:
                async with self._writing.begin() as conn:
                    await write(conn)
                return
            except IntegrityError:
                if not left:
                    raise

    async def _add_generation(self, conn: AsyncConnection, **values: Any) -> int:
        newest = (await conn.execute(select(func.max(chain_generations.c.generation)))).scalar_one()
        generation = 0 if newest is None else int(newest) + 1
        values = {"generation": generation, "chain_id": self.chain_id, **values}
        await conn.execute(insert(chain_generations).values(values))
        return generation


def first_part(missing: Backfill, span: int) -> Backfill:
    """No more blocks than `span`."""
    return replace(missing, until=min(missing.until, missing.first + span))


def _watched(rows: Sequence[Any]) -> Watched:
    sides = {role: frozenset(row.address.raw for row in rows if row.role == role) for role in Role}
    return Watched(sides[Role.ACCOUNT], sides[Role.CONTRACT])


async def _moved_above(conn: AsyncConnection, generation: int, height: int) -> bool:
    for table in (chain_transfers, chain_approvals):
        above = select(table.c.generation).where(table.c.generation == generation, table.c.block_number > height)
        if (await conn.execute(above.limit(1))).first() is not None:
            return True
    return False


async def _note_untraced(conn: AsyncConnection, generation: int, rows: Rows) -> None:
    if rows.untraced_from is None:
        return
    table = chain_generations.c
    later = or_(table.untraced_from.is_(None), table.untraced_from > rows.untraced_from)
    noted = update(chain_generations).where(table.generation == generation, later)
    await conn.execute(noted.values(untraced_from=rows.untraced_from))


def _insert_new(conn: Connection, rows: list[dict[str, Any]]) -> None:
    dialect_insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(dialect_insert(chain_watches).on_conflict_do_nothing(), rows)
