"""Plans of the further orders: holds, mandates, conversions and controls, and what follows from them.

Like the plans of `Wallet` a plan changes nothing: it is what would be signed, with its review.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from fiat.currency import Currency
from fiat.errors import FiatError
from fiat.limit import NO_LIMIT, LimitKey
from fiat.money import Money
from fiat.order import (
    ORDER_TYPES,
    ZERO_32,
    LedgerControl,
    LedgerConversion,
    LedgerHold,
    LedgerMandate,
    Order,
    order_from_json,
    text_hash,
)
from wallet.enrolment import now_seconds
from wallet.errors import AnswerUnfit, InputMalformed
from wallet.heads import Json, Reader
from wallet.payee import Payee
from wallet.proofs import Card, Use, read_quote
from wallet.review import Fact, Label, Source, Told
from wallet.review_orders import limit_text
from wallet.wallet import OrderPlan, Wallet

PAGES_MAX = 100
PAGE_ITEMS = 50
ID_DIGITS_MIN = 6


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often may be collected: `count` periods of `period_seconds` each, until an instant (Unix seconds)."""

    period_seconds: int
    count: int
    until: int


async def plan_hold(wallet: Wallet, amount: Money, payee: Payee, until: int, memo: str = "") -> OrderPlan:
    """An order that reserves money for another holder. Raises PayeeChanged, FundsMissing, ClockWrong."""
    card, known, shown = await _counterparty(wallet, payee, memo)
    head, total = await wallet.head_that_covers("hold", amount)
    order = LedgerHold(
        **head,
        captor=card.holder,
        shown=text_hash(shown.salt, shown.text),
        currency=amount.currency.code,
        exponent=amount.currency.exponent,
        amount_minor=amount.minor,
        total_max_minor=total,
        until=until,
    )
    return await wallet.plan(order, {"shown": shown}, known, card)


async def plan_mandate(wallet: Wallet, amount: Money, payee: Payee, schedule: Schedule, memo: str = "") -> OrderPlan:
    """An order that lets another holder collect up to `amount` in each period. It moves nothing by itself."""
    card, known, shown = await _counterparty(wallet, payee, memo)
    await wallet.ensure_session()
    order = LedgerMandate(
        **await wallet.order_head(),
        payee=card.holder,
        shown=text_hash(shown.salt, shown.text),
        currency=amount.currency.code,
        exponent=amount.currency.exponent,
        per_period_minor=amount.minor,
        period_seconds=schedule.period_seconds,
        count=schedule.count,
        until=schedule.until,
    )
    return await wallet.plan(order, {"shown": shown}, known, card)


async def plan_conversion(wallet: Wallet, amount: Money, receive: Currency) -> OrderPlan:
    """An order that accepts a quote, which is asked for now. Raises ProofMissing where the quote does not hold."""
    if amount.currency == receive:
        raise InputMalformed("other currency", receive.code, "that is the same currency")
    head, total = await wallet.head_that_covers("conversion", amount)
    ledger, host = await wallet.client.ledger(), wallet.client.host
    asked = {"from": amount.currency.code, "to": receive.code, "amount_minor": str(amount.minor)}
    quote = read_quote(host, await wallet.client.post("/quotes", asked, session=True), ledger)
    agreed = (quote.holder, quote.currency, quote.exponent, quote.receive_asset, quote.receive_exponent)
    wanted = (wallet.client.holder, amount.currency.code, amount.currency.exponent, receive.code, receive.exponent)
    if agreed != wanted or quote.amount_minor != amount.minor or quote.total_minor != total:
        raise AnswerUnfit(host, "quote")
    shown = Told(os.urandom(16), f"{amount.currency} > {receive}")
    order = LedgerConversion(
        **head,
        shown=text_hash(shown.salt, shown.text),
        currency=amount.currency.code,
        exponent=amount.currency.exponent,
        amount_minor=amount.minor,
        total_max_minor=total,
        receive_asset=receive.code,
        receive_min_minor=quote.receive_minor,
        receive_to=bytes(20),
        reference=quote.digest(ledger.id),
    )
    return await wallet.plan(order, {"shown": shown}, quote=quote)


async def plan_control(
    wallet: Wallet, action: str, subject: bytes = ZERO_32, value: int = 0, more: Sequence[Fact] = ()
) -> OrderPlan:
    """An order that changes what may authorise. `more` are facts that only the server told."""
    await wallet.ensure_session()
    order = LedgerControl(**await wallet.order_head(), action=action, subject=subject, value=value)
    return await wallet.plan(order, {}, more=more)


async def plan_limit(wallet: Wallet, key: LimitKey, value: int) -> OrderPlan:
    """A limit in minor units, or NO_LIMIT. Lowering holds at once, raising in 48 hours."""
    await wallet.ensure_session()
    standing = Reader(wallet.client.host, "controls", await wallet.client.get("/controls", session=True))
    before = NO_LIMIT
    for row in standing.each("limits"):
        if row.text("limit") == key.text and row.document.get("limit_minor") is not None:
            before = row.integer("limit_minor")
    more = [
        Fact(Label.BEFORE, limit_text(before, key.currency), Source.CLAIMED),
        Fact(Label.EFFECT, "at once" if value <= before else "in 48 hours", Source.CLAIMED),
    ]
    return await plan_control(wallet, "limit", key.subject, value, more)


