"""`tandem speedup`, `cancel`, `allowances`, `revoke` and `sweep`: one's own transactions and what they left behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import click

from chain.address import Address
from fiat.currency import ISO_4217
from fiat.errors import CurrencyUnknown
from wallet.allowances import Allowance, Given
from wallet.cli.ask import fresh_prices
from wallet.cli.own import own_account, own_accounts, payee_of
from wallet.cli.register import open_wallet, tell_notices
from wallet.cli.relay import tell_reading, tell_sending
from wallet.cli.running import Json, Run, command
from wallet.cli.send import check_somebody_is_there, turn
from wallet.cli.show import approve, surprise, table
from wallet.cli.waiting import wait
from wallet.errors import InputMalformed
from wallet.export import worth
from wallet.own_transactions import OwnTransactions, Plan
from wallet.purse import no_such_asset
from wallet.review_effects import PERMIT2, until
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


@command("allowances", _("Who may take tokens of yours, by your node, also through Permit2; and what is at risk."))
@click.option("--from-block", type=click.IntRange(0), default=0, help=_("look at logs from this block on"))
@click.option("--in", "currency", default="EUR", show_default=True, help=_("the currency of what is at risk"))
def allowances(run: Run, from_block: int, currency: str) -> None:
    code = currency.upper()
    if code not in ISO_4217:
        raise CurrencyUnknown(code)
    found = wait(_allowances(run, from_block))
    prices = fresh_prices(run, code) if any(one.at_risk_units for one in found) else {}
    rows: list[Json] = [_row(one, prices, code) for one in found]

    def show() -> None:
        shown = [
            (_asset(one), one.given.spender, _much(one), _risk(row), one.owner)
            for one, row in zip(found, rows, strict=True)
        ]
        table([_("Asset"), _("Who may take it"), _("How much"), _("At risk now"), _("Account")], shown)
        if found:
            click.echo(
                _("`tandem revoke TOKEN SPENDER --from ACCOUNT` takes one back; --permit2 where it says Permit2.")
            )

    run.answer({"allowances": rows}, show)


def _row(one: Allowance, prices: Mapping[str, str], code: str) -> Json:
    symbol = one.listed.symbol if one.listed else ""
    value = worth({"asset": symbol, "amount": one.at_risk}, prices, ISO_4217[code].exponent) if one.at_risk else ""
    return {
        "owner": one.owner,
        "token": one.given.token,
        "asset": symbol,
        "spender": one.given.spender,
        "amount": one.shown or None,
        "amount_units": None if one.units is None else str(one.units),
        "collection": one.units is None,
        "permit2": one.given.via is not None,
        "ends_at": one.ends,
        "at_risk": one.at_risk or None,
        "at_risk_units": None if one.at_risk_units is None else str(one.at_risk_units),
        "value": value or None,
        "value_in": code,
    }


async def _allowances(run: Run, from_block: int) -> list[Allowance]:
    """Of every account; nothing is unlocked for it."""
    async with open_wallet(run) as wallet:
        own = OwnTransactions(wallet)
        tell_reading(run, wallet.purse.network)
        return [one for account in own_accounts(run) for one in await own.allowances(account.address, from_block)]


@command("revoke", _("Let somebody take no more of a token of yours."), asks=True)
@click.argument("token")
@click.argument("spender")
@click.option("--from", "account", default="0", help=_("whose allowance: an account's name, address or number"))
@click.option("--collection", is_flag=True, help=_("everything of a collection (ERC-721, ERC-1155)"))
@click.option("--permit2", is_flag=True, help=_("an allowance that Permit2 keeps"))
def revoke(run: Run, token: str, spender: str, account: str, collection: bool, permit2: bool) -> None:
    taker, owner = Address(spender), own_account(run, account).address
    if collection and permit2:
        raise InputMalformed("options", "--collection --permit2", "one of the two is expected")

    async def planned(own: OwnTransactions) -> Plan:
        return await own.revoked(owner, Given(own.token(token), taker, collection, PERMIT2 if permit2 else None))

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
            tell_sending(run, wallet.purse.network)
            approve(run, plan.review, _("Sign and send?"))
            transaction = await own.submit(plan)
        sent = await own.settle(plan, transaction)
        receipt = sent.receipt
        state = "sent" if receipt is None else "done" if receipt.succeeded else "failed"
        if sent.drift:
            surprise(sent.hash, sent.drift)
        block = receipt.block_number if receipt else None
        drift = [fact.to_json() for fact in sent.drift]
        return {"state": state, "transaction": sent.hash, "block": block, "unforeseen": drift}


def _asset(one: Allowance) -> str:
    name = one.listed.symbol if one.listed else one.given.token
    return f"{name} · Permit2" if one.given.via is not None else name


def _much(one: Allowance) -> str:
    if one.units is None:
        return _("the whole collection")
    much = one.shown or (_("no limit") if one.is_boundless else _("{n} of its smallest unit").format(n=one.units))
    return much if one.ends is None else _("{much}, until {time}").format(much=much, time=until(one.ends))


def _risk(row: Json) -> str:
    """In the token and, where its price is fresh, in money."""
    if row["at_risk"] is None:
        units = row["at_risk_units"]
        return _("not known") if units is None else _("{n} of its smallest unit").format(n=units)
    told = f"{row['at_risk']} {row['asset']}"
    return f"{told} ({row['value']} {row['value_in']})" if row["value"] else told


def _hash(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise InputMalformed("transaction", text[:80], "a hash is 0x and 64 hex digits")
    return raw
