"""Rows as the indexer writes them, and many of them at once: the driver's own means, no binding one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from asyncpg import IntegrityConstraintViolationError, PostgresError
from sqlalchemy import BigInteger, Table, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from chain.tables import chain_approvals, chain_blocks, chain_transfers

COPY_ROWS_MIN = 100


class TransferRow(NamedTuple):
    """Of chain_transfers, without its generation; addresses and hashes as bytes, amounts as 32 of them."""

    block_number: int
    transaction_index: int
    log_index: int
    part: int
    timestamp: int
    transaction_hash: bytes
    kind: int
    token: bytes | None
    token_id: bytes | None
    sender: bytes
    receiver: bytes
    units: bytes
    succeeded: int


class ApprovalRow(NamedTuple):
    """Of chain_approvals, likewise."""

    block_number: int
    transaction_index: int
    log_index: int
    timestamp: int
    transaction_hash: bytes
    kind: int
    token: bytes
    owner: bytes
    spender: bytes
    number: bytes


@dataclass(slots=True)
class Rows:
    """What was found in a stretch; from block `untraced_from` on inner moves may be missing (None: they are not)."""

    transfers: list[TransferRow] = field(default_factory=list)
    approvals: list[ApprovalRow] = field(default_factory=list)
    untraced_from: int | None = None

    @property
    def count(self) -> int:
        return len(self.transfers) + len(self.approvals)

    def add(self, later: Rows) -> None:
        """What was found in the blocks after these."""
        self.transfers += later.transfers
        self.approvals += later.approvals
        if self.untraced_from is None:
            self.untraced_from = later.untraced_from


async def insert_found(conn: AsyncConnection, generation: int, rows: Rows, *, fresh: bool) -> None:
    """`fresh`: none of it can be there yet. Otherwise what is there stays, as when both parties' stretches find it."""
    for table, names, found in (
        (chain_transfers, TransferRow._fields, rows.transfers),
        (chain_approvals, ApprovalRow._fields, rows.approvals),
    ):
        whole = [(generation, *row) for row in found]
        await _insert(conn, table, ("generation", *names), whole, fresh=fresh)


async def insert_blocks(conn: AsyncConnection, generation: int, hashes: Sequence[tuple[int, bytes]]) -> None:
    """Raises IntegrityError where one of them is there."""
    whole = [(generation, number, block_hash) for number, block_hash in hashes]
    await _insert(conn, chain_blocks, ("generation", "number", "hash"), whole, fresh=True)


async def _insert(
    conn: AsyncConnection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]], *, fresh: bool
) -> None:
    if not rows:
        return
    ending = "" if fresh else " ON CONFLICT DO NOTHING"
    into = f"INSERT INTO {table.name} ({', '.join(names)})"
    if conn.dialect.name != "postgresql":
        await conn.exec_driver_sql(f"{into} VALUES ({', '.join('?' * len(names))}){ending}", list(rows))
    elif fresh and len(rows) >= COPY_ROWS_MIN:
        await _copy(conn, table, names, rows)
    else:
        arrays = ", ".join(f"${place}::{_array(table, name)}[]" for place, name in enumerate(names, 1))
        columns = tuple(list(column) for column in zip(*rows, strict=True))
        await conn.exec_driver_sql(f"{into} SELECT * FROM unnest({arrays}){ending}", columns)  # noqa: S608  # our own names


async def _copy(conn: AsyncConnection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY in PostgreSQL's binary format, in the connection's transaction."""
    await conn.execute(text("SELECT 1"))  # the transaction begins with its first statement
    raw = await conn.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None and driver.is_in_transaction()
    try:
        await driver.copy_records_to_table(table.name, records=rows, columns=names)
    except PostgresError as error:
        kind = IntegrityError if isinstance(error, IntegrityConstraintViolationError) else DBAPIError
        raise kind(f"COPY {table.name}", None, error, connection_invalidated=driver.is_closed()) from error


def _array(table: Table, name: str) -> str:
    return "bigint" if isinstance(table.c[name].type, BigInteger) else "bytea"
