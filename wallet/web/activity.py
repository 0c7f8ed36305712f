"""Activity: one history of both kinds, with search and filters; each item with its evidence; files to keep."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fiat.period import period
from fiat.sheet_csv import csv_text
from fiat.transfer import TIMESTAMP_MAX
from wallet.cli.ask import UNTRACED, Asker, csv_of
from wallet.cli.running import Run
from wallet.cli.statement import checked, pdf
from wallet.cli.strangers import is_deceptive
from wallet.errors import InputMalformed
from wallet.texts import _
from wallet.wallet import Wallet
from wallet.web.activity_view import CATEGORIES, DIRECTIONS, RAILS, Filters, days_of, row_of
from wallet.web.evidence import evidence_of
from wallet.web.views import History, Row, history
from wallet.web.visit import Answer, Document, Page, Visit, get

PAGE_ITEMS, SCAN_ITEMS, EXPORT_ITEMS = 50, 200, 10_000
PAGES_MAX = 10


async def activity(visit: Visit) -> Answer:
    """The newest, or what the filters let through; `cursor` goes on further back."""
    filters = _filters(visit)
    async with visit.wallet() as wallet:
        found = await _filtered(wallet, visit, filters)
        currencies = sorted((await wallet.client.ledger()).exponents)
    older = filters.query(cursor=found.cursor) if found.cursor else ""
    values: dict[str, Any] = {
        "filters": filters,
        "categories": {name: one[0] for name, one in CATEGORIES.items()},
        "directions": DIRECTIONS,
        "rails": RAILS,
        "days": days_of(found.items),
        "cursor": visit.asked("cursor"),
        "older": older,
        "currencies": currencies,
        "untraced": _(UNTRACED).format(block=found.untraced_from) if found.untraced_from is not None else "",
    }
    if visit.is_fragment:
        return Page("activity_list.html", values)
    return Page("activity.html", values, _("Activity"))


def _filters(visit: Visit) -> Filters:
    asked = Filters(*(visit.asked(name) for name in ("text", "category", "direction", "rail")))
    for given, known in ((asked.category, CATEGORIES), (asked.direction, DIRECTIONS), (asked.rail, RAILS)):
        if given and given not in known:
            raise InputMalformed("filter", given[:40], "there is no such choice")
    return asked


async def _filtered(wallet: Wallet, visit: Visit, filters: Filters) -> History:
    """A page of what matches; a search goes through some pages at a time, and then on from there."""
    currency, cursor = visit.taste.currency, visit.asked("cursor")
    if not filters.are_set:
        return await history(wallet, currency, PAGE_ITEMS, cursor)
    items: list[Row] = []
    for _page in range(PAGES_MAX):
        page = await history(wallet, currency, SCAN_ITEMS, cursor)
        items += [item for item in page.items if filters.match(item)]
        cursor = page.cursor
        if not cursor or len(items) >= PAGE_ITEMS:
            break
    return History(items, cursor, page.untraced_from)


async def item(visit: Visit) -> Answer:
    """One of them, with what proves it. `from` is where the page began that it stood on."""
    wanted, cursor = visit.asked("id", 300), visit.asked("from")
    async with visit.wallet() as wallet:
        for _page in range(PAGES_MAX):
            page = await history(wallet, visit.taste.currency, SCAN_ITEMS, cursor)
            found = next((one for one in page.items if str(one["id"]) == wanted), None)
            if found is not None or not page.cursor:
                break
            cursor = page.cursor
        if found is None:
            raise InputMalformed("item", wanted[:40], "it is no longer in your history")
        evidence = await evidence_of(wallet, found["nonce"]) if found["rail"] == "ledger" else None
    row = row_of(found)
    other = found["counterparty"] if isinstance(found["counterparty"], dict) else {}
    address = None if is_deceptive(found) else other.get("address")
    values = {"item": row, "facts": _facts(found), "evidence": evidence, "address": address}
    return Page("activity_item.html", values, row["kind"])


def _facts(found: Row) -> list[tuple[str, str]]:
    """What the server says of it, besides what stands above."""
    facts = [
        (_("Sequence in the journal"), found["sequence"]),
        (_("Order's number"), found["nonce"]),
        (_("Balance afterwards"), found["balance"]),
        (_("Transaction"), found["transaction"]),
        (_("Chain"), found["chain_id"]),
        (_("Block"), found["block"]),
    ]
    if found["rail"] == "chain":
        said = _("final: so many blocks stand on it that it stays") if found["final"] else _("not final yet")
        facts.append((_("Standing"), said))
    return [(name, str(value)) for name, value in facts if value is not None]


async def export(visit: Visit) -> Answer:
    """The history as CSV, what the filters let through, at most EXPORT_ITEMS looked at."""
    filters, items, cursor = _filters(visit), list[Row](), ""
    async with visit.wallet() as wallet:
        for _page in range(EXPORT_ITEMS // SCAN_ITEMS):
            page = await history(wallet, visit.taste.currency, SCAN_ITEMS, cursor)
            items += [one for one in page.items if filters.match(one)]
            cursor = page.cursor
            if not cursor:
                break
    return Document("tandem-activity.csv", "text/csv", _csv(items))


def _csv(items: Sequence[Row]) -> bytes:
    return csv_of(list(items)).encode()


async def statement(visit: Visit) -> Answer:
    """One account over a period, added up again here; as PDF or CSV."""
    start, end = visit.asked("start") or None, visit.asked("end") or None
    try:
        _first, after = period(start, end)
    except ValueError:
        raise InputMalformed(
            "period", f"{start or '…'} - {end or '…'}"[:80], "days or times in UTC, in order"
        ) from None
    asked = {"currency": visit.asked("currency", 10).upper(), "by": "recorded"}
    asked |= ({"from": start} if start else {}) | ({"to": end} if end else {})
    async with visit.wallet() as wallet:
        await wallet.ensure_session()
        await wallet.currency(asked["currency"])
    is_pdf = visit.asked("form") != "csv"
    content = await asyncio.to_thread(_statement, visit, asked, after >= TIMESTAMP_MAX or not end, is_pdf)
    name = f"tandem-statement-{asked['currency']}.{'pdf' if is_pdf else 'csv'}"
    return Document(name, "application/pdf" if is_pdf else "text/csv", content)


def _statement(visit: Visit, asked: dict[str, str], runs_up_to_now: bool, is_pdf: bool) -> bytes:
    asker = Asker(Run(visit.place.config, True))
    _document, found = checked(asker, asked, runs_up_to_now=runs_up_to_now)
    return pdf(asker, asked, visit.taste.language) if is_pdf else csv_text(found).encode()


ROUTES = (
    get("/activity", activity),
    get("/activity/item", item),
    get("/activity/export.csv", export),
    get("/activity/statement", statement),
)
