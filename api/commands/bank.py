"""`bank import` and `reconcile`: a bank's statement into the ledger, and against it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from api.bank import Bank, Imported, State, book_entries
from api.commands.output import answer, json_option
from api.commands.report import reading
from api.currencies import CURRENCIES
from api.database import open_database
from api.errors import SettingWrong
from api.migrations import pending
from api.operator_key import open_key
from api.settings import Settings
from api.texts import _
from fiat.bank_line import BYTES_MAX, BankLine, read_csv
from fiat.camt import read_camt
from fiat.currency import Currency
from fiat.holder import OPERATOR, account_id
from fiat.journal import Journal
from fiat.money import decimal_text
from fiat.reconciliation import DAYS_NEAR, Pair, Reconciliation, reconciliation_json
from fiat.reconciliation import reconcile as reconciled

Function = TypeVar("Function", bound=Callable[..., Any])
SHOWN_MAX = 50


def file_options(function: Function) -> Function:
    """FILE, --account, --currency and --iban."""
    for option in (
        click.option("--iban", help=_("the bank's account, where the file has several")),
        click.option("--currency", default="EUR", show_default=True, type=click.Choice(list(CURRENCIES))),
        click.option("--account", default="bank", show_default=True, help=_("the ledger's account: bank or bank:NAME")),
        click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path)),
    ):
        function = option(function)
    return function


@click.group(help=_("The bank: bring its statements into the ledger."))
def bank() -> None:
    pass


@bank.command("import", help=_("Post each line of FILE (CSV, camt.053, camt.054) once. Status 1 if one was refused."))
@file_options
@json_option
def import_command(file: Path, account: str, currency: str, iban: str | None, as_json: bool) -> None:
    lines = read_lines(file, CURRENCIES[currency], iban)
    done = asyncio.run(_import(Settings.from_environment(os.environ), _purpose(account), CURRENCIES[currency], lines))
    counts = Counter(one.state.value for one in done)
    document = {"counts": {state.value: counts[state.value] for state in State}, "lines": [_imported(o) for o in done]}
    answer(document, as_json, *_told(done, CURRENCIES[currency]))
    sys.exit(1 if counts[State.REFUSED] or counts[State.DIFFERS] else 0)


@click.command(help=_("Compare the lines of FILE with the ledger's account of the bank. Status 1 if they differ."))
@file_options
@click.option(
    "--days", default=DAYS_NEAR, show_default=True, type=click.IntRange(0, 31), help=_("how far days may differ")
)
@json_option
def reconcile(file: Path, account: str, currency: str, iban: str | None, days: int, as_json: bool) -> None:
    its = CURRENCIES[currency]
    lines = read_lines(file, its, iban)
    number = account_id(OPERATOR, its, _purpose(account))
    entries = reading(lambda conn: book_entries(conn, number, lines, days))
    found = reconciled(lines, entries, number, days)
    answer(reconciliation_json(found, its.exponent), as_json, *_verdict(found, its))
    sys.exit(0 if found.agrees else 1)


def read_lines(file: Path, currency: Currency, iban: str | None) -> list[BankLine]:
    """XML begins with <, everything else is a table. Raises BankFileMalformed."""
    with file.open("rb") as opened:
        body = opened.read(BYTES_MAX + 1)
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        return read_camt(body, currency, iban)
    return read_csv(body, currency)


def _purpose(account: str) -> str:
    """Only a bank's account takes a bank's lines."""
    if account.split(":")[0] != "bank" or not account.isascii() or len(account) > 64:
        raise click.UsageError(_("--account is bank or bank:NAME"))
    return account


async def _import(settings: Settings, purpose: str, currency: Currency, lines: Sequence[BankLine]) -> list[Imported]:
    engine = open_database(settings.database_url, settings.database_password_file)
    try:
        if await pending(engine):
            raise SettingWrong("TANDEM_DATABASE_URL", "its schema is older than this program: tandem-server db upgrade")
        journal = await Journal.open(engine, open_key(settings.state))
        try:
            return await Bank(engine, journal, purpose, currency).bring_in(lines, time.time_ns())
        finally:
            await journal.close()
    finally:
        await engine.dispose()


def _imported(one: Imported) -> dict[str, object]:
    return {
        "reference": one.line.reference,
        "place": one.line.place,
        "amount_minor": str(one.line.amount_minor),
        "state": one.state.value,
        "sequence": one.sequence,
        "to": one.to,
        "why": one.why,
    }


def _told(done: Sequence[Imported], currency: Currency) -> list[str]:
    states = {
        State.POSTED: _("posted"),
        State.KNOWN: _("known already"),
        State.BOOKED: _("booked by the gateway"),
        State.WAITING: _("waits: import it again later"),
        State.DIFFERS: _("DIFFERS from the line that was imported under its reference"),
        State.REFUSED: _("REFUSED"),
    }
    lines = [
        f"{_amount(one.line.amount_minor, currency):>20}  {_inert(one.line.reference)}  {states[one.state]}"
        + (f" -> {one.to}" if one.to else "")
        + (f" ({one.why})" if one.why else "")
        for one in done[:SHOWN_MAX]
    ]
    return [*lines, _("{count} lines.").format(count=len(done))]


def _verdict(found: Reconciliation, currency: Currency) -> list[str]:
    lines = [_("matched: {count}").format(count=len(found.matched))]
    lines += [_pair(_("wrong amount"), pair, currency) for pair in found.wrong_amount[:SHOWN_MAX]]
    for name, some in ((_("missing in the ledger"), found.missing), (_("twice in the file"), found.duplicate_lines)):
        lines += [
            f"{name}: {_amount(o.amount_minor, currency)} {_inert(o.reference)} ({o.place})" for o in some[:SHOWN_MAX]
        ]
    for name, of in ((_("extra in the ledger"), found.extra), (_("twice in the ledger"), found.duplicate_entries)):
        lines += [f"{name}: {_amount(entry.amount_minor, currency)} #{entry.sequence}" for entry in of[:SHOWN_MAX]]
    return [*lines, _("Bank and ledger agree.") if found.agrees else _("Bank and ledger DIFFER.")]


def _pair(name: str, pair: Pair, currency: Currency) -> str:
    amounts = _amount(pair.line.amount_minor, currency), _amount(pair.entry.amount_minor, currency)
    return f"{name}: {amounts[0]} {_inert(pair.line.reference)}, {amounts[1]} #{pair.entry.sequence}"


def _amount(amount_minor: int, currency: Currency) -> str:
    return f"{decimal_text(amount_minor, currency.exponent)} {currency.code}"


def _inert(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
