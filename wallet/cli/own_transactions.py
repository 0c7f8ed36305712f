"""`tandem speedup`, `cancel`, `allowances`, `revoke` and `sweep`: one's own transactions and what they left behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import click

from chain.address import Address
from wallet.cli.own import own_account, own_accounts, payee_of
from wallet.cli.register import open_wallet, tell_notices
from wallet.cli.running import Json, Run, command
from wallet.cli.send import check_somebody_is_there, turn
from wallet.cli.show import approve, table
from wallet.cli.waiting import wait
from wallet.errors import InputMalformed
from wallet.own_transactions import Allowance, OwnTransactions, Plan
from wallet.purse import no_such_asset
from wallet.texts import _

Planning = Callable[[OwnTransactions], Awaitable[Plan]]


@command("speedup", _("Send a transaction that waits again, at a higher fee."), asks=True)
@click.argument("transaction", metavar="HASH")
def speedup(run: Run, transaction: str) -> None:
    known = _hash(transaction)
    send_planned(run, lambda own: own.replaced(known, cancelled=False))


@command("cancel", _("Put nothing in the place of a transaction that waits, at a higher fee."), asks=True)
@click.argument("transaction", metavar="HASH")
def cancel(run: Run, transaction: str) -> None:
    known = _hash(transaction)
    send_planned(run, lambda own: own.replaced(known, cancelled=True))


@command("allowances", _("Who may take tokens of yours, by your node."))
@click.option("--from-block", type=click.IntRange(0), default=0, help=_("look at logs from this block on"))
def allowances(run: Run, from_block: int) -> None:
    found = wait(_allowances(run, from_block))
    rows: list[Json] = [
        {
            "owner": one.owner,
            "token": one.token,
            "asset": one.symbol,
            "spender": one.spender,
            "amount": one.shown or None,
            "amount_units": None if one.units is None else str(one.units),
            "collection": one.units is None,
        }
        for one in found
    ]

    def show() -> None:
        shown = [(one.symbol or one.token, one.spender, _much(one), one.owner) for one in found]
        table([_("Asset"), _("Who may take it"), _("How much"), _("Account")], shown)
        if found:
            click.echo(_("`tandem revoke TOKEN SPENDER --from ACCOUNT` takes one back."))

    run.answer({"allowances": rows}, show)


async def _allowances(run: Run, from_block: int) -> list[Allowance]:
    """Of every account; nothing is unlocked for it."""
    async with open_wallet(run) as wallet:
        own = OwnTransactions(wallet)
        return [one for account in own_accounts(run) for one in await own.allowances(account.address, from_block)]


@command("revoke", _("Let somebody take no more of a token of yours."), asks=True)
@click.argument("token")
@click.argument("spender")
@click.option("--from", "account", default="0", help=_("whose allowance: an account's name, address or number"))
@click.option("--collection", is_flag=True, help=_("everything of a collection (ERC-721, ERC-1155)"))
def revoke(run: Run, token: str, spender: str, account: str, collection: bool) -> None:
    taker, owner = Address(spender), own_account(run, account).address

    async def planned(own: OwnTransactions) -> Plan:
        return await own.revoked(owner, own.token(token), taker, is_all=collection)

    send_planned(run, planned)


@command("sweep", _("Send everything of one asset; of the chain's own coin, what the fee leaves."), asks=True)
@click.argument("asset")
@click.argument("to")
@click.option("--from", "account", default="0", help=_("which account: its name, address or number"))
def sweep(run: Run, asset: str, to: str, account: str) -> None:
    payee, owner = payee_of(run, to), own_account(run, account).address
    if payee.address is None:
        raise InputMalformed("payee", to[:80], "an address, or a name for one, is expected")
    receiver = payee.address

    async def planned(own: OwnTransactions) -> Plan:
        found = own.purse.token(asset)
        if found is None:
            raise no_such_asset(asset, [], own.purse.listed())
        return await own.swept(owner, found, receiver)

    send_planned(run, planned)


def send_planned(run: Run, planning: Planning) -> None:
    """Plan, review, yes, signature, answer."""
    check_somebody_is_there(run)
    answer = wait(_sent(run, planning))
    sentences = {
        "done": _("Done, in block {block}: {transaction}"),
        "sent": _("Sent; no block has it yet: {transaction}"),
        "failed": _("The chain took the transaction and undid it; only the fee was paid: {transaction}"),
    }
    run.answer(answer, lambda: click.echo(sentences[answer["state"]].format(**answer)))


async def _sent(run: Run, planning: Planning) -> Json:
    async with open_wallet(run) as wallet:
        own = OwnTransactions(wallet)
        with turn(run):  # until the node has it: the next one's number is another then
            plan = await planning(own)
            tell_notices(run, wallet)
            approve(run, plan.review, _("Sign and send?"))
            transaction = await own.submit(plan)
        sent = await own.settle(transaction)
        receipt = sent.receipt
        state = "sent" if receipt is None else "done" if receipt.succeeded else "failed"
        return {"state": state, "transaction": sent.hash, "block": receipt.block_number if receipt else None}


def _much(allowance: Allowance) -> str:
    if allowance.units is None:
        return _("the whole collection")
    if allowance.shown:
        return allowance.shown
    return _("no limit") if allowance.units > 1 << 200 else _("{n} of its smallest unit").format(n=allowance.units)


def _hash(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise InputMalformed("transaction", text[:80], "a hash is 0x and 64 hex digits")
    return raw
