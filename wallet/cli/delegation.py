"""`tandem delegation`: whether another contract's code runs as an account of yours (EIP-7702); set it, clear it."""

from __future__ import annotations

import click

from chain.address import Address
from chain.delegation import NOBODY
from wallet.cli.own import accounts_kept, own_account, own_accounts
from wallet.cli.register import open_wallet, tell_notices
from wallet.cli.relay import tell_reading, tell_sending
from wallet.cli.running import Json, Run, command, group
from wallet.cli.send import check_somebody_is_there
from wallet.cli.show import approve, table
from wallet.cli.waiting import wait
from wallet.cli.words import WORDS
from wallet.delegations import Delegated, Delegations
from wallet.errors import InputMalformed
from wallet.review_delegation import code_text
from wallet.texts import _

PAID_BY = _("which other account of yours pays the fee: its name, address or number")


@command("show", _("Whose code an account runs, by your node; all of yours if none is named."))
@click.argument("account", default="")
def show(run: Run, account: str) -> None:
    _show(run, [own_account(run, account).address] if account else [one.address for one in own_accounts(run)])


@command("set", _("Let a contract's code run as your account. It can then do anything with it."), asks=True)
@click.argument("account")
@click.argument("contract")
@click.option("--paid-by", default="", help=PAID_BY)
def set_(run: Run, account: str, contract: str, paid_by: str) -> None:
    delegate = Address(contract)
    if delegate == NOBODY:
        raise InputMalformed("delegation", contract, "the zero address clears: `tandem delegation clear`")
    _change(run, account, delegate, paid_by)


@command("clear", _("Let no other contract's code run as your account any more."), asks=True)
@click.argument("account")
@click.option("--paid-by", default="", help=PAID_BY)
def clear(run: Run, account: str, paid_by: str) -> None:
    _change(run, account, NOBODY, paid_by)


@group("delegation", _("Accounts of yours that run another contract's code (EIP-7702)."), show, set_, clear)
def delegation(run: Run) -> None:
    _show(run, [one.address for one in own_accounts(run)])


def _change(run: Run, account: str, delegate: Address, paid_by: str) -> None:
    changed = own_account(run, account).address
    payer = own_account(run, paid_by).address if paid_by else changed
    check_somebody_is_there(run)
    with run.store.one_command():
        answer = wait(_sent(run, changed, delegate, payer))
    sentences = {
        "done": _("Done, in block {block}: {transaction}"),
        "sent": _("Sent; no block has it yet: {transaction}"),
        "failed": _("The chain took the transaction and undid it; only the fee was paid: {transaction}"),
        "unchanged": _(
            "The chain took the transaction, but {account} runs what it did: something else was sent from it "
            "meanwhile. Try again: {transaction}"
        ),
    }
    run.answer(answer, lambda: click.echo(sentences[answer["state"]].format(**answer)))


async def _sent(run: Run, account: Address, delegate: Address, payer: Address) -> Json:
    async with open_wallet(run) as wallet:
        delegations = Delegations(wallet)
        plan = await delegations.plan(account, delegate, payer)
        tell_notices(run, wallet)
        tell_sending(run, wallet.purse.network)
        approve(run, plan.review, _("Sign and send?"))
        sent = await delegations.send(plan)
    now = None if delegate == NOBODY else delegate
    answer: Json = {"state": sent.state, "account": account, "delegate": now, "paid_by": payer}
    return {**answer, "transaction": sent.hash, "block": sent.block}


def _show(run: Run, accounts: list[Address]) -> None:
    found = wait(_seen(run, accounts))
    names = {one.address: one.name for one in accounts_kept(run)}
    rows: list[Json] = [
        {
            "account": one.account,
            "name": names.get(one.account, ""),
            "delegate": one.delegate,
            "delegate_code_bytes": None if one.delegate is None else len(one.code),
        }
        for one in found
    ]

    def told() -> None:
        shown = [(one.account, names.get(one.account, ""), *_words(one)) for one in found]
        table([_("Account"), _("Name"), _("Runs the code of (EIP-7702)"), _("Code there, in bytes")], shown)
        if any(one.delegate for one in found):
            click.echo(_("`tandem delegation clear ACCOUNT` ends it; --paid-by ANOTHER lets another one pay."))

    run.answer({"delegations": rows}, told)


def _words(one: Delegated) -> tuple[str, str]:
    if one.delegate is None:
        return _("nobody"), ""
    text = code_text(one.code)
    return one.delegate, _(WORDS[text]) if text in WORDS else text


async def _seen(run: Run, accounts: list[Address]) -> list[Delegated]:
    async with open_wallet(run) as wallet:
        tell_reading(run, wallet.purse.network)
        return await Delegations(wallet).seen(accounts)
