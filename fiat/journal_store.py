"""The journal's statements: what the committer loads before a batch, and how a batch is written.

Only `journal` calls this. Everything is set-based: one statement a table, however many transfers wait.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    delete,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.holder import OPERATOR, Holder
from fiat.journal_batch import Batch
from fiat.journal_bulk import ids_in, insert_named, insert_rows, one_of, pair_of, pairs_where, update_named, update_rows
from fiat.journal_cache import Cache, Wanted
from fiat.journal_officers import load_entries, load_officers, load_totals, write_officers, write_totals
from fiat.journal_rows import (
    HEAD_COLUMNS,
    HOLDER_COLUMNS,
    ORDER_COLUMNS,
    RECORD_COLUMNS,
    TRANSFER_COLUMNS,
)
from fiat.journal_values import AccountRow, JournalHead, KnownOrder
from fiat.seal import Seal
from fiat.tables import (
    accounts,
    burnt_ids,
    holder_heads,
    holders,
    journal_head,
    keys,
    orders,
    pendings,
    records,
    seals,
    texts,
    transfers,
)
from fiat.transfer import Account, Resolution, Transfer, TransferStatus

DUE_MAX = 1000
"""Pending transfers released before one batch; the rest before the next."""

_TRANSFER_FIELDS = Transfer._fields
_ACCOUNT_FIELDS = Account._fields
_CLOCK_US: ColumnElement[int] = literal_column("(extract(epoch from clock_timestamp()) * 1000000)::bigint")


RECENT_HEADS = 1000
"""Of a holder's heads, how many are looked through while a batch waits; for one before them the caller looks alone."""
_IS_ORDERED = "EXISTS (SELECT FROM orders WHERE orders.holder = given.holder AND orders.nonce = given.nonce)"
_IS_RECENT = """EXISTS (SELECT FROM (SELECT head FROM holder_heads WHERE holder_heads.holder = given.holder
    ORDER BY count DESC LIMIT {}) AS recent WHERE recent.head = given.head)"""


class HeadMoved(Exception):
    """Another writer was first; nothing was written."""


async def read_head(conn: AsyncConnection, *, lock: bool = False) -> JournalHead | None:
    """Where the journal stands; None before its genesis. `lock` keeps other writers out until the transaction ends."""
    query = select(*(journal_head.c[name] for name in JournalHead._fields))
    row = (await conn.execute(query.with_for_update() if lock else query)).one_or_none()
    return JournalHead(*row) if row is not None else None


async def load(conn: AsyncConnection, cache: Cache, wanted: Wanted) -> None:
    """Bring what is wanted into the cache, from the snapshot that `conn` reads."""
    found = await _load_transfers(conn, cache, wanted.transfers - {0})
    wanted.accounts.update(i for t in found for i in (t.debit_account_id, t.credit_account_id))
    # Not `wanted - known.keys()`, which walks over all that is known.
    missing = {i for i in wanted.accounts if i and i not in cache.accounts}
    if missing:
        for row in (await conn.execute(select(accounts).where(one_of(conn, accounts.c.id, missing)))).mappings():
            cache.accounts[row["id"]] = account_row(row)
    owners = {known.holder for i in wanted.accounts if (known := cache.accounts.get(i)) is not None}
    owners |= wanted.holders
    absent = {i for i in owners if i != OPERATOR and i not in cache.holders}
    if absent:
        for row in (await conn.execute(select(holders).where(one_of(conn, holders.c.id, absent)))).mappings():
            cache.holders[row["id"]] = holder_of(row)
    cache.use(wanted.accounts, owners)
    if cache.totals is None:
        await load_totals(conn, cache)
    if wanted.officers:
        await load_officers(conn, cache)
    if wanted.entries:
        await load_entries(conn, cache, wanted.entries)
    if wanted.orders:
        await _load_orders(conn, cache, wanted.orders)
    if wanted.seen:
        cache.seen |= await _recent_heads(conn, wanted.seen)
    if wanted.ordered:
        query = select(orders.c.holder).where(orders.c.holder.in_(wanted.ordered), orders.c.sequence.is_not(None))
        cache.ordered.update((await conn.execute(query.distinct())).scalars())
    if wanted.sources:
        of_kind, of_source = transfers.c.source_kind, transfers.c.source_id
        query = select(of_kind, of_source, transfers.c.id).where(pair_of(conn, of_kind, of_source, wanted.sources))
        cache.sources.update({(kind, source): i for kind, source, i in (await conn.execute(query))})


