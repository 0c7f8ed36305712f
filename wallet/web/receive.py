"""Receive: where others send to, each kind of money under its own heading, the chain always named."""

from __future__ import annotations

from typing import Any

from chain.token import TokenAmount
from wallet.cli.own import own_accounts
from wallet.cli.receive import card_of
from wallet.cli.running import Run
from wallet.cli.send import token_amount
from wallet.errors import AccountUnknown
from wallet.networks import current_network
from wallet.payee import Payee
from wallet.payment_uri import write_payment_uri
from wallet.purse import Purse, no_such_asset
from wallet.texts import _
from wallet.web.visit import Answer, Page, Visit, get


async def receive(visit: Visit) -> Answer:
    """The address with its QR code, for an amount of a token where one was asked; and the handle."""
    values = _address(visit) | {"card": card_of(Run(visit.place.config, True))}
    if visit.is_fragment:
        return Page("receive_address.html", values)
    return Page("receive.html", values, _("Receive"))


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
    amount: TokenAmount | None = token_amount(text, token, Payee()) if text else None
    return {
        "address": account.address,
        "accounts": [{"address": one.address, "name": one.name} for one in accounts],
        "network": purse.network.name,
        "chain_id": purse.network.chain_id,
        "tokens": [one.symbol for one in purse.listed()],
        "asset": token.symbol,
        "amount": text,
        "link": write_payment_uri(account.address, token, amount),
        "is_request": amount is not None,
    }


ROUTES = (get("/receive", receive),)
