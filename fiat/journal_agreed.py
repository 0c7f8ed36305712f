"""What the committer loads of the holds and mandates that a batch is about: their orders, and how far they were used.

Set-based like the journal's other statements. A hold's legs are few and all come; of a mandate come the number of its
legs and what its last period has collected.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.chart import SourceKind
from fiat.journal_cache import Cache, Wanted
from fiat.journal_store import transfer_of
from fiat.order import LedgerHold, LedgerMandate
from fiat.record import KeyAction, TransferRecord, decode
from fiat.tables import AGREED_LEGS, keys, orders, pendings, records, transfers
from fiat.transfer import Resolution, Transfer
from fiat.uses import HoldUses, MandateUses

Key = tuple[bytes, bytes]
"""An order's holder and nonce."""


async def load_uses(conn: AsyncConnection, cache: Cache, wanted: Wanted) -> None:
    """Bring the wanted holds and mandates into the cache, and make their parties wanted. Others stay unknown."""
    if not wanted.uses:
        return
    found = await read_agreed(conn, wanted.uses)
    for key, record in found.items():
        wanted.holders.add(key[0])
        wanted.accounts.update((record.debit_account_id, record.credit_account_id))
    hold_keys = [key for key, record in found.items() if isinstance(_order(record), LedgerHold)]
    for key, uses in (await read_holds(conn, {key: found[key] for key in hold_keys})).items():
        cache.uses[key] = uses
        cache.transfers.update((leg.id, leg) for leg in uses.legs)
        cache.resolutions[uses.current.id] = uses.state
    cache.uses.update(await read_mandates(conn, {key: found[key] for key in found.keys() - set(hold_keys)}))
    ids = list(wanted.use_sources)
    query = select(transfers).where(transfers.c.source_kind == int(SourceKind.USE), transfers.c.source_id.in_(ids))
    for row in (await conn.execute(query)).mappings():
        cache.used[row["source_id"]] = row["sequence"], transfer_of(row)


async def read_agreed(conn: AsyncConnection, wanted: Collection[Key]) -> dict[Key, TransferRecord]:
    """Leg 0's records of those of these orders that are holds or mandates."""
    query = select(records.c.body).join(orders, orders.c.sequence == records.c.sequence)
    query = query.where(_among(orders.c.holder, orders.c.nonce, wanted))
    found = {}
    for body in (await conn.execute(query.where(orders.c.type.in_((LedgerHold.CODE, LedgerMandate.CODE))))).scalars():
        record = decode(body)
        assert isinstance(record, TransferRecord), "leg 0 is a transfer"
        order = _order(record)
        found[order.holder, order.nonce] = record
    return found


async def read_holds(conn: AsyncConnection, agreed: dict[Key, TransferRecord]) -> dict[Key, HoldUses]:
    """How far these holds were used. `state` is what became of the last reservation."""
    if not agreed:
        return {}
    query = select(transfers, pendings.c.resolution).outerjoin(pendings, pendings.c.id == transfers.c.id)
    query = query.where(legs_and_uses(agreed)).order_by(transfers.c.leg)
    rows: dict[Key, list[Any]] = {key: [] for key in agreed}
    for row in (await conn.execute(query)).mappings():
        rows[row["order_holder"], row["order_nonce"]].append(row)
    found = {}
    for key, legs in rows.items():
        order = _order(agreed[key])
        assert isinstance(order, LedgerHold), "asked for as a hold"
        state = [Resolution(row["resolution"]) for row in legs if row["resolution"] is not None][-1]
        sequences = tuple(row["sequence"] for row in legs)
        found[key] = HoldUses(order, tuple(transfer_of(row) for row in legs), sequences, state)
    return found


async def read_mandates(conn: AsyncConnection, agreed: dict[Key, TransferRecord]) -> dict[Key, MandateUses]:
    """How far these mandates were used, and which are revoked."""
    if not agreed:
        return {}
    revoked = select(keys.c.holder, keys.c.subject).where(keys.c.action == int(KeyAction.MANDATE_REVOKE))
    revoked = revoked.where(_among(keys.c.holder, keys.c.subject, agreed))
    gone = {(holder, subject) for holder, subject in await conn.execute(revoked)}
    found = {}
    for holder, nonce, last_leg, period, collected in await conn.execute(_last_periods(agreed)):
        record = agreed[holder, nonce]
        order = _order(record)
        assert isinstance(order, LedgerMandate), "asked for as a mandate"
        first = Transfer(**{name: getattr(record, name) for name in Transfer._fields})
        over = (holder, nonce) in gone
        found[holder, nonce] = MandateUses(order, first, record.sequence, last_leg + 1, period, int(collected), over)
    return found


def _last_periods(agreed: Collection[Key]) -> Select[Any]:
    """Of each mandate: holder, nonce, its last leg, its last period with a collection, what that period collected."""
    holder, nonce = transfers.c.order_holder, transfers.c.order_nonce
    last = select(holder, nonce, func.max(transfers.c.leg).label("leg"), func.max(transfers.c.user_data_64).label("k"))
    last = last.where(legs_and_uses(agreed)).group_by(holder, nonce)
    of = last.subquery()
    query = select(of.c.order_holder, of.c.order_nonce, of.c.leg, of.c.k, func.sum(transfers.c.amount))
    same = (holder == of.c.order_holder) & (nonce == of.c.order_nonce) & (transfers.c.user_data_64 == of.c.k)
    same &= text(AGREED_LEGS)
    return query.join(transfers, same).group_by(of.c.order_holder, of.c.order_nonce, of.c.leg, of.c.k)


def _order(record: TransferRecord) -> LedgerHold | LedgerMandate:
    assert record.order is not None and isinstance(record.order.order, (LedgerHold, LedgerMandate)), "leg 0 carries it"
    return record.order.order


def legs_and_uses(wanted: Collection[Key]) -> ColumnElement[bool]:
    """The rows of these holds or mandates: their legs and what was taken under them."""
    # Word for word the condition of their partial index, which PostgreSQL and SQLite then use.
    return and_(text(AGREED_LEGS), _among(transfers.c.order_holder, transfers.c.order_nonce, wanted))


def _among(holder: ColumnElement[Any], other: ColumnElement[Any], wanted: Collection[Key]) -> ColumnElement[bool]:
    return tuple_(holder, other).in_(list(wanted))
