"""`tandem convert`: fiat to fiat at a quote that is firm for a minute and used once."""

from __future__ import annotations

import click

from fiat.money import decimal_text
from wallet.cli.register import open_wallet
from wallet.cli.running import Json, Run, command
from wallet.cli.send import NEGATIVES, check_somebody_is_there, confirmed, outcome
from wallet.cli.waiting import wait
from wallet.errors import NotBuilt
from wallet.orders import plan_conversion
from wallet.texts import _


@command(
    "convert",
    _("Exchange AMOUNT of one currency into another, at a quote that is firm for a minute."),
    asks=True,
    context_settings=NEGATIVES,
)
@click.argument("amount")
@click.argument("from_", metavar="FROM")
@click.argument("to")
@click.option("--again", default="", help=_("repeat the order of this number, as it was"))
def convert(run: Run, amount: str, from_: str, to: str, again: str) -> None:
    with run.store.one_command():
        done = wait(_convert(run, amount, from_.upper(), to.upper(), again))
    sentence = _("Converted {amount} {asset} into {received} {receive_asset}; the receipt is checked and kept.")
    repeated = _("Converted; the receipt is checked and kept.")
    run.answer(done, lambda: click.echo(sentence.format(**done) if "received" in done else repeated))


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
