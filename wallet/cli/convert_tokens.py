"""`tandem convert` where a token is given: the payment to the treasury, and what becomes of it until it is credited."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

from chain.address import Address
from chain.token import Token, TokenAmount
from fiat.errors import AmountNotPositive
from fiat.money import decimal_text
from wallet.cli.inert import inert
from wallet.cli.register import tell_notices
from wallet.cli.relay import tell_sending
from wallet.cli.running import Json, Run
from wallet.cli.send import check_somebody_is_there, turn
from wallet.cli.show import approve
from wallet.deposits import OVER, DepositPlan, plan_deposit, standing
from wallet.errors import ServerUnreachable
from wallet.heads import Reader
from wallet.texts import N_, _
from wallet.tokens import TokenRail
from wallet.wallet import Wallet

POLL_SECONDS = 0.5
POLLS_MAX = 1800
"""A quarter of an hour; what is not over by then goes on without anybody looking."""
AWAY_MAX = 20
"""So often in a row the server may be away."""

SENTENCES = {
    "completed": N_("Converted {amount} {asset} into {received} {receive_asset}."),
    "pending_user_transfer_start": N_("Sent {amount} {asset}; the server has not seen it in a block yet."),
    "pending_external": N_("{received} {receive_asset} are coming: the transaction waits for more blocks on its own."),
    "pending_anchor": N_("{amount} {asset} have arrived; the operator's part is under way."),
    "on_hold": N_("{amount} {asset} are on hold: {reason}. The operator looks at it; nothing is lost."),
    "too_small": N_(
        "What arrived is less than a minor unit of {receive_asset}: it is kept for you until it makes one."
    ),
    "refunded": N_("{amount} {asset} were sent back."),
    "expired": N_("The intent is over, and nothing was seen to arrive."),
    "error": N_("The token logged a transfer, and nothing arrived: nothing is credited."),
    "failed": N_("The chain took the transaction and undid it; only the fee was paid: {transaction}"),
}
REASONS = {
    "unknown_sender": N_("the address that it came from is not known to be yours"),
    "no_intent": N_("no intent of yours fits it"),
    "screened": N_("the address that it came from is on the operator's list"),
    "too_much": N_("more arrived than was announced"),
    "late": N_("it came after the quote's end"),
    "unclear": N_("the operator's node does not tell what arrived"),
}


class Selling(NamedTuple):
    """What is asked for. `sender` None: the first account pays."""

    amount: str
    token: Token
    to: str
    sender: Address | None
    returns_late: bool
    waits: bool


async def sell(run: Run, wallet: Wallet, asked: Selling) -> Json:
    """Reviewed and sent like any transaction of one's own; then what the server says of it."""
    amount = TokenAmount.parse(asked.amount, asked.token)
    if amount.units == 0:
        raise AmountNotPositive(asked.amount)
    receive = await wallet.currency(asked.to)
    check_somebody_is_there(run)
    rail = TokenRail(wallet)
    with turn(run):
        if_late = "return" if asked.returns_late else "requote"
        plan = await plan_deposit(wallet, amount, receive, asked.sender, if_late)
        tell_notices(run, wallet)
        tell_sending(run, wallet.purse.network)
        approve(run, plan.payment.review, _("Sign and send?"))
        transaction = await rail.submit(plan.payment)
    sent = await rail.settle(plan.payment, transaction)
    head: Json = {
        "rail": "bridge",
        "deposit": "0x" + plan.terms.id.hex(),
        "amount": amount.format(),
        "asset": amount.token.symbol,
        "receive_asset": receive.code,
        "received": decimal_text(plan.quote.receive_amount, receive.exponent),
        "treasury": plan.payment.receiver,
        "transaction": sent.hash,
        "quote": "0x" + plan.terms.quote.hex(),
        "reason": None,
    }
    if sent.receipt is not None and not sent.receipt.succeeded:
        return {**head, "state": "failed"}
    return {**head, **await _followed(run, wallet, plan, asked.waits)}


async def _followed(run: Run, wallet: Wallet, plan: DepositPlan, waits: bool) -> Json:
    """Until it is over, telling what changes; the last that the server said."""
    found, told, away = await standing(wallet, plan.terms.id), "", 0
    for _poll in range(POLLS_MAX if waits else 0):
        if found["state"] in OVER:
            break
        if (news := _progress(found)) != told:
            run.say(news)
            told = news
        await asyncio.sleep(POLL_SECONDS)
        try:
            found, away = await standing(wallet, plan.terms.id), 0
        except ServerUnreachable:
            away += 1
            if away > AWAY_MAX:
                raise
    return _read(wallet, plan, found)


def _read(wallet: Wallet, plan: DepositPlan, found: Mapping[str, Any]) -> Json:
    """What counts of the server's answer; amounts are read and written anew."""
    answer = Reader(wallet.client.host, "deposit", found)
    own: Json = {"state": answer.text("state"), "next": answer.text("next"), "due_at": found.get("due_at")}
    if found.get("hold") is not None:
        own["reason"] = answer.text("hold")
    if found.get("credit") is not None:
        own["received"] = decimal_text(answer.inner("credit").integer("amount_minor"), plan.quote.exponent)
    return own


def _progress(found: Mapping[str, Any]) -> str:
    if found["state"] == "pending_user_transfer_start":
        return _("Sent; the server waits for it in a block ...")
    arrived = found.get("arrived")
    left = arrived.get("confirmations_left") if isinstance(arrived, dict) else None
    if found["state"] == "pending_external" and type(left) is int and left > 0:
        return _("Seen in a block; {n} more until it is final ...").format(n=left)
    return _("Final; it is being credited ...")


def show(done: Json) -> None:
    """The sentence of its state."""
    reason = REASONS.get(str(done["reason"]), "")
    words = {**done, "reason": _(reason) if reason else inert(str(done["reason"]), 60)}
    click.echo(_(SENTENCES[done["state"]]).format(**words))
