"""How a journal begins: its first record and seal, written once, whoever comes first."""

from __future__ import annotations

import os

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from fiat import history
from fiat.errors import JournalBroken
from fiat.journal_engine import require_durable, writing
from fiat.journal_store import insert_genesis, read_head
from fiat.journal_values import JournalHead
from fiat.order import ZERO_32
from fiat.record import GenesisRecord, decode, leaf_hash, ledger_id
from fiat.seal import MerkleTree, seal_batch
from fiat.signature import OperatorKey


async def open_genesis(engine: AsyncEngine, key: OperatorKey, now: int) -> tuple[bytes, int]:
    """Record 0's bytes, written at `now` (ns) when the tables are empty, and the last sequence.

    Raises JournalBroken when the genesis pins another operator key, and JournalUnsafe on a server that may lose what
    it acknowledged.
    """
    async with engine.connect() as conn:
        await require_durable(conn)
        head = await read_head(conn)
    if head is None:
        await _write_genesis(engine, key, now)
    async with engine.connect() as conn:
        genesis = await history.record_body(conn, 0)
        current = await read_head(conn)
    if genesis is None or not isinstance(record := decode(genesis), GenesisRecord):
        raise JournalBroken(0, "has no genesis record")
    if record.operator != key.address:
        raise JournalBroken(0, "the genesis record names another operator key")
    return genesis, current.sequence if current is not None else 0


async def _write_genesis(engine: AsyncEngine, key: OperatorKey, now: int) -> None:
    """Record 0 and seal 0. Where another process is first, theirs stands."""
    record = GenesisRecord(sequence=0, timestamp=now, operator=key.address, random=os.urandom(32))
    body = record.encode()
    ledger = ledger_id(body)
    leaves = [leaf_hash(body)]
    seal = seal_batch(key, ledger, number=0, previous=ZERO_32, first_sequence=0, tree=MerkleTree(leaves), timestamp=now)
    head = JournalHead(0, 0, now, 0, seal.digest(ledger), os.urandom(16))
    try:
        async with writing(engine).begin() as conn:
            if await read_head(conn) is None:
                await insert_genesis(conn, seal, body, head)
    except IntegrityError:
        return
