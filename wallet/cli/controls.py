"""`tandem keys`, `limits`, `freeze`, `unfreeze`: who may spend, how much, and the brake.

What makes an account safer holds at once; what makes it less safe waits 48 hours, is shown all that time, and can be
cancelled by any key.
"""

from __future__ import annotations

import click

from chain.address import Address
from fiat.currency import Currency
from fiat.limit import NO_LIMIT, LimitKey, LimitKind, Period
from fiat.money import decimal_text
from wallet.cli.register import open_wallet
from wallet.cli.running import Json, Run, command, group
from wallet.cli.send import NEGATIVES, check_somebody_is_there, confirmed, outcome
from wallet.cli.show import table
from wallet.cli.waiting import wait
from wallet.cli.words import WORDS
from wallet.errors import InputMalformed
from wallet.heads import Reader
from wallet.orders import plan_control, plan_limit
from wallet.review import Fact, Label, Source
from wallet.texts import N_, _
from wallet.wallet import Wallet

KINDS = [kind.name.lower() for kind in LimitKind]
PERIODS = [period.name.lower() for period in Period]
NONE = "none"
ID_DIGITS_MIN = 6
CHANGES = {
    "key-add": N_("another key"),
    "limit": N_("a higher limit"),
}


@command("add", _("Let another key spend, after 48 hours: the root address of your second device."), asks=True)
@click.argument("address")
def add(run: Run, address: str) -> None:
    done = _control(run, "key-add", bytes(12) + Address(address).raw, address)
    run.answer(
        done, lambda: click.echo(_("Added; it may spend in 48 hours. `tandem keys cancel` stops it until then."))
    )


@command("revoke", _("Take the right to spend from a key, at once."), asks=True)
@click.argument("address")
def revoke(run: Run, address: str) -> None:
    done = _control(run, "key-revoke", bytes(12) + Address(address).raw, address)
    run.answer(done, lambda: click.echo(_("Revoked: this key may no longer spend.")))


@command("cancel", _("Cancel a change that waits, by its number: a new key, a higher limit."), asks=True)
@click.argument("number", metavar="ID")
def cancel(run: Run, number: str) -> None:
    async def work() -> Json:
        async with open_wallet(run) as wallet:
            check_somebody_is_there(run)
            row = pending_of(await standing_of(wallet), number)
            about = [Fact(Label.ABOUT, row.text("about"), Source.CLAIMED)]
            plan = await plan_control(wallet, "cancel", row.raw("nonce", 32), more=about)
            return outcome(await confirmed(run, wallet, plan), number)

    with run.store.one_command():
        done = wait(work())
    run.answer(done, lambda: click.echo(_("Cancelled: the change will not take effect.")))


@group("keys", _("Which keys may spend from your account, and changes that wait."), add, revoke, cancel)
def keys(run: Run) -> None:
    standing = wait(_read(run))

    def show() -> None:
        rows = [key_row(row) for row in standing.each("keys")]
        table([_("Key"), _("Role"), _("State"), _("Since / from")], rows)
        _show_pending(standing)
        _show_frozen(standing)

    run.answer(standing.document, show)


@command(
    "set",
    _("Set a limit: KIND is transfer, withdrawal, conversion, hold, mandate or all."),
    asks=True,
    context_settings=NEGATIVES,
)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("currency")
@click.argument("period", type=click.Choice(PERIODS))
@click.argument("amount", metavar="AMOUNT|none")
def set_limit(run: Run, kind: str, currency: str, period: str, amount: str) -> None:
    if amount.startswith("-"):
        raise InputMalformed("limit", amount[:80], "a limit is 0 or more, or none")

    async def work() -> Json:
        async with open_wallet(run) as wallet:
            key = LimitKey(LimitKind[kind.upper()], currency.upper(), Period[period.upper()])
            if amount == NONE:
                await wallet.currency(key.currency)
                value = NO_LIMIT
            else:
                value = 0 if amount in ("0", "0.00") else (await wallet.money(amount, key.currency)).minor
            check_somebody_is_there(run)
            plan = await plan_limit(wallet, key, value)
            return outcome(await confirmed(run, wallet, plan), key.text)

    with run.store.one_command():
        done = wait(work())
    run.answer(done, lambda: click.echo(_("Taken up: a lower limit holds at once, a higher one in 48 hours.")))


