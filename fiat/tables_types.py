"""The column types of the journal's tables: they compile to INTEGER, BLOB and TEXT; STRICT refuses every other name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Dialect, LargeBinary, TypeDecorator
from sqlalchemy.dialects import sqlite

Integer64 = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


class U128(TypeDecorator[int]):
    """An unsigned 128-bit integer as 16 bytes, big-endian, so that bytes sort as numbers do."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> bytes | None:
        return None if value is None else value.to_bytes(16, "big")

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int.from_bytes(value, "big")
