"""Convert, top up, withdraw: money between currencies, into tokens, in and out; every fee named before the yes.

A quote is firm for a minute: the page counts down, and asks for another when it is over. What was accepted shows its
state and what happens next until it is over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chain.token import TokenAmount
from fiat.currency import ISO_4217
from fiat.errors import AmountNotPositive
from fiat.money import decimal_text
from fiat.order import LedgerConversion
from wallet.cli.bridge_words import STATES, STEPS
from wallet.cli.convert_tokens import REASONS, SENTENCES
from wallet.cli.links import check_memo
from wallet.deposits import OVER as SOLD
from wallet.deposits import plan_deposit, standing
from wallet.errors import (
    AnswerUnfit,
    InputMalformed,
    LedgerReplaced,
    OutcomeUnknown,
    ServerError,
    ServerUnreachable,
)
from wallet.heads import Reader
from wallet.orders import plan_conversion
from wallet.payee import read_destination
from wallet.purchases import OVER, plan_purchase, state_of
from wallet.review import Label, Review
from wallet.texts import _
from wallet.tokens import TokenRail
from wallet.wallet import Wallet
from wallet.web.amounts import moment
from wallet.web.confirming import Draft, shown
from wallet.web.problem_page import problem_here
from wallet.web.visit import Answer, Page, Visit, get, post

BACK = "/move"
GATEWAY = "sandbox"
DESTINATIONS = ("iban", "card", "account")
_ID = re.compile(r"0x[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Purchase:
    """A token that was paid for and is on its way. `gives` and `gets` are amounts with their assets."""

    nonce: str
    gives: str
    gets: str


@dataclass(frozen=True, slots=True)
class Sale:
    """A token that was paid to the treasury, under the terms of that id."""

    terms: bytes
    transaction: str
    gives: str
    gets: str


async def move(visit: Visit) -> Answer:
    """The three forms; without a server, why there are none."""
    try:
        async with visit.wallet() as wallet:
            codes = sorted((await wallet.client.ledger()).exponents)
            tokens = [token.symbol for token in wallet.purse.listed()]
    except (ServerError, LedgerReplaced) as error:
        return Page("move.html", {**problem_here(error).values, "is_away": True}, _("Move money"))
    values = {"codes": codes, "tokens": tokens, "topup_id": "0x" + os.urandom(32).hex(), "is_away": False}
    return Page("move.html", values, _("Move money"))


# Convert


async def convert(visit: Visit) -> Answer:
    """A quote, and what accepting it would sign. Raises AmountMalformed, FundsMissing, ProofMissing and their kin."""
    amount, from_, to = visit.given("amount", 100), visit.given("from", 20).upper(), visit.given("to", 20)
    async with visit.wallet() as wallet:
        if (given := wallet.purse.token(from_)) is not None and from_ not in ISO_4217:
            return await _sale(visit, wallet, TokenAmount.parse(amount, given), to.upper())
        money, token = await wallet.money(amount, from_), wallet.purse.token(to)
        if token is not None:
            plan = await plan_purchase(wallet, money, token)
        else:
            plan = await plan_conversion(wallet, money, await wallet.currency(to.upper()))
        guarded = (await wallet.keys()).guarded
    order = plan.order
    assert isinstance(order, LedgerConversion), "both plans are conversions"
    gives = f"{money.decimal} {money.currency.code}"
    if token is not None:
        gets = f"{TokenAmount(order.receive_min_minor, token).format()} {token.symbol}"
    else:
        gets = _value(plan.review, Label.RECEIVE)

    async def act(visit: Visit) -> Answer:
        async with visit.wallet() as wallet, visit.turn():
            await wallet.send_order(plan)
        if token is None:
            return _done(_("Converted {gives} into {gets}.").format(gives=gives, gets=gets))
        purchase = Purchase("0x" + order.nonce.hex(), gives, gets)
        return Page("move_purchase.html", {"number": visit.session.keep(purchase), "purchase": purchase})

    again = {"amount": amount, "from": from_, "to": to}
    return shown(visit, Draft(plan.review, act, BACK, guarded, _ends(plan.review), "/move/convert", again))


async def _sale(visit: Visit, wallet: Wallet, given: TokenAmount, code: str) -> Page:
    """A token for money: a payment to the treasury from one's own account, credited when it is final."""
    if given.units == 0:
        raise AmountNotPositive("0")
    receive = await wallet.currency(code)
    plan = await plan_deposit(wallet, given, receive, None, "requote")
    gives = f"{given.format()} {given.token.symbol}"
    gets = f"{decimal_text(plan.quote.receive_amount, receive.exponent)} {receive.code}"

    async def act(visit: Visit) -> Answer:
        async with visit.wallet() as wallet, visit.turn():
            transaction = await TokenRail(wallet).submit(plan.payment)
        sale = Sale(plan.terms.id, transaction, gives, gets)
        return Page("move_sale.html", {"number": visit.session.keep(sale), "sale": sale})

    fields = {"amount": given.format(), "from": given.token.symbol, "to": code}
    guarded = (await wallet.keys()).guarded
    draft = Draft(plan.payment.review, act, BACK, guarded, plan.quote.expires_at, "/move/convert", fields)
    return shown(visit, draft)


