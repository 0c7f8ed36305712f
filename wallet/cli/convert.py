"""`tandem convert`: at a quote that is firm for a minute and used once. Tokens that are given: convert_tokens.py."""

from __future__ import annotations

import click

from chain.token import Token
from fiat.currency import ISO_4217
from fiat.money import decimal_text
from wallet.cli.convert_tokens import Selling, sell, show
from wallet.cli.own import own_account
from wallet.cli.register import open_wallet
from wallet.cli.running import Json, Run, command
from wallet.cli.send import NEGATIVES, check_somebody_is_there, confirmed, outcome
from wallet.cli.waiting import wait
from wallet.errors import NotBuilt
from wallet.orders import plan_conversion
from wallet.texts import _


@command(
    "convert",
    _("Exchange AMOUNT of a currency or token for a currency, at a quote that is firm for a minute."),
    asks=True,
    context_settings=NEGATIVES,
)
@click.argument("amount")
@click.argument("from_", metavar="FROM")
@click.argument("to")
@click.option("--again", default="", help=_("repeat the order of this number, as it was"))
@click.option("--from", "account", default="", help=_("which account pays a token: its name, address or number"))
@click.option("--return-late", is_flag=True, help=_("have a token back that arrives after the quote's end"))
@click.option("--no-wait", is_flag=True, help=_("do not wait until a token is credited"))
def convert(
    run: Run, amount: str, from_: str, to: str, again: str, account: str, return_late: bool, no_wait: bool
) -> None:
    sender = own_account(run, account).address if account else None
    given = None if again else wait(_token(run, from_))
    if given is not None and to.upper() in ISO_4217:
        sold = wait(_sell(run, Selling(amount, given, to.upper(), sender, return_late, not no_wait)))
        return run.answer(sold, lambda: show(sold))
    with run.store.one_command():
        done = wait(_convert(run, amount, from_.upper(), to.upper(), again))
    sentence = _("Converted {amount} {asset} into {received} {receive_asset}; the receipt is checked and kept.")
    repeated = _("Converted; the receipt is checked and kept.")
    return run.answer(done, lambda: click.echo(sentence.format(**done) if "received" in done else repeated))


async def _token(run: Run, name: str) -> Token | None:
    """The listed token of that name; None for money."""
    async with open_wallet(run) as wallet:
        return None if name.upper() in ISO_4217 else wallet.purse.token(name)


async def _sell(run: Run, asked: Selling) -> Json:
    async with open_wallet(run) as wallet:
        return await sell(run, wallet, asked)


async def _convert(run: Run, amount: str, from_: str, to: str, again: str) -> Json:
    async with open_wallet(run) as wallet:
        if again:
            return outcome(await wallet.repeat_order(again), again)
        if any(wallet.purse.token(asset) is not None for asset in (from_, to)):
            raise NotBuilt(f"convert {from_} {to}")  # tokens are no money of the ledger
        money = await wallet.money(amount, from_)
        receive = await wallet.currency(to)
        check_somebody_is_there(run)
        plan = await plan_conversion(wallet, money, receive)
        done = outcome(await confirmed(run, wallet, plan), to)
        fields = plan.order.to_json()
        received = decimal_text(int(fields["receiveMinMinor"]), receive.exponent)
        sums = {"amount": money.decimal, "asset": from_, "received": received, "receive_asset": to}
        return {**done, **sums, "quote": fields["reference"]}
