"""Questions to the index: what is asked of its tables, and the answers' rows as values."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, literal, or_, select, tuple_, union

from chain.address import Address
from chain.recorded import Kind, Position, RecordedApproval, RecordedTransfer
from chain.tables import chain_approvals, chain_generations, chain_transfers

PAGE_MAX = 1000
APPROVALS_MAX = 10_000
APART_MAX = 100
"""So many addresses are read each through its own index; more of them in one pass."""
_ORDER = ("timestamp", "generation", "block_number", "transaction_index", "log_index", "part")


def transfers_of(
    chain_id: int, addresses: Collection[Address], limit: int, before: Position | None, *, archived: bool, zero: bool
) -> Select[Any]:
    """Newest first, of at least one address. Each address and side is an ordered read of an index; they are merged."""
    limit = min(limit, PAGE_MAX)
    table = chain_transfers.c
    wanted: list[ColumnElement[bool]] = [_lives(chain_id, archived=archived)]
    if not zero:
        wanted.append(table.units != 0)
    if before is not None:
        place = tuple_(*(table[name] for name in _ORDER))
        wanted.append(place < tuple_(*(literal(getattr(before, name)) for name in _ORDER)))
        wanted.append(table.timestamp <= before.timestamp)  # what an index can use of it
    sides: list[ColumnElement[bool]]
    if len(addresses) <= APART_MAX:
        sides = [column == address for column in (table.sender, table.receiver) for address in addresses]
    else:
        sides = [column.in_(addresses) for column in (table.sender, table.receiver)]
    order = [table[name].desc() for name in _ORDER]
    parts = [select(chain_transfers).where(side, *wanted).order_by(*order).limit(limit).subquery() for side in sides]
    merged = union(*(select(part) for part in parts)).subquery()
    joined = select(merged, chain_generations.c.ended).join(
        chain_generations, chain_generations.c.generation == merged.c.generation
    )
    return joined.order_by(*(merged.c[name].desc() for name in _ORDER)).limit(limit)


def _lives(chain_id: int, *, archived: bool) -> ColumnElement[bool]:
    """Of the life that is followed, or of past ones too, except for what is on the chain again."""
    table, lives = chain_transfers.c, chain_generations.c
    mine = lives.chain_id == chain_id
    running = select(lives.generation).where(mine, lives.ended.is_(None)).scalar_subquery()
    if not archived:
        return table.generation == running
    again = chain_transfers.alias()
    # One row of an index each: PostgreSQL would make a hash of all that is on the chain for an EXISTS.
    same = and_(again.c.generation == running, again.c.transaction_hash == table.transaction_hash)
    there = select(literal(1)).where(same).limit(1).correlate(chain_transfers).scalar_subquery()
    past = table.generation.in_(select(lives.generation).where(mine, lives.ended.is_not(None)))
    return or_(table.generation == running, and_(past, there.is_(None)))


def approvals_of(chain_id: int, owners: Collection[Address]) -> Select[Any]:
    """Newest first, of the life that is followed."""
    table, lives = chain_approvals.c, chain_generations.c
    followed = select(lives.generation).where(lives.chain_id == chain_id, lives.ended.is_(None))
    query = select(chain_approvals).where(table.owner.in_(owners), table.generation.in_(followed))
    order = (table.block_number, table.transaction_index, table.log_index)
    return query.order_by(*(column.desc() for column in order)).limit(APPROVALS_MAX)


def read_transfer(row: Row[Any]) -> RecordedTransfer:
    return RecordedTransfer(
        position=Position(*(getattr(row, name) for name in _ORDER)),
        transaction_hash=row.transaction_hash,
        kind=Kind(row.kind),
        token=row.token,
        token_id=row.token_id,
        sender=row.sender,
        receiver=row.receiver,
        units=row.units,
        succeeded=bool(row.succeeded),
        archived=row.ended is not None,
    )


def read_approval(row: Row[Any]) -> RecordedApproval:
    return RecordedApproval(
        position=Position(row.timestamp, row.generation, row.block_number, row.transaction_index, row.log_index, 0),
        transaction_hash=row.transaction_hash,
        kind=Kind(row.kind),
        token=row.token,
        owner=row.owner,
        spender=row.spender,
        number=row.number,
    )
