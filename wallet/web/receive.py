"""Receive: where others send to, each kind of money under its own heading, the chain always named."""

from __future__ import annotations

from typing import Any

from chain.token import TokenAmount
from fiat.currency import Currency
from fiat.errors import CurrencyUnknown
from fiat.money import Money
from wallet.cli.links import check_memo
from wallet.cli.own import own_accounts
from wallet.cli.receive import card_of, exponents_of, link_of
from wallet.cli.running import Json, Run
from wallet.cli.send import token_amount
from wallet.errors import AccountUnknown, HolderMissing
from wallet.networks import current_network
from wallet.payee import Payee
from wallet.payment_uri import PaymentUri
from wallet.purse import Purse, no_such_asset
from wallet.texts import _
from wallet.web.visit import Answer, Page, Visit, get


async def receive(visit: Visit) -> Answer:
    """The address with its QR code, for an amount of a token where one was asked; and the handle."""
    run = Run(visit.place.config, True)
    card = card_of(run)
    if visit.is_fragment:
        return Page("receive_address.html", _address(visit))
    money = {"card": card, "currencies": sorted(exponents_of(run))} | (_link(run, card, "", "", "") if card else {})
    return Page("receive.html", _address(visit) | money, _("Receive"))


async def money(visit: Visit) -> Answer:
    """A link to one's own handle, for an amount where one was asked. Raises what an amount raises."""
    run, memo = Run(visit.place.config, True), visit.asked("memo")
    card, exponents = card_of(run), exponents_of(run)
    code, text = visit.asked("currency", 10).upper(), visit.asked("sum", 100).strip()
    check_memo(memo)
    if not card:
        raise HolderMissing(visit.place.config.server_host)
    if text and code not in exponents:
        raise CurrencyUnknown(code)
    amount = Money.parse(text, Currency(code, exponents[code])).decimal if text else ""
    return Page("receive_money.html", {"card": card, **_link(run, card, amount, code if text else "", memo)})


def _link(run: Run, card: Json, amount: str, currency: str, memo: str) -> dict[str, str]:
    return {"money_link": link_of(run, card, amount, currency, memo), "asked": f"{amount} {currency}".strip()}


def _address(visit: Visit) -> dict[str, Any]:
    """Raises AssetUnknown, AccountUnknown and what an amount raises."""
    run, config = Run(visit.place.config, True), visit.place.config
    purse = Purse(current_network(config, visit.place.store), visit.place.store)
    accounts, asked = own_accounts(run), visit.asked("account") or ""
    account = next((one for one in accounts if one.address == asked), None) if asked else accounts[0]
    if account is None:
        raise AccountUnknown(asked[:42])
    symbol, text = visit.asked("asset", 20), visit.asked("amount", 100).strip()
    token = purse.token(symbol) if symbol else purse.listed()[0]
    if token is None:
        raise no_such_asset(symbol, [], purse.listed())
    amount: TokenAmount | None = token_amount(run, text, token, Payee()) if text else None
    return {
        "address": account.address,
        "accounts": [{"address": one.address, "name": one.name} for one in accounts],
        "network": purse.network.name,
        "chain_id": purse.network.chain_id,
        "tokens": [one.symbol for one in purse.listed()],
        "asset": token.symbol,
        "amount": text,
        "link": PaymentUri(account.address, token.chain_id, token.address, amount.units if amount else None).text,
        "is_request": amount is not None,
    }


ROUTES = (get("/receive", receive), get("/receive/money", money))
