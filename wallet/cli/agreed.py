"""`tandem hold`, `holds`, `capture`, `release`: money that is reserved now, and taken in parts by whoever may.

`tandem mandate`, `mandates`, `collect`: leave for somebody to collect up to an amount in each period.
"""

from __future__ import annotations

from typing import Any

import click

from fiat.currency import Currency
from fiat.money import Money, decimal_text
from fiat.order import LedgerHold, LedgerMandate, Order
from wallet.cli.grid import grid
from wallet.cli.links import check_memo
from wallet.cli.register import open_wallet, tell_notices
from wallet.cli.running import Json, Run, command, group
from wallet.cli.send import NEGATIVES, check_somebody_is_there, confirmed, outcome
from wallet.cli.waiting import wait
from wallet.cli.words import WORDS
from wallet.enrolment import now_seconds
from wallet.errors import InputMalformed, ServerRefused
from wallet.heads import Reader
from wallet.orders import (
    Schedule,
    default_until,
    find_agreement,
    listed,
    order_of,
    plan_control,
    plan_hold,
    plan_mandate,
    repeat_use,
    use,
)
from wallet.payee import Payee, read_payee
from wallet.review import Fact, Label, Source
from wallet.review_orders import moment, period_text
from wallet.term import read_period, read_until
from wallet.texts import N_, _

SHORT = 10
STATES = {
    "open": N_("open"),
    "captured": N_("taken"),
    "released": N_("released"),
    "expired": N_("expired"),
    "revoked": N_("revoked"),
    "over": N_("over"),
}
ROLES = {"payer": N_("you pay"), "captor": N_("to you"), "payee": N_("to you")}


@command(
    "hold", _("Reserve money that @captor may take, in parts, until a date."), asks=True, context_settings=NEGATIVES
)
@click.argument("amount")
@click.argument("currency")
@click.argument("captor")
@click.option("--until", "until", default="7d", show_default=True, help=_("7d, 12h, 30m or a date"))
@click.option("--memo", default="", help=_("a text for them"))
@click.option("--again", default="", help=_("repeat the order of this number, as it was"))
def hold(run: Run, amount: str, currency: str, captor: str, until: str, memo: str, again: str) -> None:
    payee, ends = read_handle_of(captor, currency), read_until(until, now_seconds())
    check_memo(memo)

    async def work() -> Json:
        async with open_wallet(run) as wallet:
            if again:
                return outcome(await wallet.repeat_order(again), again)
            money = await wallet.money(amount, currency.upper())
            check_somebody_is_there(run)
            plan = await plan_hold(wallet, money, payee, ends, memo)
            return outcome(await confirmed(run, wallet, plan), captor)

    with run.store.one_command():
        done = wait(work())
    sentence = _("Reserved for {to}: hold {id}; the receipt is checked and kept.")
    run.answer(done, lambda: click.echo(sentence.format(to=captor, id=done["nonce"])))


@command("holds", _("What is reserved: by you, and for you."))
def holds(run: Run) -> None:
    rows = wait(_listed(run, "holds"))
    columns = [_("Number"), _("Whose"), _("With"), ">" + _("Amount"), ">" + _("Taken"), ">" + _("Reserved"), _("Until")]

    def line(row: Reader) -> list[str]:
        order = order_of(run.config.server_host, row)
        assert isinstance(order, LedgerHold)
        sums = [decimal_text(row.integer(name), order.exponent) for name in ("captured_minor", "reserved_minor")]
        return [*_names(row), _amount(order, order.amount_minor), *sums, moment(order.until)[:16], _state(row)]

    run.answer({"holds": rows}, lambda: _show(run, rows, "holds", [*columns, _("State")], line))


@command("capture", _("Take an amount of a hold that is for you; the rest stays reserved."), context_settings=NEGATIVES)
@click.argument("number", metavar="HOLD")
@click.argument("amount")
@click.option("--final", is_flag=True, help=_("free the rest"))
@click.option("--again", default="", help=_("repeat the capture of this number, as it was"))
def capture(run: Run, number: str, amount: str, final: bool, again: str) -> None:
    done = wait(_use(run, "capture", "holds", number, amount, again, final=final))
    run.answer(done, lambda: click.echo(_("Taken: {amount} {asset}; the receipt is checked and kept.").format(**done)))


@command("release", _("Give up a hold that is for you: what is still reserved goes free."))
@click.argument("number", metavar="HOLD")
@click.option("--again", default="", help=_("repeat the release of this number, as it was"))
def release(run: Run, number: str, again: str) -> None:
    done = wait(_use(run, "release", "holds", number, "", again))
    run.answer(done, lambda: click.echo(_("The hold is released; the receipt is checked and kept.")))


@command(
    "mandate",
    _("Let @payee collect up to AMOUNT in each period, until it is over or you revoke it."),
    asks=True,
    context_settings=NEGATIVES,
)
@click.argument("amount")
@click.argument("currency")
@click.argument("payee")
@click.option("--every", required=True, help=_("day, week, month (30 days) or a number of seconds"))
@click.option("--count", "count", required=True, type=click.IntRange(1, 10_000), help=_("how many periods"))
@click.option("--memo", default="", help=_("a text for them"))
@click.option("--again", default="", help=_("repeat the order of this number, as it was"))
def mandate(run: Run, amount: str, currency: str, payee: str, every: str, count: int, memo: str, again: str) -> None:
    collector, period = read_handle_of(payee, currency), read_period(every)
    check_memo(memo)

    async def work() -> Json:
        async with open_wallet(run) as wallet:
            if again:
                return outcome(await wallet.repeat_order(again), again)
            money = await wallet.money(amount, currency.upper())
            check_somebody_is_there(run)
            schedule = Schedule(period, count, default_until(period * count))
            plan = await plan_mandate(wallet, money, collector, schedule, memo)
            return outcome(await confirmed(run, wallet, plan), payee)

    with run.store.one_command():
        done = wait(work())
    sentence = _("{to} may collect: mandate {id}; `tandem mandates revoke` ends it.")
    run.answer(done, lambda: click.echo(sentence.format(to=payee, id=done["nonce"])))


