"""`tandem send`: the asset decides the rail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from chain.address import Address
from chain.errors import AmountMalformed
from chain.fees import Speed
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest
from fiat.errors import AmountNotPositive
from fiat.money import Money
from wallet.cli import terminal
from wallet.cli.contacts import remember
from wallet.cli.links import asked_by, check_memo, check_tokens, is_link, request_of
from wallet.cli.new_file import write_new
from wallet.cli.own import own_account, payee_of, sender_of
from wallet.cli.register import open_wallet, tell_notices
from wallet.cli.relay import tell_reading, tell_sending
from wallet.cli.running import Json, Run, command
from wallet.cli.show import approve, surprise
from wallet.cli.waiting import wait
from wallet.errors import InputMalformed, StateBusy, StateUnusable, TerminalNeeded
from wallet.payee import Payee
from wallet.payment_link import check_request
from wallet.purse import no_such_asset
from wallet.texts import _
from wallet.tokens import NORMAL_GAS, Gas, TokenRail
from wallet.unsigned import Unsigned
from wallet.wallet import OrderPlan, Wallet

GWEI_PER_GAS = Token(1, None, "gwei", "gwei per gas", 9)
TURN_SECONDS = 300
"""How long one waits for others that send from the same wallet at the same time."""
NEGATIVES = {"ignore_unknown_options": True}
"""So that -5 is an amount that is refused, and no option that is unknown."""

speed_option = click.option(
    "--speed",
    type=click.Choice([speed.value for speed in Speed]),
    default=Speed.NORMAL.value,
    show_default=True,
    help=_("how soon a block should have it (tokens only)"),
)
max_fee_option = click.option(
    "--max-fee", default="", metavar="GWEI", help=_("the most that you pay for a unit of gas (tokens only)")
)


@command(
    "send",
    _("Send fiat or tokens: to @handle, @handle#fingerprint, an address, a contact, or a link, which may stand alone."),
    asks=True,
    context_settings=NEGATIVES,
)
@click.argument("amount", metavar="AMOUNT|LINK")
@click.argument("asset", default="")
@click.argument("to", default="")
@click.option("--memo", default="", help=_("a text for the payee (fiat only)"))
@click.option("--again", default="", help=_("repeat the order of this number, as it was"))
@click.option("--from", "account", default="", help=_("which account pays (tokens only): its name, address or number"))
@speed_option
@max_fee_option
@click.option("--offline", type=click.Path(path_type=Path), help=_("write it unsigned to this new file (tokens only)"))
def send(
    run: Run,
    amount: str,
    asset: str,
    to: str,
    memo: str,
    again: str,
    account: str,
    speed: str,
    max_fee: str,
    offline: Path | None,
) -> None:
    if not to:
        if asset or not is_link(amount):
            raise click.UsageError(_("AMOUNT ASSET TO are expected, or a link that asks for an amount."))
        to, (amount, asset) = amount, asked_by(run, amount)
    payee = payee_of(run, to)
    check_memo(memo)
    gas = Gas(Speed(speed), _gwei(max_fee))
    if offline is not None:
        _write_unsigned(run, amount, asset, payee, sender_of(run, account), offline, gas)
        return
    sender = own_account(run, account).address if account else None
    sent = wait(_send(run, amount, asset, payee, memo, again, sender, gas))
    if sent["state"] != "failed":
        remember(run, payee)
    run.answer(sent, lambda: click.echo(_sentence(sent, _named(payee, to))))
    if sent.get("arrived") is not None:
        run.say(_("The token's own record says that {arrived} {asset} arrived, not {amount}.").format(**sent))


def _named(payee: Payee, to: str) -> str:
    """Whom it went to, as a sentence says it."""
    if not payee.link:
        return to
    return f"@{payee.handle}" if payee.handle else str(payee.address)


def _write_unsigned(run: Run, amount: str, asset: str, payee: Payee, sender: Address, file: Path, gas: Gas) -> None:
    """For `tandem sign` on the machine that has the key."""
    receiver = payee.address
    if receiver is None:
        raise InputMalformed("payee", f"@{payee.handle}", "an address, or a name for one, is expected")
    if file.exists():
        raise StateUnusable(str(file), _("it is there already"))

    async def prepared() -> TransactionRequest:
        async with open_wallet(run) as wallet:
            tell_reading(run, wallet.purse.network)
            token = wallet.purse.token(asset)
            if token is None:
                raise no_such_asset(asset, [], wallet.purse.listed())
            return await TokenRail(wallet).plan_unsigned(token_amount(run, amount, token, payee), receiver, sender, gas)

    unsigned = Unsigned(wait(prepared())).to_json()
    write_new(file, json.dumps(unsigned, indent=1))
    answer: Json = {"file": str(file), "state": "unsigned", "sender": sender, "digest": unsigned["digest"]}
    run.answer(answer, lambda: click.echo(_("Unsigned, in {file}: `tandem sign` where the key is.").format(**answer)))


async def _send(
    run: Run, amount: str, asset: str, payee: Payee, memo: str, again: str, sender: Address | None, gas: Gas
) -> Json:
    async with open_wallet(run) as wallet:
        token = None if again else wallet.purse.token(asset)
        if token is not None:
            return await _send_tokens(run, wallet, token_amount(run, amount, token, payee), payee, memo, sender, gas)
        with run.store.one_command():
            return await _send_money(run, wallet, amount, asset, payee, memo, again, sender, gas)


async def _send_money(
    run: Run,
    wallet: Wallet,
    amount: str,
    asset: str,
    payee: Payee,
    memo: str,
    again: str,
    sender: Address | None,
    gas: Gas,
) -> Json:
    if again:
        return accepted(await wallet.repeat_order(again), amount, asset.upper())
    money = await wallet.money(amount, asset.upper())
    if gas != NORMAL_GAS:
        raise InputMalformed("max-fee", asset, "money at the server needs no gas")
    if sender is not None:
        raise InputMalformed("account", sender, "money at the server leaves your account there, and no other")
    if payee.address is not None:
        raise InputMalformed("payee", payee.address, _("{asset} is sent to a @handle").format(asset=money.currency))
    if (request := request_of(run, payee)) is not None:
        memo = memo or request.memo
        check_request(request, money.decimal, money.currency.code, memo)
    check_somebody_is_there(run)
    plan = await wallet.plan_transfer(money, payee, memo)
    return await sign_and_send(run, wallet, plan)


async def sign_and_send(run: Run, wallet: Wallet, plan: OrderPlan) -> Json:
    """Review, yes, signature, answer, for an order that moves an amount now."""
    answer = await confirmed(run, wallet, plan)
    fields = plan.order.to_json()
    money = Money(int(fields["amountMinor"]), await wallet.currency(fields["currency"]))
    return accepted(answer, money.decimal, money.currency.code)


async def confirmed(run: Run, wallet: Wallet, plan: OrderPlan) -> Json:
    """Review, yes, signature, answer: the same for every order."""
    tell_notices(run, wallet)
    approve(run, plan.review, _("Sign and send?"))
    return await wallet.send_order(plan)


def outcome(answer: Json, about: str) -> Json:
    """What commands answer for an order that moves nothing outside by itself."""
    seal = str(int(answer["receipt"]["seal"]["number"]))
    head = {"rail": "ledger", "state": "accepted", "about": about, "nonce": answer["nonce"], "at": answer["at"]}
    return {**head, "seal": seal, "receipt": answer["receipt"]}


def accepted(answer: Json, amount: str, asset: str) -> Json:
    """What `send` and `withdraw` answer for an order."""
    sequence = str(int(answer["receipt"]["seal"]["number"]))
    return {
        "rail": "ledger",
        "state": "accepted",
        "amount": amount,
        "asset": asset,
        "nonce": answer["nonce"],
        "at": answer["at"],
        "seal": sequence,
        "receipt": answer["receipt"],
    }


async def _send_tokens(
    run: Run, wallet: Wallet, amount: TokenAmount, payee: Payee, memo: str, sender: Address | None, gas: Gas
) -> Json:
    if memo:
        raise InputMalformed("memo", memo[:40], _("a chain carries none"))
    check_somebody_is_there(run)
    rail = TokenRail(wallet)
    with turn(run):  # until the node has it: the next one's number is another then
        plan = await rail.plan(amount, payee, sender, gas)
        tell_notices(run, wallet)
        tell_sending(run, wallet.purse.network)
        approve(run, plan.review, _("Sign and send?"))
        transaction = await rail.submit(plan)
    sent = await rail.settle(plan, transaction)
    state = "sent" if sent.receipt is None else "done" if sent.receipt.succeeded else "failed"
    if sent.drift:
        surprise(sent.hash, sent.drift)
    return {
        "rail": "chain",
        "state": state,
        "amount": amount.format(),
        "asset": amount.token.symbol,
        "to": plan.receiver,
        "arrived": sent.arrived.format() if sent.arrived is not None else None,
        "unforeseen": [fact.to_json() for fact in sent.drift],
        "nonce": str(plan.request.nonce),
        "transaction": sent.hash,
        "block": sent.receipt.block_number if sent.receipt else None,
    }


def _gwei(text: str) -> int | None:
    """Wei per gas, of gwei in plain decimals. Raises InputMalformed."""
    if not text:
        return None
    try:
        cap = TokenAmount.parse(text, GWEI_PER_GAS).units
    except AmountMalformed:
        raise InputMalformed("max-fee", text[:40], _("gwei per gas, in plain decimals (30 or 1.5)")) from None
    if not cap:
        raise InputMalformed("max-fee", text[:40], _("gwei per gas, in plain decimals (30 or 1.5)"))
    return cap


def token_amount(run: Run, text: str, token: Token, payee: Payee) -> TokenAmount:
    """Above zero, and what the payee's link asks for. Raises AmountMalformed and its kinds, AmountNotPositive."""
    digits = text.removeprefix("-")
    if digits != text and digits.replace(".", "", 1).isdecimal():
        raise AmountNotPositive(text)
    amount = TokenAmount.parse(text, token)
    if amount.units == 0:
        raise AmountNotPositive(text)
    check_tokens(run, payee, amount)
    return amount


@contextmanager
def turn(run: Run) -> Iterator[None]:
    """One at a time for this wallet; whoever waits long is told. Raises StateBusy."""
    with ExitStack() as stack:
        try:
            stack.enter_context(run.store.one_command())
        except StateBusy:
            run.say(_("Another command of this wallet is at work; this one waits for its turn."))
            stack.enter_context(run.store.one_command(TURN_SECONDS))
        yield


def check_somebody_is_there(run: Run) -> None:
    """Before anything is looked up: what will have to be asked can be. Raises TerminalNeeded."""
    if not run.yes and not terminal.is_there():
        raise TerminalNeeded("confirmation")


def _sentence(sent: Json, to: str) -> str:
    if sent["rail"] == "ledger":
        return _("Sent {amount} {asset} to {to}; the receipt is checked and kept (seal {seal}).").format(
            **{**sent, "to": to}
        )
    texts = {
        "done": _("Sent {amount} {asset} to {to}, in block {block}: {transaction}"),
        "sent": _("Sent {amount} {asset} to {to}; no block has it yet: {transaction}"),
        "failed": _("The chain took the transaction and undid it; only the fee was paid: {transaction}"),
    }
    return texts[sent["state"]].format(**{**sent, "to": to})