async def sale(visit: Visit) -> Answer:
    """What the server says of the payment; asked again until it is over."""
    number = visit.asked("number")
    found = visit.session.drafts.get(number)
    if not isinstance(found, Sale):
        raise InputMalformed("draft", number[:8], "this page is over: Activity shows what was sent")
    async with visit.wallet() as wallet:
        told = Reader(wallet.client.host, "deposit", dict(await standing(wallet, found.terms)))
    state = told.text("state")
    if state not in SENTENCES:
        raise AnswerUnfit(visit.place.config.server_host, "deposit.state")
    (amount, asset), (received, receive_asset) = found.gives.split(" "), found.gets.split(" ")
    reason = str(told.document.get("hold") or "")
    words = {"amount": amount, "asset": asset, "received": received, "receive_asset": receive_asset}
    words |= {"reason": _(REASONS[reason]) if reason in REASONS else reason, "transaction": found.transaction}
    values = {"number": number, "sale": found, "text": _(SENTENCES[state]).format(**words)}
    return Page("move_sale_state.html", {**values, "is_over": state in SOLD, "state": state})


async def purchase(visit: Visit) -> Answer:
    """Where it stands, and what happens next; asked again until it is over."""
    number = visit.asked("number")
    found = visit.session.drafts.get(number)
    if not isinstance(found, Purchase):
        raise InputMalformed("draft", number[:8], "this page is over: Activity shows what was sent")
    async with visit.wallet() as wallet:
        await wallet.ensure_session()
        told = await state_of(wallet, found.nonce)
    state, step = told["state"], STEPS[told["next"]]
    values = {
        "number": number,
        "purchase": found,
        "state": _(STATES[state]),
        "next": _(step) if step else "",
        "due_at": (told["due_at"] or "")[:19].replace("T", " "),
        "transaction": told["transaction"] or "",
        "is_over": state in OVER,
        "is_good": state == "completed",
        "reached": ("pending_anchor", "pending_external", "completed").index(state) + 1 if state in _WAY else 0,
    }
    return Page("move_state.html", values)


_WAY = frozenset({"pending_anchor", "pending_external", "completed"})


# Top up


async def topup(visit: Visit) -> Answer:
    """Money in, under a number that the form brought: sent twice, it is one. Raises OutcomeUnknown."""
    identity = visit.given("id")
    if not _ID.fullmatch(identity):
        raise InputMalformed("number", identity[:20], "this page is over: open it again")
    async with visit.wallet() as wallet, visit.turn():
        money = await wallet.money(visit.given("amount", 100), visit.given("currency", 20).upper())
        await wallet.ensure_session()
        body = {"gateway": GATEWAY, "currency": money.currency.code, "amount_minor": str(money.minor)}
        try:
            found = await wallet.client.ask("PUT", f"/topups/{identity}", body, session=True)
        except ServerUnreachable as lost:
            if lost.reason == "connection":
                raise
            raise OutcomeUnknown(wallet.client.host, identity) from None
    return _topup_page(visit, found, identity, f"{money.decimal} {money.currency.code}", money.currency.exponent)


async def topup_state(visit: Visit) -> Answer:
    """Has it come?"""
    identity = visit.asked("id")
    if not _ID.fullmatch(identity):
        raise InputMalformed("number", identity[:20], "this page is over: open it again")
    async with visit.wallet() as wallet:
        await wallet.ensure_session()
        found = await wallet.client.get(f"/topups/{identity}", session=True)
        read = Reader(wallet.client.host, "topup", found)
        currency = await wallet.currency(read.text("currency"))
    amount = f"{decimal_text(read.integer('amount_minor'), currency.exponent)} {currency.code}"
    return _topup_page(visit, found, identity, amount, currency.exponent)


def _topup_page(visit: Visit, found: Mapping[str, Any], identity: str, amount: str, exponent: int) -> Page:
    """Raises AnswerUnfit."""
    host = visit.place.config.server_host
    read = Reader(host, "topup", dict(found))
    if read.text("state") not in ("pending", "settled"):
        raise AnswerUnfit(host, "topup.state")
    fee = read.integer("fee_minor")
    code = amount.rpartition(" ")[2]
    values = {
        "id": identity,
        "amount": amount,
        "is_settled": read.text("state") == "settled",
        "fee": f"{decimal_text(fee, exponent)} {code}" if fee else "",
    }
    return Page("move_topup.html", values)


# Withdraw


async def withdraw(visit: Visit) -> Answer:
    """Raises InputMalformed, FundsMissing."""
    kind, memo = visit.given("kind"), visit.given("memo")
    if kind not in DESTINATIONS:
        raise InputMalformed("destination", kind[:20], "iban:..., card:... or account:... is expected")
    target = read_destination(f"{kind}:{visit.given('destination')}")
    check_memo(memo)
    async with visit.wallet() as wallet:
        money = await wallet.money(visit.given("amount", 100), visit.given("currency", 20).upper())
        plan = await wallet.plan_withdrawal(money, target, memo)
        guarded = (await wallet.keys()).guarded

    async def act(visit: Visit) -> Answer:
        async with visit.wallet() as wallet, visit.turn():
            await wallet.send_order(plan)
        told = _(
            "{amount} to {to}: accepted. Next: the operator pays it out; Activity shows when, or that it came back."
        )
        return _done(told.format(amount=f"{money.decimal} {money.currency.code}", to=target))

    return shown(visit, Draft(plan.review, act, BACK, guarded))


def _done(text: str) -> Page:
    return Page("move_done.html", {"text": text})


def _value(review: Review, label: Label) -> str:
    return next((fact.value for fact in review.facts if fact.label is label), "")


def _ends(review: Review) -> int:
    """When the quote is over, in Unix seconds; 0 where that is not told."""
    told = (fact.value for fact in review.facts if fact.label is Label.VALID_UNTIL)
    ends = [int(at.timestamp()) for text in told if (at := moment(text.replace(" UTC", "+00:00"))) is not None]
    return min(ends, default=0)


ROUTES = (
    get("/move", move),
    post("/move/convert", convert),
    get("/move/purchase", purchase),
    get("/move/sale", sale),
    post("/move/topup", topup),
    get("/move/topup", topup_state),
    post("/move/withdraw", withdraw),
)
