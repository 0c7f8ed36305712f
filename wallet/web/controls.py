"""The account at the server: the brake, limits, keys and devices, and changes that wait. Each change is a signed order.

What makes the account safer holds at once; what makes it less safe waits 48 hours, and is shown here all that time.
"""

from __future__ import annotations

from typing import Any

from chain.address import Address
from fiat.limit import NO_LIMIT, LimitKey, LimitKind, Period
from wallet.cli.controls import KINDS, NONE, PERIODS, key_row, limit_row, pending_of, pending_row, standing_of
from wallet.cli.words import WORDS
from wallet.errors import InputMalformed, WalletError
from wallet.heads import Reader
from wallet.orders import plan_control, plan_limit
from wallet.review import Fact, Label, Source
from wallet.texts import N_, _
from wallet.wallet import OrderPlan, Wallet
from wallet.web.confirming import Draft, shown
from wallet.web.problem_page import problem_here
from wallet.web.visit import Answer, Page, Visit, get, post

BACK = "/security"
DONE = {
    "freeze": N_("Frozen: nothing leaves your account until you unfreeze it."),
    "unfreeze": N_("Unfrozen: money may leave your account again."),
    "key-add": N_("Added; it may spend in 48 hours. Until then you can cancel it here."),
    "key-revoke": N_("Revoked: this key may no longer spend."),
    "limit": N_("Taken up: a lower limit holds at once, a higher one in 48 hours."),
    "cancel": N_("Cancelled: the change will not take effect."),
}


async def controls(visit: Visit) -> Answer:
    """Where the server is away, or knows nobody here, that stands in its place."""
    try:
        async with visit.wallet() as wallet:
            standing = await standing_of(wallet)
            codes = sorted((await wallet.client.ledger()).exponents)
    except WalletError as error:
        return problem_here(error)
    words = {"codes": codes, "kinds": _words(KINDS), "periods": _words(PERIODS)}
    return Page("controls.html", {**_told(standing), **words})


async def brake(visit: Visit) -> Answer:
    """Freeze at once, or unfreeze."""
    action = "unfreeze" if visit.given("on") == "no" else "freeze"
    async with visit.wallet() as wallet:
        plan = await plan_control(wallet, action, bytes(32))
        return await _reviewed(visit, wallet, plan, action)


async def key(visit: Visit) -> Answer:
    """Another key, or one less. Raises AddressMalformed."""
    action = "key-revoke" if visit.given("on") == "no" else "key-add"
    subject = bytes(12) + Address(visit.given("address")).raw
    async with visit.wallet() as wallet:
        plan = await plan_control(wallet, action, subject)
        return await _reviewed(visit, wallet, plan, action)


async def limit(visit: Visit) -> Answer:
    """Raises InputMalformed, AmountMalformed, AssetUnknown."""
    kind, period, amount = visit.given("kind"), visit.given("period"), visit.given("amount", 100)
    currency = visit.given("currency", 20).upper()
    if kind not in KINDS or period not in PERIODS:
        raise InputMalformed("limit", f"{kind} {period}"[:40], "there is no such choice")
    if amount.startswith("-"):
        raise InputMalformed("limit", amount[:80], "a limit is 0 or more, or none")
    async with visit.wallet() as wallet:
        await wallet.currency(currency)
        zero = amount.replace(".", "").strip("0") == "" and amount not in ("", ".")
        value = NO_LIMIT if amount == NONE else 0 if zero else (await wallet.money(amount, currency)).minor
        plan = await plan_limit(wallet, LimitKey(LimitKind[kind.upper()], currency, Period[period.upper()]), value)
        return await _reviewed(visit, wallet, plan, "limit")


async def cancel(visit: Visit) -> Answer:
    """A change that waits. Raises InputMalformed for one that does not."""
    async with visit.wallet() as wallet:
        row = pending_of(await standing_of(wallet), visit.given("number"))
        about = [Fact(Label.ABOUT, row.text("about"), Source.CLAIMED)]
        plan = await plan_control(wallet, "cancel", row.raw("nonce", 32), more=about)
        return await _reviewed(visit, wallet, plan, "cancel")


async def _reviewed(visit: Visit, wallet: Wallet, plan: OrderPlan, done: str) -> Page:
    async def act(visit: Visit) -> Answer:
        async with visit.wallet() as wallet, visit.turn():
            await wallet.send_order(plan)
        return Page("controls_done.html", {"text": _(DONE[done])})

    return shown(visit, Draft(plan.review, act, BACK, (await wallet.keys()).guarded))


def _told(standing: Reader) -> dict[str, Any]:
    return {
        "frozen": standing.document.get("frozen") is True,
        "keys": [
            {"cells": key_row(row), "address": row.text("address"), "is_root": row.document.get("is_root") is True}
            for row in standing.each("keys")
        ],
        "limits": [limit_row(row) for row in standing.each("limits")],
        "pending": [
            {"cells": pending_row(row)[:3], "number": row.raw("nonce", 32).hex()} for row in standing.each("pending")
        ],
    }


def _words(names: list[str]) -> list[tuple[str, str]]:
    return [(name, _(WORDS.get(name, name))) for name in names]


ROUTES = (
    get("/security/controls", controls),
    post("/security/brake", brake),
    post("/security/key", key),
    post("/security/limit", limit),
    post("/security/cancel", cancel),
)