async def load_due(conn: AsyncConnection, cache: Cache, timestamp: int) -> tuple[list[Transfer], int | None]:
    """Pending transfers that are due at `timestamp` (ns), in order, and the instant when the next one is."""
    unresolved = pendings.c.resolution == int(Resolution.PENDING)
    query = select(transfers, pendings.c.expires_at).join_from(
        pendings, transfers, pendings.c.sequence == transfers.c.sequence
    )
    query = query.where(unresolved, pendings.c.expires_at.is_not(None))
    query = query.order_by(pendings.c.expires_at, transfers.c.timestamp).limit(DUE_MAX + 1)
    rows = (await conn.execute(query)).mappings().all()
    due = [transfer_of(row) for row in rows[:DUE_MAX] if row["expires_at"] <= timestamp]
    for transfer in due:
        cache.transfers[transfer.id] = transfer
        cache.resolutions[transfer.id] = Resolution.PENDING
    later = rows[len(due) :]
    return due, later[0]["expires_at"] if later else None


async def _load_transfers(conn: AsyncConnection, cache: Cache, ids: set[int]) -> list[Transfer]:
    if ids and conn.dialect.name == "postgresql":
        ids = await ids_in(conn, ids, (transfers, burnt_ids))  # hardly ever any: then there is nothing more to ask
    if not ids:
        return []
    query = select(transfers, pendings.c.resolution).outerjoin(pendings, pendings.c.id == transfers.c.id)
    found = []
    for row in (await conn.execute(query.where(one_of(conn, transfers.c.id, ids)))).mappings():
        transfer = transfer_of(row)
        found.append(transfer)
        cache.transfers[transfer.id] = transfer
        if row["resolution"] is not None:
            cache.resolutions[transfer.id] = Resolution(row["resolution"])
    absent = ids - cache.transfers.keys()
    if absent:
        burnt = select(burnt_ids.c.id).where(one_of(conn, burnt_ids.c.id, absent))
        cache.burnt_ids.update((await conn.execute(burnt)).scalars())
    # A post or void that exists is compared with its pending transfer, which it may name alone.
    further = {t.pending_id for t in found if t.pending_id} - cache.transfers.keys()
    return found + (await _load_transfers(conn, cache, further) if further else [])


async def _load_orders(conn: AsyncConnection, cache: Cache, wanted: set[tuple[bytes, bytes]]) -> None:
    if conn.dialect.name == "postgresql":
        wanted = await pairs_where(conn, ("holder", "nonce"), wanted, _IS_ORDERED)
        if not wanted:
            return
    query = select(orders).where(pair_of(conn, orders.c.holder, orders.c.nonce, wanted))
    for row in (await conn.execute(query)).mappings():
        cache.orders[row["holder"], row["nonce"]] = known_order(row)


async def _recent_heads(conn: AsyncConnection, wanted: set[tuple[bytes, bytes]]) -> set[tuple[bytes, bytes]]:
    """Those of the pairs (holder, head) whose head is among the holder's last ones."""
    if conn.dialect.name == "postgresql":
        return await pairs_where(conn, ("holder", "head"), wanted, _IS_RECENT.format(RECENT_HEADS))
    return {pair for pair in wanted if await was_head(conn, *pair, RECENT_HEADS)}


async def was_head(conn: AsyncConnection, holder_id: bytes, head: bytes, newest: int | None = None) -> bool:
    """Did the holder ever have that head, or among the newest of them? Newest first, so that most are found at once."""
    of_holder = select(holder_heads.c.head).where(holder_heads.c.holder == holder_id)
    recent = of_holder.order_by(holder_heads.c.count.desc()).limit(newest).subquery()
    return (await conn.execute(select(recent.c.head).where(recent.c.head == head).limit(1))).one_or_none() is not None


def known_order(row: RowMapping) -> KnownOrder:
    return KnownOrder(row["digest"], row["sequence"], TransferStatus(row["status"] or 0))


