"""Holds and mandates as their two sides see them: what was agreed, what was taken, and what may still be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.activity import memo_of
from api.auth import rfc3339
from api.errors import InvalidInput
from api.fields import Answer, Bytes32, DecimalText, Digits, LongDigits, Time, spelled
from api.tables import users
from fiat import history
from fiat.history_orders import Hold, Mandate
from fiat.money import decimal_text
from fiat.order import LedgerHold, LedgerMandate
from fiat.transfer import NANOSECONDS

HoldState = Literal["open", "captured", "released", "expired"]
MandateState = Literal["open", "revoked", "over"]
CURSOR_MAX = 2**63 - 1


class Party(Answer):
    """The other side."""

    handle: str | None = Field(examples=["shop"])
    holder: Bytes32


class Agreement(Answer):
    """What both kinds tell. `order` are the signed fields, from which its digest follows."""

    type: str = Field(examples=["LedgerHold"])
    holder: Bytes32
    nonce: Bytes32
    counterparty: Party
    order: dict[str, str]
    currency: str = Field(examples=["EUR"])
    decimals: int = Field(examples=[2])
    memo: str | None
    at: Time
    sequence: int


class HoldItem(Agreement):
    """`captured` is what the captor has taken, `reserved` what they still may."""

    role: Literal["payer", "captor"]
    state: HoldState
    until: Time
    amount: DecimalText
    amount_minor: Digits
    captured: DecimalText
    captured_minor: Digits
    reserved: DecimalText
    reserved_minor: Digits


class MandateItem(Agreement):
    """`period` counts from 0; `collectable` is what the payee may still collect in it."""

    role: Literal["payer", "payee"]
    state: MandateState
    until: Time
    period: int
    per_period: DecimalText
    per_period_minor: Digits
    collected: DecimalText
    collected_minor: LongDigits
    collectable: DecimalText
    collectable_minor: Digits


class HoldPage(Answer):
    """Newest first. `next_cursor` is null at the end."""

    items: list[HoldItem]
    next_cursor: str | None = Field(examples=["42"])


class MandatePage(Answer):
    """Newest first. `next_cursor` is null at the end."""

    items: list[MandateItem]
    next_cursor: str | None = Field(examples=["42"])


def hold_state(row: Hold) -> HoldState:
    if row.is_open:
        return "open"
    return "expired" if row.expired else "released" if row.released else "captured"


def mandate_state(row: Mandate) -> MandateState:
    if row.is_open:
        return "open"
    return "over" if row.revoked_at is None else "revoked"


def cursor_of(text: str | None) -> int | None:
    """The sequence before which a page begins. Raises InvalidInput for what no page has given."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or text != str(int(text)) or int(text) > CURSOR_MAX:
        raise InvalidInput(("query.cursor", "is no cursor of this server"))
    return int(text)


async def hold_page(conn: AsyncConnection, holder: bytes, rows: Sequence[Hold], limit: int) -> HoldPage:
    """Of rows that were read one further than `limit`."""
    items = [await hold_item(conn, holder, row) for row in rows[:limit]]
    return HoldPage(items=items, next_cursor=_next(rows, limit))


async def mandate_page(conn: AsyncConnection, holder: bytes, rows: Sequence[Mandate], limit: int) -> MandatePage:
    """Of rows that were read one further than `limit`."""
    items = [await mandate_item(conn, holder, row) for row in rows[:limit]]
    return MandatePage(items=items, next_cursor=_next(rows, limit))


async def hold_item(conn: AsyncConnection, holder: bytes, row: Hold) -> HoldItem:
    """As `holder`, who is one of the two sides, sees it."""
    order = row.order
    payer = order.holder == holder
    shared = await _shared(conn, order, row, order.captor if payer else order.holder)
    return HoldItem(
        **shared,
        role="payer" if payer else "captor",
        state=hold_state(row),
        until=_time(order.until),
        **_amounts(order, amount=order.amount_minor, captured=row.captured_minor, reserved=row.pending_minor),
    )


async def mandate_item(conn: AsyncConnection, holder: bytes, row: Mandate) -> MandateItem:
    """As `holder`, who is one of the two sides, sees it."""
    order, payer = row.order, row.order.holder == holder
    shared = await _shared(conn, order, row, order.payee if payer else order.holder)
    return MandateItem(
        **shared,
        role="payer" if payer else "payee",
        state=mandate_state(row),
        until=_time(order.until),
        period=min(max(0, row.period), order.count - 1),
        **_amounts(order, per_period=order.per_period_minor, collected=row.collected_minor, collectable=row.rest_minor),
    )


async def _shared(
    conn: AsyncConnection, order: LedgerHold | LedgerMandate, row: Hold | Mandate, other: bytes
) -> dict[str, Any]:
    texts = await history.texts_by_hash(conn, [order.shown])
    shown = texts.get(order.shown)
    return {
        "type": order.type_name,
        "holder": spelled(order.holder),
        "nonce": spelled(order.nonce),
        "counterparty": Party(handle=(await handles(conn, [other])).get(other), holder=spelled(other)),
        "order": order.to_json(),
        "currency": order.currency,
        "decimals": order.exponent,
        "memo": memo_of(shown.text) if shown is not None else None,
        "at": rfc3339(row.timestamp),
        "sequence": row.sequence,
    }


async def handles(conn: AsyncConnection, holders: Iterable[bytes]) -> dict[bytes, str]:
    """Handles of those who have one here."""
    query = select(users.c.holder, users.c.handle).where(users.c.holder.in_(set(holders)))
    return {row.holder: row.handle for row in await conn.execute(query)}


def _amounts(order: LedgerHold | LedgerMandate, **minor: int) -> dict[str, Any]:
    """Each amount as people read it, and in minor units beside it."""
    texts = {name: decimal_text(units, order.exponent) for name, units in minor.items()}
    return texts | {f"{name}_minor": str(units) for name, units in minor.items()}


def _time(seconds: int) -> str:
    """RFC 3339; what lies beyond the year 9999 is shown as its end."""
    return rfc3339(min(seconds, 253_402_300_799) * NANOSECONDS)


def _next(rows: Sequence[Hold | Mandate], limit: int) -> str | None:
    return str(rows[limit - 1].sequence) if len(rows) > limit else None
