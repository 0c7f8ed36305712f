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
        values, widths = _columns(rows)
        await conn.exec_driver_sql(_insert_arrays(table, names, widths), values)


async def update_rows(conn: AsyncConnection, table: Table, names: Names, rows: Rows) -> None:
    """Set the columns in the rows whose `id` comes last. Raises JournalBroken for one that is gone."""
    if not rows:
        return
    if conn.dialect.name == "postgresql":
        values, widths = _columns(rows)
        result = await conn.exec_driver_sql(_update_arrays(table, names, widths), values)
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


async def ids_in(conn: AsyncConnection, ids: Collection[int], tables: Sequence[Table]) -> set[int]:
    """On PostgreSQL: those of the 128-bit ids that one of the tables has."""
    values, (width,) = _columns([(value.to_bytes(16, "big"),) for value in ids])
    queries = (f"SELECT id FROM {table.name} WHERE id = ANY({_slices(1, width)})" for table in tables)  # noqa: S608  # our own names
    return {int.from_bytes(row[0], "big") for row in await conn.exec_driver_sql(" UNION ALL ".join(queries), values)}


async def pairs_where(
    conn: AsyncConnection, names: tuple[str, str], pairs: Collection[tuple[bytes, bytes]], condition: str
) -> set[tuple[bytes, bytes]]:
    """On PostgreSQL: those of the pairs that the condition holds for; it calls them `given` and their sides by name."""
    values, widths = _columns(list(pairs))
    arrays = ", ".join(
        _slices(place, width) if width else f"${place}::bytea[]" for place, width in enumerate(widths, 1)
    )
    given = f"unnest({arrays}) AS given ({', '.join(names)})"
    query = f"SELECT given.* FROM {given} WHERE {condition}"  # noqa: S608  # our own names
    found = (await conn.exec_driver_sql(query, values)).mappings()
    return {(row[names[0]], row[names[1]]) for row in found}


def _array_of(column: Column[Any], values: Collection[Any]) -> ColumnElement[Any]:
    """The values as one array; bytes of one width as one string of bytes, of which the server makes the array."""
    if isinstance(column.type, U128):
        values = [value.to_bytes(16, "big") for value in values]
    elif not isinstance(column.type, LargeBinary):
        return literal(list(values), ARRAY(column.type))
    if not (width := _width(values)):
        return literal(list(values), ARRAY(LargeBinary))
    joined, place = literal(b"".join(values)), func.generate_series(0, len(values) - 1).column_valued("place")
    each = select(func.substr(joined, place * width + 1, width)).order_by(place)
    return func.array(each.scalar_subquery(), type_=ARRAY(LargeBinary))


def _width(values: Collection[Any]) -> int:
    """The width that all have; 0 where these are no bytes, or of several widths, or none, or one is missing."""
    widths = {len(value) if isinstance(value, bytes) else 0 for value in values}
    return widths.pop() if len(widths) == 1 else 0


def _columns(rows: Rows) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """A value a column, and the columns' widths: bytes of one width joined, or a list where the width is 0."""
    columns = list(zip(*rows, strict=True))
    widths = tuple(map(_width, columns))
    values = (b"".join(one) if width else list(one) for one, width in zip(columns, widths, strict=True))
    return tuple(values), widths


@lru_cache
def _insert(table: Table, names: Names) -> str:
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608  # our own names


@lru_cache
def _insert_arrays(table: Table, names: Names, widths: tuple[int, ...]) -> str:
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM {_given(table, names, widths)}"  # noqa: S608  # our own names


@lru_cache
def _update(table: Table, names: Names) -> str:
    changes = ", ".join(f"{name} = ?" for name in names[:-1])
    return f"UPDATE {table.name} SET {changes} WHERE id = ?"  # noqa: S608  # our own names


@lru_cache
def _update_arrays(table: Table, names: Names, widths: tuple[int, ...]) -> str:
    changes = ", ".join(f"{name} = given.{name}" for name in names[:-1])
    given = _given(table, names, widths)
    return f"UPDATE {table.name} SET {changes} FROM {given} WHERE {table.name}.id = given.id"  # noqa: S608  # our own names


def _given(table: Table, names: Names, widths: tuple[int, ...]) -> str:
    arrays = (
        _slices(place, width) if width else f"${place}::{_array(table, name)}[]"
        for place, (name, width) in enumerate(zip(names, widths, strict=True), 1)
    )
    return f"unnest({', '.join(arrays)}) AS given ({', '.join(names)})"


def _slices(place: int, width: int) -> str:
    """The array of the slices of that width: for the driver one value, where an array's are looked at one by one."""
    joined = f"${place}::bytea"
    starts = f"generate_series(1, octet_length({joined}), {width})"
    return f"ARRAY(SELECT substr({joined}, start, {width}) FROM {starts} AS start ORDER BY start)"  # noqa: S608  # a number


def _array(table: Table, name: str) -> str:
    kind = table.c[name].type
    return "bigint" if isinstance(kind, BigInteger) else "text" if isinstance(kind, Text) else "bytea"
