"""What holds and mandates tell: who promised what to whom, what was taken, what is left. Reads only.

A holder reads those that they signed and those in their favour, newest first by the sequence of leg 0. They are told
as of `now` (ns), or of the journal's last record.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select, text, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.chart import TransferCode
from fiat.journal_agreed import Key, legs_and_uses, read_agreed, read_holds, read_mandates
from fiat.order import LedgerHold, LedgerMandate
from fiat.record import KeyAction, TransferRecord
from fiat.tables import journal_head, keys, transfers
from fiat.transfer import Resolution, TransferFlags
from fiat.uses import HoldUses, MandateUses

PAGE_MAX = 100

# Word for word the condition of the partial indexes (tables.py), which PostgreSQL and SQLite then use.
_AGREED = text("leg = 0 AND code IN (8, 11) AND order_nonce IS NOT NULL")
_POST, _VOID = int(TransferFlags.POST_PENDING_TRANSFER), int(TransferFlags.VOID_PENDING_TRANSFER)


@dataclass(frozen=True, slots=True)
class HoldUse:
    """What a captor did, at a record: `capture` or `release`, of so many minor units."""

    sequence: int
    timestamp: int
    kind: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold: its order, leg 0's sequence and time (ns), what was captured and what is still reserved."""

    sequence: int
    timestamp: int
    order: LedgerHold
    captured_minor: int
    pending_minor: int
    is_open: bool
    released: bool
    """By its captor."""
    expired: bool
    uses: tuple[HoldUse, ...]


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate: its order, leg 0's sequence and time (ns), the period (from 0) that it is in, what was collected."""

    sequence: int
    timestamp: int
    order: LedgerMandate
    collected_minor: int
    period: int
    period_collected_minor: int
    rest_minor: int
    """What may still be collected in this period; 0 when it is over."""
    revoked_at: int | None
    is_open: bool


async def holds(
    conn: AsyncConnection, holder: bytes, *, limit: int = 50, before: int | None = None, now: int | None = None
) -> list[Hold]:
    """Holds that this holder signed or is the captor of; those before a sequence."""
    return await _holds(conn, await _agreed(conn, holder, TransferCode.HOLD, limit, before), now)


async def hold(conn: AsyncConnection, holder: bytes, nonce: bytes, now: int | None = None) -> Hold | None:
    """The hold that `holder` signed with that nonce."""
    found = await _holds(conn, [(holder, nonce)], now)
    return found[0] if found else None


async def mandates(
    conn: AsyncConnection, holder: bytes, *, limit: int = 50, before: int | None = None, now: int | None = None
) -> list[Mandate]:
    """Mandates that this holder signed or is the payee of; those before a sequence."""
    return await _mandates(conn, await _agreed(conn, holder, TransferCode.MANDATE, limit, before), now)


async def mandate(conn: AsyncConnection, holder: bytes, nonce: bytes, now: int | None = None) -> Mandate | None:
    """The mandate that `holder` signed with that nonce."""
    found = await _mandates(conn, [(holder, nonce)], now)
    return found[0] if found else None


async def _agreed(
    conn: AsyncConnection, holder: bytes, code: TransferCode, limit: int, before: int | None
) -> list[Key]:
    """Each side read along its own index up to the limit, then both merged; nobody agrees with themselves."""
    limit = max(1, min(limit, PAGE_MAX))
    sides = []
    for party in (transfers.c.debit_holder, transfers.c.credit_holder):
        side = select(transfers.c.sequence, transfers.c.order_holder, transfers.c.order_nonce)
        side = side.where(party == holder, _AGREED, transfers.c.code == int(code))
        if before is not None:
            side = side.where(transfers.c.sequence < before)
        sides.append(select(side.order_by(transfers.c.sequence.desc()).limit(limit).subquery()))
    merged = union_all(*sides).subquery()
    query = select(merged.c.order_holder, merged.c.order_nonce).order_by(merged.c.sequence.desc()).limit(limit)
    return [(payer, nonce) for payer, nonce in await conn.execute(query)]


async def _now(conn: AsyncConnection, now: int | None) -> int:
    return int((await conn.execute(select(journal_head.c.timestamp))).scalar_one()) if now is None else now


async def _holds(conn: AsyncConnection, wanted: Collection[Key], now: int | None) -> list[Hold]:
    agreed = {k: r for k, r in (await read_agreed(conn, wanted)).items() if _carries(r, LedgerHold)}
    at = await _now(conn, now)
    found = [_hold(agreed[key], uses, at) for key, uses in (await read_holds(conn, agreed)).items()]
    return sorted(found, key=lambda one: -one.sequence)


def _hold(record: TransferRecord, uses: HoldUses, now: int) -> Hold:
    taken = []
    for sequence, leg in zip(uses.sequences, uses.legs, strict=True):
        if leg.flags & (_POST | _VOID):
            kind = "capture" if leg.flags & _POST else "release"
            taken.append(HoldUse(sequence, leg.timestamp, kind, leg.amount))
    is_open = uses.state is Resolution.PENDING and now < uses.current.expires_at
    return Hold(
        sequence=record.sequence,
        timestamp=record.timestamp,
        order=uses.order,
        captured_minor=sum(use.amount_minor for use in taken if use.kind == "capture"),
        pending_minor=uses.rest_minor if is_open else 0,
        is_open=is_open,
        released=uses.state is Resolution.VOIDED,
        expired=not is_open and uses.state in (Resolution.PENDING, Resolution.EXPIRED),
        uses=tuple(taken),
    )


async def _mandates(conn: AsyncConnection, wanted: Collection[Key], now: int | None) -> list[Mandate]:
    agreed = {k: r for k, r in (await read_agreed(conn, wanted)).items() if _carries(r, LedgerMandate)}
    if not agreed:
        return []
    at = await _now(conn, now)
    sums = select(transfers.c.order_holder, transfers.c.order_nonce, func.sum(transfers.c.amount))
    sums = sums.where(legs_and_uses(agreed)).group_by(transfers.c.order_holder, transfers.c.order_nonce)
    collected = {(holder, nonce): int(total) for holder, nonce, total in await conn.execute(sums)}
    ends = select(keys.c.holder, keys.c.subject, keys.c.effective_at)
    ends = ends.where(keys.c.action == int(KeyAction.MANDATE_REVOKE))
    ends = ends.where(tuple_(keys.c.holder, keys.c.subject).in_(list(agreed)))
    revoked = {(holder, nonce): revoked_at for holder, nonce, revoked_at in await conn.execute(ends)}
    found = [
        _mandate(uses, collected[key], revoked.get(key), at)
        for key, uses in (await read_mandates(conn, agreed)).items()
    ]
    return sorted(found, key=lambda one: -one.sequence)


def _mandate(uses: MandateUses, collected_minor: int, revoked_at: int | None, now: int) -> Mandate:
    period, rest = uses.period_at(now), uses.rest_minor(now)
    return Mandate(
        sequence=uses.sequence,
        timestamp=uses.first.timestamp,
        order=uses.order,
        collected_minor=collected_minor,
        period=period,
        period_collected_minor=uses.collected_minor if uses.period == period else 0,
        rest_minor=rest,
        revoked_at=revoked_at,
        is_open=not uses.over(now),
    )


def _carries(record: TransferRecord, order_type: type[LedgerHold] | type[LedgerMandate]) -> bool:
    return record.order is not None and isinstance(record.order.order, order_type)
