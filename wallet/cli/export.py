"""`tandem export`: one's history for spreadsheets and for beancount, with what it is worth."""

from __future__ import annotations

import csv
import sys
from typing import Any
from urllib.parse import urlencode

import click

from fiat.currency import ISO_4217
from fiat.errors import CurrencyUnknown
from wallet.cli.ask import Asker, formula_free, items_of, read_items
from wallet.cli.inert import json_text
from wallet.cli.running import Run, command
from wallet.errors import ServerRefused
from wallet.export import beancount, prices_of, worth, worth_then
from wallet.texts import _

FORMATS = ("csv", "json", "beancount")
COLUMNS = ("at", "kind", "rail", "direction", "asset", "amount", "state", "balance", "memo", "transaction", "nonce")


@command("export", _("Your history for a spreadsheet (csv), a program (json) or beancount, on stdout."))
@click.option("--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True, help=_("of the export"))
@click.option("--in", "currency", default="EUR", show_default=True, help=_("the currency of what it is worth"))
@click.option("--limit", type=click.IntRange(1, 100_000), default=10_000, show_default=True, help=_("how many at most"))
def export(run: Run, form: str, currency: str, limit: int) -> None:
    code = currency.upper()
    if code not in ISO_4217:
        raise CurrencyUnknown(code)
    asker = Asker(run)
    read, cursor = _read(asker, limit, code)
    items = [item for item in read if item["state"] != "archived"]  # nothing that one has comes of them
    if cursor is not None:
        run.say(_("There is more than {limit}: raise --limit for the rest.").format(limit=limit))
    view = asker.ask(f"/portfolio?{urlencode({'in': code})}")
    prices, exponent = prices_of(items_of(asker.host, view, "positions"), code), ISO_4217[code].exponent
    rows = [
        {**item, "worth_then": worth_then(item, code), "worth_now": worth(item, prices, exponent), "worth_in": code}
        for item in items
    ]
    if rows and not any(row["worth_then"] for row in rows):
        run.say(_("The server knows no prices of the time: worth_now is what it would be worth today."))
    if form == "beancount" and not run.json:
        click.echo(f'option "operating_currency" "{code}"\n\n{beancount(rows)}', nl=False)
    elif form == "json" or run.json:
        click.echo(json_text({"items": rows, "as_of": view.get("as_of"), "next_cursor": cursor or None}))
    else:
        _write_csv(rows)


def _read(asker: Asker, limit: int, currency: str) -> tuple[list[dict[str, Any]], Any]:
    """With what each was worth then, of a server that can say so; an older one does not know that question."""
    try:
        return read_items(asker, limit, currency)
    except ServerRefused as refused:
        if refused.status not in (400, 422):
            raise
    return read_items(asker, limit)


def _write_csv(rows: list[dict[str, Any]]) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    names = (*COLUMNS, "worth_then", "worth_now", "worth_in")
    out.writerow(names)
    for row in rows:
        out.writerow([formula_free(row.get(name)) for name in names])
