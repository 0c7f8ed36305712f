"""The indexer's tables, on SQLite (STRICT) and PostgreSQL. Core only; nothing here reads or writes.

Amounts are 32 bytes, big endian: no database does arithmetic on them. A generation is one life of a chain, or what was
cut off from one: when a test chain is restarted or set back, what was recorded stays under a generation that ended.
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
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
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


def _units(name: str, **options: Any) -> Column[int]:
    return Column(name, U256(), **({"nullable": False} | options))


def _address(name: str, **options: Any) -> Column[Address]:
    return Column(name, RawAddress(), **({"nullable": False} | options))


def _lengths(table: str, **lengths: int) -> list[CheckConstraint]:
    return [CheckConstraint(f"length({name}) = {n}", name=f"{table}_{name}_length") for name, n in lengths.items()]


def _table(name: str, *items: Any) -> Table:
    return Table(name, metadata, *items, sqlite_strict=True)


_FOLLOWED = text("ended IS NULL")

# `ended` is NULL for the one life of a chain that is followed; else why it is over: `restart` (another chain answered),
# `revert` (the chain was set back, or reorganised below what was final), `reorg`. The last two were cut off from
# `parent` above `cut_height`. From `untraced_from` on the node could not tell what moves inside contract calls.
chain_generations = _table(
    "chain_generations",
    _key("generation"),
    _integer("chain_id"),
    _bytes("genesis_hash"),
    Column("ended", Text, nullable=True),
    _integer("parent", nullable=True),
    _integer("cut_height", nullable=True),
    _integer("untraced_from", nullable=True),
    CheckConstraint("ended IN ('restart', 'revert', 'reorg')", name="chain_generations_ended_word"),
    Index("chain_generations_followed", "chain_id", unique=True, sqlite_where=_FOLLOWED, postgresql_where=_FOLLOWED),
    *_lengths("chain_generations", genesis_hash=32),
)

chain_blocks = _table(
    "chain_blocks",
    _key("generation"),
    _key("number"),
    _bytes("hash"),
    *_lengths("chain_blocks", hash=32),
)

# `role` 0 is an account, whose own moves are recorded; 1 a contract, all of whose events are. Blocks from
# `backfill_next` to before `backfill_until` are still to be searched for it; everything from `backfill_until` on is
# searched as it comes. NULL: the indexer has not noticed it yet.
chain_watches = _table(
    "chain_watches",
    _key("chain_id"),
    _address("address", primary_key=True),
    _key("role"),
    _integer("backfill_next"),
    _integer("backfill_until", nullable=True),
    CheckConstraint("role IN (0, 1)", name="chain_watches_role_known"),
    *_lengths("chain_watches", address=20),
)

chain_transfers = _table(
    "chain_transfers",
    _key("generation"),
    _key("block_number"),
    _key("transaction_index"),
    _key("log_index"),  # -1 where no log tells it: the chain's own coin, or a token move that failed
    _key("part"),  # within a log of several, or of a transaction's inner calls
    _integer("timestamp"),
    _bytes("transaction_hash"),
    _integer("kind"),
    _address("token", nullable=True),  # NULL: the chain's own coin
    _units("token_id", nullable=True),
    _address("sender"),
    _address("receiver"),
    _units("units"),
    _integer("succeeded"),
    CheckConstraint("succeeded IN (0, 1)", name="chain_transfers_succeeded_flag"),
    UniqueConstraint("generation", "transaction_hash", "log_index", "part", name="chain_transfers_once"),
    Index("chain_transfers_by_sender", "sender", "timestamp"),
    Index("chain_transfers_by_receiver", "receiver", "timestamp"),
    *_lengths("chain_transfers", transaction_hash=32, sender=20, receiver=20, units=32),
)

# `number` is an allowance (ERC-20), a piece's id (ERC-721), or 1 and 0 for everything of a collection.
chain_approvals = _table(
    "chain_approvals",
    _key("generation"),
    _key("block_number"),
    _key("transaction_index"),
    _key("log_index"),
    _integer("timestamp"),
    _bytes("transaction_hash"),
    _integer("kind"),
    _address("token"),
    _address("owner"),
    _address("spender"),
    _units("number"),
    Index("chain_approvals_by_owner", "owner", "generation"),
    *_lengths("chain_approvals", transaction_hash=32, token=20, owner=20, spender=20, number=32),
)
