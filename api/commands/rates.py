"""`rates import` and `rates show`: the European Central Bank's reference rates, as the second source for currencies."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from api.commands.output import answer, json_option
from api.database import open_database
from api.errors import SettingWrong
from api.migrations import pending
from api.price_history import PriceHistory
from api.reference_rates import DAYS_MAX, Reference, read_eurofxref
from api.settings import Settings
from api.texts import _
from fiat.xml_tree import BYTES_MAX


@click.group(help=_("Reference rates of the European Central Bank, which the feeds of currencies are compared with."))
def rates() -> None:
    pass


@rates.command("import", help=_("Take in FILE: eurofxref XML of one day, 90 days or all. Again changes nothing."))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def import_rates(file: Path, as_json: bool) -> None:
    with file.open("rb") as opened:
        references = read_eurofxref(opened.read(BYTES_MAX + 1))
    new, newest = asyncio.run(_imported(references))
    document = {"days": len(references), "new": new, "newest": newest.day.isoformat()}
    taken = _("{new} rates of {days} days are new; the newest day is {newest}.").format(**document)
    answer(document, as_json, taken)


@rates.command(help=_("The rates of the newest day that was imported."))
@json_option
def show(as_json: bool) -> None:
    found = asyncio.run(_newest())
    if found is None:
        answer({"day": None, "rates": {}}, as_json, _("None was imported: nothing is compared."))
        return
    recent = found.is_recent(time.time_ns() // 10**9)
    old = [] if recent else [_("They are older than {days} days: nothing is compared with them.").format(days=DAYS_MAX)]
    lines = [f"{code} {rate}" for code, rate in sorted(found.rates.items())]
    document = {"day": found.day.isoformat(), "is_recent": recent, "rates": dict(found.rates)}
    answer(document, as_json, _("Units for one euro on {day}:").format(day=found.day), *lines, *old)


async def _imported(references: list[Reference]) -> tuple[int, Reference]:
    async with _history() as history:
        new = await history.import_rates(references, time.time_ns() // 10**9)
        newest = await history.reference()
    assert newest is not None, "a file has at least one day"
    return new, newest


async def _newest() -> Reference | None:
    async with _history() as history:
        return await history.reference()


@asynccontextmanager
async def _history() -> AsyncIterator[PriceHistory]:
    """Of the database that the settings name. Raises SettingWrong."""
    settings = Settings.from_environment(os.environ)
    engine = open_database(settings.database_url, settings.database_password_file)
    try:
        if await pending(engine):
            raise SettingWrong("TANDEM_DATABASE_URL", "its schema is older than this program: tandem-server db upgrade")
        yield PriceHistory(engine, settings.chain_id)
    finally:
        await engine.dispose()
