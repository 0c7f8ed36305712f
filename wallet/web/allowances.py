"""Allowances: who may take tokens of the person's, how much is at risk now, and taking each back by a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chain.address import Address
from chain.errors import ChainError
from fiat.currency import ISO_4217
from wallet.accounts import Account, read_account
from wallet.allowances import Given
from wallet.cli.show import words_of
from wallet.contacts import contacts_of
from wallet.errors import InputMalformed, LedgerReplaced, ServerError, WalletError
from wallet.own_transactions import OwnTransactions, Plan
from wallet.review_effects import PERMIT2
from wallet.texts import _
from wallet.wallet import Wallet
from wallet.web.allowances_view import KINDS, rows
from wallet.web.confirming import Draft, shown
from wallet.web.problem_page import problem_here
from wallet.web.views import portfolio
from wallet.web.visit import Answer, Page, Visit, get, post


@dataclass(frozen=True, slots=True)
class Sent:
    """What was handed to the node, and what it was to come to."""

    plan: Plan
    transaction: str


async def allowances(visit: Visit) -> Answer:
    """The frame; the node is asked afterwards, with words in its place."""
    return Page(
        "allowances.html", {"chain": visit.place.host.chains.title(visit.place.host.chains.default)}, _("Allowances")
    )


async def listed(visit: Visit) -> Answer:
    """By the node's logs and the contracts now; a node that is away is told in their place."""
    kept, currency = _accounts(visit), visit.taste.currency
    try:
        async with visit.wallet() as wallet:
            own = OwnTransactions(wallet)
            found = [one for account in kept for one in await own.allowances(account.address)]
            prices = await _prices(wallet, currency) if any(one.at_risk_units for one in found) else {}
    except (WalletError, ChainError) as error:
        return problem_here(error)
    names = {str(account.address): account.name for account in kept}
    names |= {contact.to: contact.name for contact in contacts_of(visit.place.store.read("contacts"))}
    told = rows(found, prices=prices, exponent=ISO_4217[currency].exponent, names=names)
    return Page("allowances_list.html", {"allowances": told})


async def review(visit: Visit) -> Answer:
    """What taking it back would sign. Raises InputMalformed, AddressMalformed."""
    kind = visit.given("kind")
    if kind not in KINDS:
        raise InputMalformed("kind", kind[:20], "there is no such choice")
    given = Given(
        Address(visit.given("token")),
        Address(visit.given("spender")),
        kind == "collection",
        PERMIT2 if kind == "permit2" else None,
    )
    async with visit.wallet() as wallet:
        plan = await OwnTransactions(wallet).revoked(Address(visit.given("owner")), given)
        guarded = (await wallet.keys()).guarded

    async def act(visit: Visit) -> Answer:
        async with visit.wallet() as wallet, visit.turn():
            transaction = await OwnTransactions(wallet).submit(plan)
        number = visit.session.keep(Sent(plan, transaction))
        return Page("allowances_sent.html", {"number": number, "transaction": transaction})

    return shown(visit, Draft(plan.review, act, "/allowances", guarded))


async def block(visit: Visit) -> Answer:
    """Waits for a block, for a while, and holds what came against what was foreseen."""
    number = visit.asked("number")
    sent = visit.session.drafts.get(number)
    if not isinstance(sent, Sent):
        raise InputMalformed("draft", number[:8], "this page is over: Activity shows what was sent")
    async with visit.wallet() as wallet:
        done = await OwnTransactions(wallet).settle(sent.plan, sent.transaction)
    values: dict[str, Any] = {
        "number": number,
        "transaction": sent.transaction,
        "block": done.receipt.block_number if done.receipt else None,
        "failed": done.receipt is not None and not done.receipt.succeeded,
        "drift": [words_of(fact, "")[:2] for fact in done.drift],
    }
    return Page("allowances_block.html", values)


def _accounts(visit: Visit) -> list[Account]:
    return [read_account(entry) for entry in visit.place.store.read("vault").get("accounts", [])]


async def _prices(wallet: Wallet, currency: str) -> dict[str, str]:
    """What the server says of fresh ones; nothing where it is away."""
    try:
        view = await portfolio(wallet, currency)
    except (ServerError, LedgerReplaced):
        return {}
    fresh = (row for row in view.positions if row["price"] is not None and row["price_state"] == "current")
    return {str(row["asset"]): str(row["price"]) for row in fresh if row["claimed"] is None}


ROUTES = (
    get("/allowances", allowances),
    get("/allowances/list", listed),
    post("/allowances/review", review),
    get("/allowances/block", block),
)
