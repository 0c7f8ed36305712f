"""What the journal's tables tell: balances, entries, orders, keys, heads and records. Reads only.

Every function is given a connection, so that a caller reads several of them in one snapshot. Lists are bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.authority import Keys, SaltedText
from fiat.control import keys_at
from fiat.head import Balance
from fiat.holder import OPERATOR, Holder
from fiat.journal_store import account_row, holder_of, known_order, transfer_of
from fiat.journal_values import AccountRow, KnownOrder
from fiat.record import Kind, Record, decode, leaf_hash
from fiat.seal import Seal
from fiat.tables import accounts, holder_heads, holders, journal_head, keys, orders, pendings, records, seals, texts
from fiat.tables import transfers as transfers_table
from fiat.transfer import Resolution, Transfer

PAGE_MAX = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One account's side of a movement. `amount` in minor units; `balance` is that account's, booked, after it.

    `side` is debit (it left) or credit (it came). Holders have 32 bytes, zero for the operator. `order_nonce` is
    there when an order caused it. An expiry's `id` is the pending transfer's, and it moved nothing that was booked.
    """

    sequence: int
    timestamp: int
    kind: Kind
    id: int
    side: str
    account: int
    currency: str
    exponent: int
    amount: int
    code: int
    flags: int
    other_account: int
    other_holder: bytes
    order_holder: bytes | None
    order_nonce: bytes | None
    leg: int
    user_data_128: int
    booked: int
    available: int


async def last_sequence(conn: AsyncConnection) -> int:
    return int((await conn.execute(select(journal_head.c.sequence))).scalar_one())


async def record_body(conn: AsyncConnection, sequence: int) -> bytes | None:
    """The canonical bytes of one record."""
    return (await conn.execute(select(records.c.body).where(records.c.sequence == sequence))).scalar_one_or_none()


async def tail(conn: AsyncConnection, after_sequence: int, limit: int = PAGE_MAX) -> list[Record]:
    """Records after a sequence, in order."""
    query = select(records.c.body).where(records.c.sequence > after_sequence).order_by(records.c.sequence)
    return [decode(body) for body in (await conn.execute(query.limit(_bounded(limit)))).scalars()]


async def holder(conn: AsyncConnection, holder_id: bytes) -> Holder | None:
    row = (await conn.execute(select(holders).where(holders.c.id == holder_id))).mappings().one_or_none()
    return holder_of(row) if row is not None else None


async def holders_of_key(conn: AsyncConnection, key: bytes, now: int) -> list[bytes]:
    """Ids of the holders that a key (20 bytes: root or spending) may sign for at `now` (ns).

    Those come first whose root it is, then the oldest: anybody may add anybody's key to their own account.
    """
    query = select(keys.c.holder).where(keys.c.key == key).order_by(keys.c.sequence).limit(PAGE_MAX)
    candidates = list(dict.fromkeys((await conn.execute(query)).scalars()))
    found = [(holder_id, await keys_of(conn, holder_id, now)) for holder_id in candidates]
    known = [(holder_id, keys) for holder_id, keys in found if keys is not None and key in keys.signers]
    return [holder_id for holder_id, _ in sorted(known, key=lambda pair: pair[1].root != key)]


async def keys_of(conn: AsyncConnection, holder_id: bytes, now: int) -> Keys | None:
    """Who may sign for the holder at `now` (ns), as far as it is decided; None for an unknown holder."""
    current = await holder(conn, holder_id)
    return keys_at(current, now) if current is not None else None


async def leaves(conn: AsyncConnection, holder_id: bytes, since_count: int, limit: int = PAGE_MAX) -> list[bytes]:
    """Leaf hashes of the holder's records after their first `since_count`, oldest first."""
    query = select(records.c.body).join(holder_heads, holder_heads.c.sequence == records.c.sequence)
    query = query.where(holder_heads.c.holder == holder_id, holder_heads.c.count > since_count)
    query = query.order_by(holder_heads.c.count).limit(_bounded(limit))
    return [leaf_hash(body) for body in (await conn.execute(query)).scalars()]


async def account_rows(conn: AsyncConnection, holder_id: bytes) -> list[AccountRow]:
    """A holder's accounts (32 zero bytes: the operator's), by currency and purpose."""
    owner = accounts.c.holder.is_(None) if holder_id == OPERATOR else accounts.c.holder == holder_id
    query = select(accounts).where(owner).order_by(accounts.c.currency, accounts.c.purpose).limit(PAGE_MAX)
    return [account_row(row) for row in (await conn.execute(query)).mappings()]


async def account(conn: AsyncConnection, account_id: int) -> AccountRow | None:
    row = (await conn.execute(select(accounts).where(accounts.c.id == account_id))).mappings().one_or_none()
    return account_row(row) if row is not None else None


async def balances(conn: AsyncConnection, holder_id: bytes) -> list[Balance]:
    """The four balances of each of a holder's accounts, in minor units, by currency and purpose."""
    return [
        Balance(
            row.account.id,
            row.currency,
            row.exponent,
            row.account.debits_pending,
            row.account.debits_posted,
            row.account.credits_pending,
            row.account.credits_posted,
        )
        for row in await account_rows(conn, holder_id)
    ]


