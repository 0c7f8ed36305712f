"""A person's statement with what is known beside the ledger: handles, memos, destinations; and its formats."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.activity import memo_of
from api.statement_pdf import pdf
from api.tables import users
from api.texts import in_language
from fiat import history
from fiat.currency import Currency
from fiat.history_statement import bodies, statement
from fiat.holder import OPERATOR, account_id
from fiat.order import LedgerWithdrawal, Order
from fiat.record import TransferRecord, decode
from fiat.sheet import Note, Sheet, sheet, to_json
from fiat.sheet_camt import camt053
from fiat.sheet_csv import csv_text
from fiat.statement import By, Statement

Format = Literal["json", "csv", "pdf", "camt053"]
Language = Literal["en", "zh"]
MEDIA_TYPES: Mapping[Format, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "pdf": "application/pdf",
    "camt053": "application/xml",
}
SUFFIXES: Mapping[Format, str] = {"json": "json", "csv": "csv", "pdf": "pdf", "camt053": "xml"}
PAGE = 500


async def read_sheet(
    engine: AsyncEngine, holder: bytes, handle: str, currency: Currency, start: int, end: int, by: By, now: int
) -> Sheet:
    """A holder's statement over `[start, end)` (Unix ns), in one snapshot. Raises StatementTooLong."""
    async with engine.connect() as conn:
        found = await statement(conn, account_id(holder, currency), currency, start, end, by)
        notes = await _notes(conn, found)
    return sheet(found, f"@{handle}", notes, now)


async def rendered(found: Sheet, form: Format, language: Language) -> bytes:
    """The document's bytes, written in a thread. Raises StatementTooLong for more lines than a PDF takes."""
    return await asyncio.to_thread(_rendered, found, form, language)


def _rendered(found: Sheet, form: Format, language: Language) -> bytes:
    if form == "pdf":
        return pdf(found, in_language(language))
    if form == "csv":
        return csv_text(found).encode()
    if form == "camt053":
        return camt053(found).encode()
    return json.dumps(to_json(found), ensure_ascii=False, separators=(",", ":")).encode()


async def _notes(conn: AsyncConnection, found: Statement) -> dict[int, Note]:
    """By the lines' sequences. What was erased is not there."""
    moved = [line.movement for line in found.lines]
    ordered = [m.sequence for m in moved if m.order_nonce is not None and m.leg == 0]
    raw = await bodies(conn, ordered)
    orders = await asyncio.to_thread(_orders, raw)
    hashes = {text for order in orders.values() for text in _hashes(order)}
    shown: dict[bytes, str] = {}
    for page in _pages(sorted(hashes)):
        shown |= {text: salted.text for text, salted in (await history.texts_by_hash(conn, page)).items()}
    handles = await _handles(conn, {m.other_holder for m in moved} - {OPERATOR})
    notes = {}
    for movement in moved:
        order = orders.get(movement.sequence)
        handle = handles.get(movement.other_holder)
        label = shown.get(order.destination, "") if isinstance(order, LedgerWithdrawal) else ""
        memo = memo_of(shown.get(getattr(order, "shown", b"")))
        notes[movement.sequence] = Note(f"@{handle}" if handle else label, memo or "")
    return notes


def _orders(raw: Mapping[int, bytes]) -> dict[int, Order]:
    records = {sequence: decode(body) for sequence, body in raw.items()}
    return {
        sequence: record.order.order
        for sequence, record in records.items()
        if isinstance(record, TransferRecord) and record.order is not None
    }


def _hashes(order: Order) -> list[bytes]:
    return [text for name in ("shown", "destination") if isinstance(text := order.values().get(name), bytes)]


async def _handles(conn: AsyncConnection, holders: set[bytes]) -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for page in _pages(sorted(holders)):
        query = select(users.c.holder, users.c.handle).where(users.c.holder.in_(page))
        found |= {row.holder: row.handle for row in await conn.execute(query)}
    return found


def _pages(items: list[bytes]) -> list[list[bytes]]:
    return [items[at : at + PAGE] for at in range(0, len(items), PAGE)]