@command("revoke", _("End a mandate of yours: nothing more is collected under it."), asks=True)
@click.argument("number", metavar="MANDATE")
def revoke(run: Run, number: str) -> None:
    async def work() -> Json:
        async with open_wallet(run) as wallet:
            check_somebody_is_there(run)
            row = await find_agreement(wallet, "mandates", number, "payer")
            each = f"{row.text('per_period')} {row.text('currency')}"
            about = [Fact(Label.PAYEE, _other(row), Source.CLAIMED), Fact(Label.PER_PERIOD, each, Source.CLAIMED)]
            plan = await plan_control(wallet, "mandate-revoke", row.raw("nonce", 32), more=about)
            return outcome(await confirmed(run, wallet, plan), number)

    with run.store.one_command():
        done = wait(work())
    run.answer(done, lambda: click.echo(_("Revoked: nothing more is collected under it.")))


@group("mandates", _("What others may collect from you, and you from others."), revoke)
def mandates(run: Run) -> None:
    rows = wait(_listed(run, "mandates"))
    columns = [_("Number"), _("Whose"), _("With"), ">" + _("Each period"), ">" + _("Collected"), ">" + _("Now free")]

    def line(row: Reader) -> list[str]:
        order = order_of(run.config.server_host, row)
        assert isinstance(order, LedgerMandate)
        period = period_text(order.period_seconds)
        sums = [decimal_text(row.integer(name), order.exponent) for name in ("collected_minor", "collectable_minor")]
        each = f"{_amount(order, order.per_period_minor)}, {order.count} × {_(WORDS.get(period, period))}"
        return [*_names(row), each, *sums, moment(order.until)[:10], _state(row)]

    run.answer({"mandates": rows}, lambda: _show(run, rows, "mandates", [*columns, _("Until"), _("State")], line))


@command("collect", _("Collect under a mandate that is for you."), context_settings=NEGATIVES)
@click.argument("number", metavar="MANDATE")
@click.argument("amount")
@click.option("--again", default="", help=_("repeat the collection of this number, as it was"))
def collect(run: Run, number: str, amount: str, again: str) -> None:
    done = wait(_use(run, "collect", "mandates", number, amount, again))
    sentence = _("Collected: {amount} {asset}; the receipt is checked and kept.")
    run.answer(done, lambda: click.echo(sentence.format(**done)))


async def _use(run: Run, action: str, kind: str, number: str, amount: str, again: str, *, final: bool = False) -> Json:
    """Ask for a use under somebody's order to us; with `again` the kept one, as it was."""
    async with open_wallet(run) as wallet:
        if again:
            answer: Any = await repeat_use(wallet, action, again)
            return {**_used(answer), "amount": amount, "asset": ""}
        row = await find_agreement(wallet, kind, number, "captor" if kind == "holds" else "payee")
        order = order_of(wallet.client.host, row)
        fields = order.to_json()
        currency = Currency(fields["currency"], int(fields["exponent"]))
        money = Money.parse(amount, currency) if amount else Money(0, currency)
        tell_notices(run, wallet)
        try:
            answer = await use(wallet, action, order, money.minor, final=final)
        except ServerRefused as refused:
            refused.facts.setdefault("currency", currency.code)  # the refusal counts in its minor units
            raise
        return {**_used(answer), "amount": money.decimal, "asset": currency.code}


def _used(answer: Json) -> Json:
    return {"id": str(answer["id"]), "at": str(answer["at"]), "receipt": answer["receipt"]}


async def _listed(run: Run, kind: str) -> list[Any]:
    async with open_wallet(run) as wallet:
        return list(await listed(wallet, kind))


def _show(run: Run, rows: list[Any], what: str, columns: list[str], line: Any) -> None:
    if not rows:
        click.echo(_("Nothing here yet."))
        return
    # Without frames and without the currency in each sum: numbers that are to be copied fit 80 columns unbroken.
    click.echo(grid(columns, [line(Reader(run.config.server_host, what, row)) for row in rows]))


def _names(row: Reader) -> list[str]:
    role = row.text("role")
    return [row.raw("nonce", 32).hex()[:SHORT], _(ROLES.get(role, role)), _other(row)]


def _other(row: Reader) -> str:
    other = row.inner("counterparty").document
    return f"@{other['handle']}" if other.get("handle") else str(other.get("holder", ""))[:SHORT]


def _state(row: Reader) -> str:
    state = row.text("state")
    return _(STATES.get(state, state))


def _amount(order: Order, minor: int) -> str:
    fields = order.to_json()
    return f"{decimal_text(minor, int(fields['exponent']))} {fields['currency']}"


def read_handle_of(text: str, asset: str) -> Payee:
    """A @handle: agreements are between accounts of the ledger. Raises InputMalformed."""
    payee = read_payee(text)
    if payee.address is not None:
        raise InputMalformed("payee", payee.address, _("{asset} is sent to a @handle").format(asset=asset.upper()[:8]))
    return payee
