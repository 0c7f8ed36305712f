"""Home: the total, its line over time, every position of both kinds, and what waits for the person."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from fiat.currency import ISO_4217
from wallet.enrolment import now_seconds
from wallet.texts import CHAIN_RESTARTED, N_, _
from wallet.wallet import Wallet
from wallet.web.activity_view import rows_of
from wallet.web.amounts import moment
from wallet.web.home_view import amounts_of, line_told, positions, price_changes, remarks
from wallet.web.line import Point, moments, worth
from wallet.web.views import Row, history, portfolio, price_lines
from wallet.web.visit import Answer, Page, Visit, get

SPANS = {"day": (24, N_("Day")), "week": (168, N_("Week")), "month": (730, N_("Month")), "year": (8766, N_("Year"))}
RECENT = 5
ITEMS_MAX, PAGE_ITEMS = 1000, 200


async def home(visit: Visit) -> Answer:
    """The page; the line comes by itself afterwards, into room that is kept for it."""
    return Page("home.html", await _shown(visit), _("Home"))


async def holdings(visit: Visit) -> Answer:
    """The part that news change."""
    return Page("home_holdings.html", await _shown(visit))


async def _shown(visit: Visit) -> dict[str, Any]:
    async with visit.wallet() as wallet:
        view = await portfolio(wallet, visit.taste.currency)
        recent = await history(wallet, visit.taste.currency, RECENT)
        currencies = sorted((await wallet.client.ledger()).exponents)
    if view.is_restarted:
        visit.notices.append(_(CHAIN_RESTARTED))
    return {
        "total": str(view.document.get("total")),
        "positions": positions(view.positions),
        "remarks": remarks(view, bool(visit.place.store.read("vault").get("backed_up"))),
        "recent": rows_of(recent.items),
        "currencies": currencies,
    }


async def line(visit: Visit) -> Answer:
    """What everything was worth over a span, and how far each price moved in it."""
    asked = visit.asked("span")
    span = asked if asked in SPANS else "week"
    hours, currency, last = SPANS[span][0], visit.taste.currency, now_seconds()
    first = last - hours * 3600
    async with visit.wallet() as wallet:
        view = await portfolio(wallet, currency)
        amounts = amounts_of(view.positions)
        items, known_from = await _since(wallet, currency, first)
        lines = await price_lines(wallet, sorted(set(amounts) - {currency}), currency, hours)
    prices = {asset: points for asset, points in lines.items() if points} | {currency: [Point(0, Fraction(1))]}
    drawn = worth(amounts, items, prices, moments(first, last), ISO_4217[currency].exponent, known_from=known_from)
    told = {**line_told(drawn, currency), "span": span, "spans": SPANS}
    return Page("home_line.html", {**told, "moves": price_changes(view.positions, lines)})


async def _since(wallet: Wallet, currency: str, first: int) -> tuple[list[Row], int]:
    """Items from `first` (Unix seconds) on, newest first, and since when they are complete."""
    items: list[Row] = []
    cursor = ""
    while len(items) < ITEMS_MAX:
        page = await history(wallet, currency, PAGE_ITEMS, cursor)
        items += page.items
        oldest = moment(page.items[-1]["at"]) if page.items else None
        if not page.cursor or oldest is None or oldest.timestamp() < first:
            return items, 0
        cursor = page.cursor
    oldest = moment(items[-1]["at"])
    return items, int(oldest.timestamp()) if oldest is not None else first


ROUTES = (get("/", home), get("/home/holdings", holdings), get("/home/line", line))