async def listed(wallet: Wallet, kind: str) -> list[Json]:
    """One's `holds`, `mandates` or `notices`, newest first, as the server lists them, to the last page."""
    await wallet.ensure_session()
    found: list[Json] = []
    cursor: object = None
    for _page in range(PAGES_MAX):
        path = f"/{kind}?limit={PAGE_ITEMS}" + (f"&cursor={int(str(cursor))}" if cursor else "")
        page = Reader(wallet.client.host, kind, await wallet.client.get(path, session=True))
        found += [row.document for row in page.each("items")]
        cursor = page.document.get("next_cursor")
        if cursor is None or not str(cursor).isdecimal():
            break
    return found


async def find_agreement(wallet: Wallet, kind: str, text: str, role: str) -> Reader:
    """The one hold or mandate, on that side, whose number begins as typed. Raises InputMalformed."""
    word, digits = kind.removesuffix("s"), text.lower().removeprefix("0x")
    if len(digits) < ID_DIGITS_MIN or len(digits) > 64 or set(digits) - set("0123456789abcdef"):
        raise InputMalformed(word, text[:80], "its number has hex digits, at least six of them")
    rows = [Reader(wallet.client.host, kind, row) for row in await listed(wallet, kind)]
    named = [row for row in rows if row.raw("nonce", 32).hex().startswith(digits)]
    found = [row for row in named if row.text("role") == role]
    if named and not found:
        raise InputMalformed(f"{word}-yours", text[:80], "it is there, but only its other side may do that")
    if len(found) != 1:
        raise InputMalformed(word, text[:80], "more than one begins so" if found else "there is none of that number")
    return found[0]


def order_of(server: str, row: Reader) -> Order:
    """The signed order of a listed hold or mandate. Raises AnswerUnfit."""
    document = row.document.get("order")
    try:
        order = order_from_json(row.text("type"), document if isinstance(document, dict) else {})
    except FiatError:
        raise AnswerUnfit(server, "order") from None
    if (order.nonce, order.holder) != (row.raw("nonce", 32), row.raw("holder", 32)):
        raise AnswerUnfit(server, "order")
    return order


_PATHS = {
    "capture": "/holds/{holder}/{nonce}/captures/{id}",
    "release": "/holds/{holder}/{nonce}/release/{id}",
    "collect": "/mandates/{holder}/{nonce}/collections/{id}",
}


async def use(wallet: Wallet, action: str, order: Order, amount_minor: int = 0, *, final: bool = False) -> Json:
    """Capture, release or collect under somebody's order; the answer carries a checked receipt."""
    asked = Use(action, order, wallet.client.holder, os.urandom(32), amount_minor)
    body: Json = {}
    if action != "release":
        body = {"amount_minor": str(amount_minor)} | ({"final": final} if action == "capture" else {})
    path = _PATHS[action].format(
        holder="0x" + order.holder.hex(), nonce="0x" + order.nonce.hex(), id="0x" + asked.id.hex()
    )
    return await wallet.client.put_use(path, body, asked)


async def repeat_use(wallet: Wallet, action: str, number: str) -> Json:
    """Asks a kept use again, as it was: the ledger answers what it answered the first time. Raises InputMalformed."""
    await wallet.client.ledger()
    await wallet.ensure_session()
    kept = wallet.client.folder.below("uses").read(number)
    if kept.get("action") != action or kept.get("type") not in ORDER_TYPES:
        raise InputMalformed("order", number[:80], "no such order was sent from here")
    try:
        order = order_from_json(kept["type"], kept["order"])
        amount = int(kept["body"].get("amount_minor", "0"))
        asked = Use(action, order, wallet.client.holder, bytes.fromhex(number[2:]), amount)
    except (FiatError, ValueError, KeyError, AttributeError):
        raise InputMalformed("order", number[:80], "its file is damaged") from None
    return await wallet.client.put_use(kept["path"], kept["body"], asked)


async def _counterparty(wallet: Wallet, payee: Payee, memo: str) -> tuple[Card, bool, Told]:
    """Who may take money, whether they are known, and the text that is shown."""
    card = await wallet.resolve(payee)
    if card.holder == wallet.client.holder:
        raise InputMalformed("payee", f"@{payee.handle}", "that is your own account")
    shown = Told(os.urandom(16), f"@{card.handle}\n{memo}" if memo else f"@{card.handle}")
    return card, wallet.is_known(card, payee), shown


def default_until(schedule_seconds: int) -> int:
    """An end for what lasts that long from now, with a quarter of an hour for signing and sending."""
    return now_seconds() + schedule_seconds + 900
