"""`tandem topup` and `tandem withdraw`: money in and out through the operator's gateways."""

from __future__ import annotations

import asyncio
import os

import click

from fiat.money import decimal_text
from wallet.cli.links import check_memo
from wallet.cli.register import open_wallet, tell_notices
from wallet.cli.running import Json, Run, command
from wallet.cli.send import NEGATIVES, accepted, check_somebody_is_there, sign_and_send
from wallet.cli.waiting import wait
from wallet.errors import AnswerUnfit, OutcomeUnknown, ServerUnreachable
from wallet.heads import Reader
from wallet.payee import read_destination
from wallet.texts import _
from wallet.wallet import Wallet

POLLS_MAX = 40
POLL_SECONDS = 0.25


@command("topup", _("Bring money in through a gateway."), context_settings=NEGATIVES)
@click.argument("amount")
@click.argument("currency")
@click.option(
    "--via", "gateway", type=click.Choice(["sandbox"]), default="sandbox", show_default=True, help=_("the gateway")
)
@click.option("--again", default="", help=_("repeat the top-up of this number, as it was"))
def topup(run: Run, amount: str, currency: str, gateway: str, again: str) -> None:
    with run.store.one_command():
        found = wait(_topup(run, amount, currency.upper(), gateway, again))

    def show() -> None:
        settled = _("{amount} {currency} have arrived in your account.")
        if found["net"] != found["amount"]:
            settled = _("{net} {currency} have arrived in your account; {fee} {currency} were kept back as a fee.")
        pending = _("{amount} {currency} are on their way; `tandem activity` shows when they arrive.")
        text = {"settled": settled, "pending": pending}
        click.echo(text[found["state"]].format(**found))

    run.answer(found, show)


async def _topup(run: Run, amount: str, currency: str, gateway: str, again: str) -> Json:
    async with open_wallet(run) as wallet:
        money = await wallet.money(amount, currency)
        await wallet.ensure_session()
        tell_notices(run, wallet)
        identity = again or "0x" + os.urandom(32).hex()
        body = {"gateway": gateway, "currency": money.currency.code, "amount_minor": str(money.minor)}
        try:
            found = await wallet.client.ask("PUT", f"/topups/{identity}", body, session=True)
        except ServerUnreachable as lost:
            if lost.reason == "connection":
                raise
            raise OutcomeUnknown(wallet.client.host, identity) from None
        found = await _settled(wallet, identity, found)
        fee = Reader(wallet.client.host, "topup", found).integer("fee_minor")
        if fee >= money.minor:
            raise AnswerUnfit(wallet.client.host, "topup.fee_minor")
        net, fee_text = (decimal_text(minor, money.currency.exponent) for minor in (money.minor - fee, fee))
        # What was asked for, in our own words; the server's part is whether it has come, and what it kept back.
        own = {"id": identity, "amount": money.decimal, "currency": money.currency.code}
        return {**found, **own, "net": net, "fee": fee_text}


async def _settled(wallet: Wallet, identity: str, found: Json) -> Json:
    """Waits a while for the gateway; what is not settled by then stays pending."""
    for _poll in range(POLLS_MAX):
        if found.get("state") != "pending":
            break
        await asyncio.sleep(POLL_SECONDS)
        found = await wallet.client.get(f"/topups/{identity}", session=True)
    if found.get("state") not in ("pending", "settled"):
        raise AnswerUnfit(wallet.client.host, "topup.state")
    return found


@command(
    "withdraw",
    _(
        "Take money out. DEST is iban:..., card:... or account:.... "
        "The sandbox bank sends back what goes to an IBAN that ends in 0000."
    ),
    asks=True,
    context_settings=NEGATIVES,
)
@click.argument("amount")
@click.argument("currency")
@click.option("--to", "destination", required=True, metavar="DEST", help=_("where the money goes"))
@click.option("--memo", default="", help=_("a text for yourself"))
@click.option("--again", default="", help=_("repeat the order of this number, as it was"))
def withdraw(run: Run, amount: str, currency: str, destination: str, memo: str, again: str) -> None:
    target = read_destination(destination)
    check_memo(memo)
    with run.store.one_command():
        paid = wait(_withdraw(run, amount, currency.upper(), target, memo, again))
    sentence = _("{amount} {asset} to {to}: accepted; `tandem activity` shows when it is paid.")
    run.answer({**paid, "to": target}, lambda: click.echo(sentence.format(**{**paid, "to": target})))


async def _withdraw(run: Run, amount: str, currency: str, target: str, memo: str, again: str) -> Json:
    async with open_wallet(run) as wallet:
        if again:
            return accepted(await wallet.repeat_order(again), amount, currency)
        money = await wallet.money(amount, currency)
        check_somebody_is_there(run)
        plan = await wallet.plan_withdrawal(money, target, memo)
        return await sign_and_send(run, wallet, plan)