def account_row(row: RowMapping) -> AccountRow:
    account = Account(**{name: row[name] for name in _ACCOUNT_FIELDS})
    holder = row["holder"] if row["holder"] is not None else OPERATOR
    return AccountRow(account, row["version"], holder, row["currency"], row["exponent"], row["purpose"])


def holder_of(row: RowMapping) -> Holder:
    return Holder(**{name: row[name] for name in Holder._fields} | {"frozen": bool(row["frozen"])})


def transfer_of(row: RowMapping) -> Transfer:
    """The machine's transfer of a wide row (not of an expiry's)."""
    return Transfer(
        **{name: row[name] for name in _TRANSFER_FIELDS if name != "pending_id"}
        | {"pending_id": row["pending_id"] or 0}
    )


async def swap_head(conn: AsyncConnection, old: JournalHead, new: JournalHead) -> int | None:
    """Move the head, if nobody did. Returns the database's clock (Unix µs) on PostgreSQL. Raises HeadMoved."""
    statement = update(journal_head).where(journal_head.c.one == 1, journal_head.c.version == old.version)
    statement = statement.values(**new._asdict())
    is_sqlite = conn.dialect.name == "sqlite"
    answer = await conn.execute(statement.returning(journal_head.c.version if is_sqlite else _CLOCK_US))
    row = answer.one_or_none()
    if row is None:
        raise HeadMoved
    return None if is_sqlite else int(row[0])


async def write(conn: AsyncConnection, batch: Batch, seal: Seal | None) -> None:
    """Insert the batch's rows and apply its balances, in the order that the foreign keys ask for."""
    rows = batch.rows
    account_inserts, account_names, account_updates = batch.account_rows()
    holder_inserts, holder_updates, key_updates = batch.holder_rows()
    if seal is not None:
        await insert_seal(conn, seal)
        await insert_rows(conn, records, RECORD_COLUMNS, batch.records)
    await insert_named(conn, holders, holder_inserts)
    await insert_named(conn, accounts, account_inserts)
    await insert_rows(conn, orders, ORDER_COLUMNS, batch.order_rows)
    await insert_rows(conn, transfers, TRANSFER_COLUMNS, batch.transfers)
    await update_rows(conn, accounts, account_names, account_updates)
    await insert_named(conn, pendings, rows["pendings"])
    await update_named(conn, pendings, rows["resolved"])
    await update_rows(conn, holders, HOLDER_COLUMNS, holder_updates)
    await update_named(conn, holders, key_updates)
    await insert_rows(conn, holder_heads, HEAD_COLUMNS, batch.heads)
    await insert_named(conn, keys, rows["keys"])
    await insert_named(conn, burnt_ids, rows["burnt"])
    await write_totals(conn, batch.totals, batch.counters)
    await write_officers(conn, rows["operator_records"], rows["officer_changes"])
    if rows["texts"]:
        statement = "INSERT INTO texts (hash, salt, text) VALUES (:hash, :salt, :text) ON CONFLICT (hash) DO NOTHING"
        await conn.execute(text(statement), rows["texts"])


async def forget_dead(conn: AsyncConnection, now: int) -> None:
    """Delete recorded refusals, and the ids they burnt, of orders that were dead a minute before `now` (Unix s)."""
    for table in (orders, burnt_ids):
        await conn.execute(delete(table).where(table.c.dead_at < now - 60))


async def erase(conn: AsyncConnection, hashes: Sequence[bytes]) -> None:
    """Delete texts and their salts; the orders that carry the hashes stay provable."""
    await conn.execute(delete(texts).where(texts.c.hash.in_(hashes)))


async def insert_seal(conn: AsyncConnection, seal: Seal) -> None:
    await insert_named(conn, seals, [{name: getattr(seal, name) for name in Seal.__dataclass_fields__}])


async def insert_genesis(conn: AsyncConnection, seal: Seal, body: bytes, head: JournalHead) -> None:
    """The first record, its seal and the head; a second writer meets their keys."""
    await insert_seal(conn, seal)
    row = {"sequence": 0, "kind": 0, "timestamp": head.timestamp, "seal_number": 0, "body": body}
    await insert_named(conn, records, [row])
    await insert_named(conn, journal_head, [head._asdict() | {"one": 1}])
