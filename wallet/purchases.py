"""Buying a token with a currency of the ledger: the order that accepts a quote, and what becomes of it.

The token arrives at an account of the person's own, which the order names: the server can send it nowhere else without
breaking what it signed. What the quote says is held against the person's own list of tokens.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from chain.address import Address
from chain.token import Token
from fiat.money import Money
from fiat.order import LedgerConversion, text_hash
from wallet.errors import AnswerUnfit
from wallet.heads import Json, Reader
from wallet.proofs import read_bridge_quote
from wallet.review import Told
from wallet.wallet import OrderPlan, Wallet

OVER = frozenset({"completed", "refunded", "expired", "too_small", "too_large", "error"})
STATES = OVER | {"incomplete", "pending_user_transfer_start", "pending_external", "pending_anchor", "on_hold"}
STEPS = frozenset({"sign", "pay", "send", "confirm", "credit", "review", "nothing"})
POLL_SECONDS, POLLS_MAX = 0.5, 240


async def plan_purchase(wallet: Wallet, amount: Money, token: Token) -> OrderPlan:
    """An order that accepts a quote, asked for now, for `token` at one's own first account.

    Raises ProofMissing where the quote does not hold, AnswerUnfit where it is for something else.
    """
    receiver = await own_account(wallet)
    head, total = await wallet.head_that_covers("conversion", amount)
    ledger, host = await wallet.client.ledger(), wallet.client.host
    asked = {"from": amount.currency.code, "to": token.symbol, "amount_minor": str(amount.minor)}
    quote = read_bridge_quote(host, await wallet.client.post("/quotes", asked, session=True), ledger)
    contract = bytes(20) if token.address is None else token.address.raw
    agreed = (quote.holder, quote.to_token, quote.currency, quote.exponent, quote.give_amount, quote.fee_minor)
    own = (
        wallet.client.holder,
        True,
        amount.currency.code,
        amount.currency.exponent,
        amount.minor,
        total - amount.minor,
    )
    listed = (token.chain_id, contract, token.symbol, token.decimals)
    if agreed != own or (quote.chain_id, quote.token, quote.symbol, quote.decimals) != listed:
        raise AnswerUnfit(host, "quote")
    await wallet.check_funds(amount.currency, quote.total_minor)
    shown = Told(os.urandom(16), f"{amount.currency} > {token.symbol}")
    order = LedgerConversion(
        **head,
        shown=text_hash(shown.salt, shown.text),
        currency=amount.currency.code,
        exponent=amount.currency.exponent,
        amount_minor=amount.minor,
        total_max_minor=quote.total_minor,
        receive_asset=quote.asset,
        receive_min_minor=quote.receive_amount,
        receive_to=receiver.raw,
        reference=quote.digest(ledger.id),
    )
    return await wallet.plan(order, {"shown": shown}, quote=quote, token=token)


async def own_account(wallet: Wallet) -> Address:
    """The first of the person's accounts, which was proved to the server when they registered."""
    return (await (await wallet.signer()).status()).accounts[0]


async def state_of(wallet: Wallet, nonce: str) -> Json:
    """Where the conversion stands: state, next, due_at, why, transaction. Raises AnswerUnfit."""
    found = Reader(wallet.client.host, "conversion", await wallet.client.get(f"/conversions/{nonce}", session=True))
    state, step = found.text("state"), found.text("next")
    if state not in STATES or step not in STEPS:
        raise AnswerUnfit(wallet.client.host, "conversion.state")
    texts = {name: found.document.get(name) for name in ("due_at", "why", "transaction", "since")}
    told = {name: text for name, text in texts.items() if isinstance(text, str)}
    return {"state": state, "next": step, **dict.fromkeys(texts), **told}


async def followed(wallet: Wallet, nonce: str, tell: Callable[[Json], None]) -> Json:
    """Waits until it is over, for two minutes at most; `tell` is told each new state."""
    told = ""
    for _poll in range(POLLS_MAX):
        found = await state_of(wallet, nonce)
        if found["state"] != told:
            told = found["state"]
            tell(found)
        if told in OVER or told == "on_hold":
            break
        await asyncio.sleep(POLL_SECONDS)
    return found
