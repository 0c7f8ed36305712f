"""Many rows at once: a statement a table, however many rows. Knows columns and their types, no rule and no table.

SQLAlchemy's own insertmany and executemany bind every value in Python one by one, which costs more than the whole
decision. Here PostgreSQL is given an array a column, which `unnest` makes rows of, or a COPY where rows are many, and
SQLite positions for the driver's executemany: the driver's own means on the connection, inside its transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from asyncpg import IntegrityConstraintViolationError, PostgresError
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    LargeBinary,
    Table,
    Text,
    and_,
    any_,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.errors import JournalBroken
from fiat.tables_types import U128

COPY_ROWS_MIN = 100
"""From this many rows on COPY is cheaper than arrays, whose elements the driver looks at one by one."""

Names = tuple[str, ...]
Rows = Sequence[tuple[Any, ...]]


async def insert_rows(conn: AsyncConnection, table: Table, names: Names, rows: Rows) -> None:
    """Insert rows of what the driver takes: a value a column, 128-bit integers as their 16 bytes."""
    if not rows:
        return
    if conn.dialect.name != "postgresql":
        await conn.exec_driver_sql(_insert(table, names), list(rows))
    elif len(rows) >= COPY_ROWS_MIN:
        await _copy(conn, table, names, rows)
    else:
        await conn.exec_driver_sql(_insert_arrays(table, names), _columns(rows))


async def update_rows(conn: AsyncConnection, table: Table, names: Names, rows: Rows) -> None:
    """Set the columns in the rows whose `id` comes last. Raises JournalBroken for one that is gone."""
    if not rows:
        return
    if conn.dialect.name == "postgresql":
        result = await conn.exec_driver_sql(_update_arrays(table, names), _columns(rows))
    else:
        result = await conn.exec_driver_sql(_update(table, names), list(rows))
    if result.rowcount != len(rows):
        raise JournalBroken(0, f"{len(rows) - result.rowcount} rows of {table.name} are gone")


async def insert_named(conn: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that all name the same columns, with the columns' own values."""
    if rows:
        await insert_rows(conn, table, tuple(rows[0]), _of_named(table, tuple(rows[0]), rows))


async def update_named(conn: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Set the columns that the rows name; each names its own by `id`."""
    if rows:
        names = (*(name for name in rows[0] if name != "id"), "id")
        await update_rows(conn, table, names, _of_named(table, names, rows))


def _of_named(table: Table, names: Names, rows: Sequence[dict[str, Any]]) -> Rows:
    wide = [isinstance(table.c[name].type, U128) for name in names]
    return [
        tuple(
            row[name].to_bytes(16, "big") if is_wide and row[name] is not None else row[name]
            for name, is_wide in zip(names, wide, strict=True)
        )
        for row in rows
    ]


async def _copy(conn: AsyncConnection, table: Table, names: Names, rows: Rows) -> None:
    """COPY in PostgreSQL's binary format, in the transaction that a statement before has begun."""
    raw = await conn.get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None and driver.is_in_transaction(), "a batch writes its head first"
    try:
        await driver.copy_records_to_table(table.name, records=rows, columns=names)
    except PostgresError as error:
        kind = IntegrityError if isinstance(error, IntegrityConstraintViolationError) else DBAPIError
        raise kind(f"COPY {table.name}", None, error, connection_invalidated=driver.is_closed()) from error


def one_of(conn: AsyncConnection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """The column is one of the values: on PostgreSQL one array instead of a list to parse."""
    return column == any_(_array_of(column, values)) if conn.dialect.name == "postgresql" else column.in_(values)


def pair_of(
    conn: AsyncConnection, one: Column[Any], other: Column[Any], pairs: Collection[tuple[Any, Any]]
) -> ColumnElement[bool]:
    """The two columns are one of the pairs."""
    if conn.dialect.name != "postgresql":
        return tuple_(one, other).in_(pairs)
    sides = zip((one, other), zip(*pairs, strict=True), strict=True)
    arrays = [_array_of(column, side) for column, side in sides]
    given = func.unnest(*arrays).table_valued("one", "other").render_derived(name="given")
    return select(given.c.one).where(and_(given.c.one == one, given.c.other == other)).exists()


def _array_of(column: Column[Any], values: Collection[Any]) -> ColumnElement[Any]:
    """The values as one array; 128-bit integers as bytes at once, where a column's type would convert one by one."""
    if isinstance(column.type, U128):
        return literal([value.to_bytes(16, "big") for value in values], ARRAY(LargeBinary))
    return literal(list(values), ARRAY(column.type))


def _columns(rows: Rows) -> tuple[list[Any], ...]:
    """A list a column."""
    return tuple(list(column) for column in zip(*rows, strict=True))


@lru_cache
def _insert(table: Table, names: Names) -> str:
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608  # our own names


@lru_cache
def _insert_arrays(table: Table, names: Names) -> str:
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM {_given(table, names)}"  # noqa: S608  # our own names


@lru_cache
def _update(table: Table, names: Names) -> str:
    changes = ", ".join(f"{name} = ?" for name in names[:-1])
    return f"UPDATE {table.name} SET {changes} WHERE id = ?"  # noqa: S608  # our own names


@lru_cache
def _update_arrays(table: Table, names: Names) -> str:
    changes = ", ".join(f"{name} = given.{name}" for name in names[:-1])
    return f"UPDATE {table.name} SET {changes} FROM {_given(table, names)} WHERE {table.name}.id = given.id"  # noqa: S608  # our own names


def _given(table: Table, names: Names) -> str:
    arrays = ", ".join(f"${place}::{_array(table, name)}[]" for place, name in enumerate(names, 1))
    return f"unnest({arrays}) AS given ({', '.join(names)})"


def _array(table: Table, name: str) -> str:
    kind = table.c[name].type
    return "bigint" if isinstance(kind, BigInteger) else "text" if isinstance(kind, Text) else "bytea"
