"""`tandem prices`: what things are worth now, and a line of what one thing was worth, by the server's feeds."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any
from urllib.parse import quote, urlencode

import click

from wallet.cli.ask import Asker, items_of, short_price
from wallet.cli.grid import grid, styled
from wallet.cli.inert import inert
from wallet.cli.running import Run, command
from wallet.cli.words import WORDS
from wallet.errors import AnswerUnfit
from wallet.texts import _

HOURS_MAX = 366 * 24
COLUMNS = 60
BLOCKS = "▁▂▃▄▅▆▇█"
PRICE_LENGTH_MAX = 100


@command("prices", _("What things are worth now; of one ASSET, what it was worth in the last hours."))
@click.argument("asset", required=False)
@click.option("--in", "currency", default="EUR", show_default=True, help=_("the currency of the prices"))
@click.option(
    "--hours", type=click.IntRange(1, HOURS_MAX), default=24, show_default=True, help=_("how far back (of one asset)")
)
def prices(run: Run, asset: str | None, currency: str, hours: int) -> None:
    asker = Asker(run)
    if asset is None:
        view = asker.ask(f"/prices?{urlencode({'in': currency.upper()})}")
        rows = items_of(asker.host, view, "prices")
        run.answer(view, lambda: _show_all(rows, view))
        return
    query = urlencode({"in": currency.upper(), "hours": hours, "points": COLUMNS})
    view = asker.ask(f"/prices/{quote(asset.upper(), safe='')}/history?{query}")
    points = [(str(point["at"]), _price(asker.host, point["price"])) for point in items_of(asker.host, view, "points")]
    run.answer(view, lambda: _show_line(view, points))


def line(values: Sequence[Fraction]) -> str:
    """One block for each, from the lowest to the highest; all the same stand in the middle."""
    low, high = min(values), max(values)
    if low == high:
        return BLOCKS[3] * len(values)
    return "".join(BLOCKS[(value - low) * (len(BLOCKS) - 1) // (high - low)] for value in values)


def _price(host: str, text: object) -> tuple[str, Fraction]:
    """As the server wrote it, and its value."""
    told = str(text)
    whole, point, decimals = told.partition(".")
    if len(told) > PRICE_LENGTH_MAX or not all(part.isascii() and part.isdigit() for part in (whole, decimals or "0")):
        raise AnswerUnfit(host, "price")
    return told, Fraction(told.rstrip(".") if point else told)


def _show_all(rows: list[dict[str, Any]], view: dict[str, Any]) -> None:
    cells = [
        (row["asset"], _shown(row), str(row["at"] or "")[:19].replace("T", " "), row["source"] or "") for row in rows
    ]
    unit = inert(view.get("in", ""), 10)
    click.echo(grid([_("Asset"), ">" + _("Price") + f" {unit}", _("As of (UTC)"), _("Feeds")], cells))
    reference = view.get("reference")
    if isinstance(reference, dict):
        text = _("Currencies are compared with the ECB's rates of {day}.")
        if not reference.get("is_recent"):
            text = _("The ECB's rates of {day} are too old: currencies are compared with nothing.")
        click.echo(text.format(day=inert(reference.get("day"), 10)))


def _shown(row: dict[str, Any]) -> str:
    if row["price"] is None:
        doubt = str(row["doubt"] or row["state"])
        return _("none: {reason}").format(reason=_(WORDS.get(doubt, doubt)))
    shown = short_price(str(row["price"]))
    return _("{price} (old)").format(price=shown) if row["state"] == "stale" else shown


def _show_line(view: dict[str, Any], points: list[tuple[str, tuple[str, Fraction]]]) -> None:
    name, unit = inert(view.get("asset", ""), 20), inert(view.get("in", ""), 10)
    if not points:
        click.echo(_("Nobody saw a price of {asset} in {unit} in that time.").format(asset=name, unit=unit))
        return
    values = [value for _at, (_text, value) in points]
    click.echo(styled(line(values), "strong"))
    facts = {"lowest": min(points, key=lambda p: p[1][1]), "highest": max(points, key=lambda p: p[1][1])}
    told = {key: short_price(point[1][0]) for key, point in facts.items()} | {"last": short_price(points[-1][1][0])}
    click.echo(
        _("{asset} in {unit}: last {last}, lowest {lowest}, highest {highest}; from {begin} to {end} UTC").format(
            asset=name, unit=unit, **told, begin=_time(points[0][0]), end=_time(points[-1][0])
        )
    )


def _time(at: str) -> str:
    return inert(at[:16].replace("T", " "), 16)