async def entries(
    conn: AsyncConnection, holder_id: bytes, limit: int = 50, before_sequence: int | None = None
) -> list[Entry]:
    """A holder's entries, newest first; those before a sequence. Both sides where they paid themselves."""
    query = select(transfers_table).join(holder_heads, holder_heads.c.sequence == transfers_table.c.sequence)
    query = query.where(holder_heads.c.holder == holder_id)
    if before_sequence is not None:
        query = query.where(transfers_table.c.sequence < before_sequence)
    query = query.order_by(holder_heads.c.count.desc()).limit(_bounded(limit))
    rows = (await conn.execute(query)).mappings().all()
    own = {row.account.id: row for row in await account_rows(conn, holder_id)}
    return [
        _entry(row, side, other, own[row[f"{side}_account_id"]])
        for row in rows
        for side, other in (("debit", "credit"), ("credit", "debit"))
        if row[f"{side}_holder"] == holder_id
    ]


def _entry(row: RowMapping, side: str, other: str, own: AccountRow) -> Entry:
    booked = row[f"{side}_credits_posted"] - row[f"{side}_debits_posted"]
    return Entry(
        sequence=row["sequence"],
        timestamp=row["timestamp"],
        kind=Kind(row["kind"]),
        id=row["id"] or row["pending_id"],
        side=side,
        account=own.account.id,
        currency=own.currency,
        exponent=own.exponent,
        amount=row["amount"],
        code=row["code"],
        flags=row["flags"],
        other_account=row[f"{other}_account_id"],
        other_holder=row[f"{other}_holder"] or OPERATOR,
        order_holder=row["order_holder"],
        order_nonce=row["order_nonce"],
        leg=row["leg"],
        user_data_128=row["user_data_128"],
        booked=booked,
        available=booked - row[f"{side}_debits_pending"],
    )


async def known_order_by_nonce(conn: AsyncConnection, holder_id: bytes, nonce: bytes) -> KnownOrder | None:
    """How a nonce was answered: its order's digest, and the sequence of leg 0 or the recorded refusal."""
    query = select(orders).where(orders.c.holder == holder_id, orders.c.nonce == nonce)
    row = (await conn.execute(query)).mappings().one_or_none()
    return known_order(row) if row is not None else None


async def order_record(conn: AsyncConnection, holder_id: bytes, nonce: bytes) -> Record | None:
    """The record that carries an accepted order: leg 0's, or the key record's."""
    query = select(records.c.body).join(orders, orders.c.sequence == records.c.sequence)
    query = query.where(orders.c.holder == holder_id, orders.c.nonce == nonce)
    body = (await conn.execute(query)).scalar_one_or_none()
    return decode(body) if body is not None else None


async def transfer(conn: AsyncConnection, transfer_id: int) -> tuple[int, Transfer, Resolution | None] | None:
    """A transfer's sequence, the transfer as it moved, and what became of it where it is pending."""
    query = select(transfers_table, pendings.c.resolution).outerjoin(pendings, pendings.c.id == transfers_table.c.id)
    row = (await conn.execute(query.where(transfers_table.c.id == transfer_id))).mappings().one_or_none()
    if row is None:
        return None
    resolution = Resolution(row["resolution"]) if row["resolution"] is not None else None
    return row["sequence"], transfer_of(row), resolution


async def texts_by_hash(conn: AsyncConnection, hashes: Iterable[bytes]) -> dict[bytes, SaltedText]:
    """Salts and texts of these hashes, as far as they were not erased."""
    wanted = list(set(hashes))[:PAGE_MAX]
    query = select(texts.c.hash, texts.c.salt, texts.c.text).where(texts.c.hash.in_(wanted))
    return {row.hash: SaltedText(row.salt, row.text) for row in await conn.execute(query)} if wanted else {}


async def seal_of(conn: AsyncConnection, sequence: int) -> tuple[Seal, list[bytes]] | None:
    """The seal over a record, and the bodies of all that it seals."""
    number = select(records.c.seal_number).where(records.c.sequence == sequence).scalar_subquery()
    row = (await conn.execute(select(seals).where(seals.c.number == number))).mappings().one_or_none()
    if row is None:
        return None
    return Seal(**row), list((await conn.execute(bodies_of(row["first_sequence"], row["size"]))).scalars())


def bodies_of(first_sequence: int, size: int) -> Select[Any]:
    """The bodies that a seal is over, in order: sequences have no gaps."""
    within = records.c.sequence.between(first_sequence, first_sequence + size - 1)
    return select(records.c.body).where(within).order_by(records.c.sequence)


async def latest_seal(conn: AsyncConnection) -> Seal:
    return Seal(**(await conn.execute(_newest_seal())).mappings().one())


def _newest_seal() -> Select[Any]:
    return select(seals).where(seals.c.number == select(func.max(seals.c.number)).scalar_subquery())


def _bounded(limit: int) -> int:
    return max(1, min(limit, PAGE_MAX))
