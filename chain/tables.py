"""The indexer's tables, on SQLite (STRICT) and PostgreSQL. Core only; nothing here reads or writes.

Amounts are 32 bytes, big endian: no database does arithmetic on them. A generation is one life of a chain: when a test
chain is restarted, a new one begins and what was recorded stays under the old one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    Index,
    LargeBinary,
    MetaData,
    Table,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects import sqlite

from chain.address import Address

metadata = MetaData()

Integer64 = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


class U256(TypeDecorator[int]):
    """An unsigned 256-bit integer as 32 bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> bytes | None:
        return None if value is None else value.to_bytes(32, "big")

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int.from_bytes(value, "big")


class RawAddress(TypeDecorator[Address]):
    """An address as its 20 bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Address | None, dialect: Dialect) -> bytes | None:
        return None if value is None else value.raw

    def process_result_value(self, value: Any, dialect: Dialect) -> Address | None:
        return None if value is None else Address.from_bytes(value)


def _integer(name: str, **options: Any) -> Column[int]:
    return Column(name, Integer64, **({"nullable": False} | options))


def _key(name: str) -> Column[int]:
    return _integer(name, primary_key=True, autoincrement=False)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _address(name: str, **options: Any) -> Column[Address]:
    return Column(name, RawAddress(), **({"nullable": False} | options))


def _lengths(table: str, **lengths: int) -> list[CheckConstraint]:
    return [CheckConstraint(f"length({name}) = {n}", name=f"{table}_{name}_length") for name, n in lengths.items()]


def _table(name: str, *items: Any) -> Table:
    return Table(name, metadata, *items, sqlite_strict=True)


chain_generations = _table(
    "chain_generations",
    _key("generation"),
    _integer("chain_id"),
    _bytes("genesis_hash"),
    *_lengths("chain_generations", genesis_hash=32),
)

chain_blocks = _table(
    "chain_blocks",
    _key("generation"),
    _key("number"),
    _bytes("hash"),
    *_lengths("chain_blocks", hash=32),
)

# Blocks from `backfill_next` to before `backfill_until` are still to be searched for this address; everything from
# `backfill_until` on is searched as it comes. NULL: the indexer has not noticed the address yet.
chain_addresses = _table(
    "chain_addresses",
    _address("address", primary_key=True),
    _integer("backfill_next"),
    _integer("backfill_until", nullable=True),
    *_lengths("chain_addresses", address=20),
)

chain_transfers = _table(
    "chain_transfers",
    _key("generation"),
    _key("block_number"),
    _key("transaction_index"),
    _key("log_index"),  # -1 where the transaction itself moves: the chain's own coin, or a token move that failed
    _integer("timestamp"),
    _bytes("transaction_hash"),
    _address("token", nullable=True),  # NULL: the chain's own coin
    _address("sender"),
    _address("receiver"),
    Column("units", U256(), nullable=False),
    _integer("succeeded"),
    CheckConstraint("succeeded IN (0, 1)", name="chain_transfers_succeeded_flag"),
    UniqueConstraint("generation", "transaction_hash", "log_index", name="chain_transfers_once"),
    Index("chain_transfers_by_sender", "sender", "generation", "block_number"),
    Index("chain_transfers_by_receiver", "receiver", "generation", "block_number"),
    *_lengths("chain_transfers", transaction_hash=32, sender=20, receiver=20, units=32),
)
