"""What an address of the operator's received and sent, as the index tells it at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from chain.address import Address
from chain.indexer_queries import read_transfer
from chain.recorded import RecordedTransfer
from chain.tables import chain_blocks, chain_generations, chain_transfers

MOVES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Moves:
    """Of the life that is followed, from `first` on, oldest first. `tip` and `hash` are the newest block recorded."""

    tip: int
    hash: bytes
    transfers: tuple[RecordedTransfer, ...]
    is_whole: bool


async def treasury_moves(engine: AsyncEngine, chain_id: int, address: Address, first: int) -> Moves | None:
    """None before the chain was seen. Tip and transfers are of one snapshot."""
    lives, blocks, table = chain_generations.c, chain_blocks.c, chain_transfers.c
    followed = and_(lives.chain_id == chain_id, lives.ended.is_(None))
    running = select(lives.generation).where(followed).scalar_subquery()
    tip = select(blocks.number, blocks.hash).where(blocks.generation == running).order_by(blocks.number.desc()).limit(1)
    mine = or_(table.receiver == address, table.sender == address)
    moved = select(chain_transfers, literal(None).label("ended")).where(
        mine, table.generation == running, table.block_number >= first
    )
    order = (table.block_number, table.transaction_index, table.log_index, table.part)
    async with engine.connect() as conn:
        at = (await conn.execute(tip)).one_or_none()
        if at is None:
            return None
        rows = (await conn.execute(moved.order_by(*order).limit(MOVES_MAX + 1))).all()
    transfers = tuple(read_transfer(row) for row in rows[:MOVES_MAX])
    return Moves(at.number, at.hash, transfers, len(rows) <= MOVES_MAX)


async def lives_of(engine: AsyncEngine, chain_id: int) -> int:
    """How often the chain was restarted or set back, counted in ends of its lives; 0 before it was seen."""
    table = chain_generations.c
    over = and_(table.chain_id == chain_id, table.ended.in_(["restart", "revert"]))
    async with engine.connect() as conn:
        return int((await conn.execute(select(func.count()).where(over))).scalar_one())


async def block_hash(engine: AsyncEngine, chain_id: int, number: int) -> bytes | None:
    """Of the life that is followed, where it is still kept."""
    lives, blocks = chain_generations.c, chain_blocks.c
    running = select(lives.generation).where(lives.chain_id == chain_id, lives.ended.is_(None)).scalar_subquery()
    query = select(blocks.hash).where(blocks.generation == running, blocks.number == number)
    async with engine.connect() as conn:
        found: bytes | None = (await conn.execute(query)).scalar_one_or_none()
    return found
