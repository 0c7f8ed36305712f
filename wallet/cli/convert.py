"""`tandem convert`: currencies and tokens, at a quote firm for a minute. A token that is given: convert_tokens.py."""

from __future__ import annotations

import click

from chain.address import Address
from chain.token import Token, TokenAmount
from fiat.currency import ISO_4217
from fiat.money import Money, decimal_text
from fiat.order import LedgerConversion
from wallet.cli.bridge_words import in_words
from wallet.cli.convert_tokens import Selling, sell, show
from wallet.cli.own import own_account
from wallet.cli.register import open_wallet
from wallet.cli.running import Json, Run, command
from wallet.cli.send import NEGATIVES, check_somebody_is_there, confirmed, outcome
from wallet.cli.waiting import wait
from wallet.errors import NotBuilt
from wallet.orders import plan_conversion
from wallet.purchases import followed, plan_purchase, state_of
from wallet.texts import _
from wallet.wallet import Wallet


@command(
    "convert",
    _("Exchange AMOUNT of a currency or token for another, at a quote that is firm for a minute."),
    asks=True,
    context_settings=NEGATIVES,
)
@click.argument("amount")
@click.argument("from_", metavar="FROM")
@click.argument("to")
@click.option("--again", default="", help=_("repeat the order of this number, as it was"))
@click.option("--from", "account", default="", help=_("which account pays a token: its name, address or number"))
@click.option("--return-late", is_flag=True, help=_("have a token back that arrives after the quote's end"))
@click.option("--no-wait", is_flag=True, help=_("do not wait until a token has arrived"))
def convert(
    run: Run, amount: str, from_: str, to: str, again: str, account: str, return_late: bool, no_wait: bool
) -> None:
    sender = own_account(run, account).address if account else None
    given = None if again else wait(_token(run, from_))
    if given is not None and to.upper() in ISO_4217:
        sold = wait(_sell(run, Selling(amount, given, to.upper(), sender, return_late, not no_wait)))
        return run.answer(sold, lambda: show(sold))
    with run.store.one_command():
        done = wait(_convert(run, amount, from_.upper(), to, again, waits=not no_wait))
    return run.answer(done, lambda: click.echo(_sentence(done)))


async def _token(run: Run, name: str) -> Token | None:
    """The listed token of that name; None for money."""
    async with open_wallet(run) as wallet:
        return None if name.upper() in ISO_4217 else wallet.purse.token(name)


async def _sell(run: Run, asked: Selling) -> Json:
    async with open_wallet(run) as wallet:
        return await sell(run, wallet, asked)


def _sentence(done: Json) -> str:
    if "conversion" in done:
        state = done["conversion"]["state"]
        if state == "completed":
            text = _("Converted {amount} {asset} into {received} {receive_asset}, at {to}: {transaction}")
            return text.format(**{**done, "transaction": done["conversion"]["transaction"]})
        text = _(
            "{amount} {asset} into {received} {receive_asset}: {state} `tandem activity` shows what becomes of it."
        )
        return text.format(**{**done, "state": in_words(done["conversion"])})
    if "received" not in done:
        return _("Converted; the receipt is checked and kept.")
    return _("Converted {amount} {asset} into {received} {receive_asset}; the receipt is checked and kept.").format(
        **done
    )


async def _convert(run: Run, amount: str, from_: str, to: str, again: str, *, waits: bool) -> Json:
    async with open_wallet(run) as wallet:
        if again:
            return outcome(await wallet.repeat_order(again), again)
        if wallet.purse.token(from_) is not None:
            raise NotBuilt(f"convert {from_} {to}")
        money, token = await wallet.money(amount, from_), wallet.purse.token(to)
        if token is not None:
            return await _purchase(run, wallet, money, token, waits=waits)
        receive = await wallet.currency(to.upper())
        check_somebody_is_there(run)
        plan = await plan_conversion(wallet, money, receive)
        done = outcome(await confirmed(run, wallet, plan), receive.code)
        fields = plan.order.to_json()
        received = decimal_text(int(fields["receiveMinMinor"]), receive.exponent)
        sums = {"amount": money.decimal, "asset": from_, "received": received, "receive_asset": receive.code}
        return {**done, **sums, "quote": fields["reference"]}


async def _purchase(run: Run, wallet: Wallet, money: Money, token: Token, *, waits: bool) -> Json:
    """A token: signed like any order, then followed until it has arrived or is known never to."""
    check_somebody_is_there(run)
    plan = await plan_purchase(wallet, money, token)
    order = plan.order
    assert isinstance(order, LedgerConversion), "it was planned as one"
    done = outcome(await confirmed(run, wallet, plan), token.symbol)
    nonce = "0x" + order.nonce.hex()
    if waits:
        told = await followed(wallet, nonce, lambda found: click.echo(in_words(found), err=True))
    else:
        told = await state_of(wallet, nonce)
    received = TokenAmount(order.receive_min_minor, token).format()
    sums = {"amount": money.decimal, "asset": money.currency.code, "received": received, "receive_asset": token.symbol}
    where = {"to": Address.from_bytes(order.receive_to), "chain_id": token.chain_id}
    return {**done, **sums, **where, "quote": "0x" + order.reference.hex(), "conversion": told}