@group("limits", _("How much may leave your account in a day or a month, and how much has."), set_limit)
def limits(run: Run) -> None:
    standing = wait(_read(run))

    def show() -> None:
        rows = [limit_row(row) for row in standing.each("limits")]
        if rows:
            columns = [_("About"), _("Period"), ">" + _("Limit"), ">" + _("Operator's limit"), ">" + _("Used")]
            table([*columns, ">" + _("Left")], rows)
        else:
            click.echo(_("No limits are set: `tandem limits set all EUR day 500`."))
        _show_pending(standing)
        _show_frozen(standing)

    run.answer(standing.document, show)


@command("freeze", _("Stop everything that leaves your account, at once; only your root key unfreezes it."), asks=True)
def freeze(run: Run) -> None:
    done = _control(run, "freeze", bytes(32), "freeze")
    run.answer(done, lambda: click.echo(_("Frozen: nothing leaves your account until `tandem unfreeze`.")))


@command("unfreeze", _("Let money leave your account again."), asks=True)
def unfreeze(run: Run) -> None:
    done = _control(run, "unfreeze", bytes(32), "unfreeze")
    run.answer(done, lambda: click.echo(_("Unfrozen: money may leave your account again.")))


def _control(run: Run, action: str, subject: bytes, about: str) -> Json:
    async def work() -> Json:
        async with open_wallet(run) as wallet:
            check_somebody_is_there(run)
            plan = await plan_control(wallet, action, subject)
            return outcome(await confirmed(run, wallet, plan), about)

    with run.store.one_command():
        return wait(work())


async def _read(run: Run) -> Reader:
    async with open_wallet(run) as wallet:
        await wallet.ensure_session()
        return await standing_of(wallet)


async def standing_of(wallet: Wallet) -> Reader:
    """Keys, limits, changes that wait and the brake, as the server tells them. Raises ServerError."""
    await wallet.ensure_session()
    return Reader(wallet.client.host, "controls", await wallet.client.get("/controls", session=True))


def pending_of(standing: Reader, text: str) -> Reader:
    """The change that waits whose number begins as typed. Raises InputMalformed."""
    digits = text.lower().removeprefix("0x")
    if len(digits) < ID_DIGITS_MIN or set(digits) - set("0123456789abcdef"):
        raise InputMalformed("change", text[:80], "its number has hex digits, at least six of them")
    found = [row for row in standing.each("pending") if row.raw("nonce", 32).hex().startswith(digits)]
    if len(found) != 1:
        raise InputMalformed(
            "change", text[:80], "more than one begins so" if found else "there is none of that number"
        )
    return found[0]


def key_row(row: Reader) -> list[str]:
    states = {"in-force": _("may spend"), "pending": _("waits")}
    role = _("root") if row.document.get("is_root") is True else _("spending")
    since = row.document.get("effective_at")  # the root's is null: it holds from the beginning
    return [row.text("address"), role, states.get(row.text("state"), "?"), "-" if since is None else _moment(since)]


def limit_row(row: Reader) -> list[str]:
    kind, period, currency = (
        row.text("kind"),
        row.text("period"),
        Currency(row.text("currency"), row.integer("decimals")),
    )

    def sum_of(name: str) -> str:
        absent = row.document.get(name) is None
        return "-" if absent else decimal_text(row.integer(name), currency.exponent)

    about = f"{_(WORDS.get(kind, kind))} {currency}"
    names = ("limit_minor", "operator_limit_minor", "used_minor", "left_minor")
    return [about, _(WORDS.get(period, period)), *map(sum_of, names)]


def _show_pending(standing: Reader) -> None:
    rows = [pending_row(row) for row in standing.each("pending")]
    if rows:
        table([_("Waits"), _("About"), _("Takes effect"), _("Number")], rows)
        click.echo(_("`tandem keys cancel NUMBER` cancels one of them."))


def pending_row(row: Reader) -> list[str]:
    action = row.text("action")
    shown = [_(CHANGES.get(action, action)), row.text("about"), _moment(row.text("effective_at"))]
    return [*shown, row.raw("nonce", 32).hex()[:10]]


def _show_frozen(standing: Reader) -> None:
    if standing.document.get("frozen") is True:
        click.echo(_("The account is frozen: nothing leaves it until `tandem unfreeze`."))


def _moment(text: object) -> str:
    return str(text)[:19].replace("T", " ")
