"""`db`: migrations, and whether schema and journal are as they must be."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from api.commands.output import answer, json_option
from api.database import open_database
from api.migrations import pending, upgrade
from api.settings import Settings
from api.texts import _
from fiat.history_check import Check, verify

PROBLEMS_SHOWN = 10


@click.group(help=_("The database: bring its schema up to date, check it."))
def db() -> None:
    pass


@db.command("upgrade", help=_("Bring the schema up to date."))
@json_option
def upgrade_command(as_json: bool) -> None:
    done = asyncio.run(_upgrade(Settings.from_environment(os.environ)))
    said = _("Applied: {steps}").format(steps=", ".join(done)) if done else _("The schema is up to date already.")
    answer({"applied": done}, as_json, said)


@db.command(help=_("Is the schema current, and is the journal intact? Reads every record."))
@json_option
def check(as_json: bool) -> None:
    missing, found = asyncio.run(_check(Settings.from_environment(os.environ)))
    problems = [] if found is None else [{"sequence": p.sequence, "reason": p.reason} for p in found.problems]
    sound = not missing and not problems
    document = {
        "schema_current": not missing,
        "missing": missing,
        "intact": None if found is None else found.intact,
        "records": None if found is None else found.records,
        "seals": None if found is None else found.seals,
        "problems": problems,
    }
    answer(document, as_json, *_lines(missing, found))
    sys.exit(0 if sound else 1)


def _lines(missing: list[str], found: Check | None) -> list[str]:
    if found is None:
        return [
            _("The schema is not current; missing: {steps}. Run tandem-server db upgrade.").format(
                steps=", ".join(missing)
            )
        ]
    if found.intact:
        return [
            _("The schema is current and the journal intact: {records} records under {seals} seals.").format(
                records=found.records, seals=found.seals
            )
        ]
    told = [
        _("Record {sequence}: {reason}").format(sequence=p.sequence, reason=p.reason)
        for p in found.problems[:PROBLEMS_SHOWN]
    ]
    return [_("The journal is not intact."), *told]


async def _upgrade(settings: Settings) -> list[str]:
    engine = open_database(settings.database_url, settings.database_password_file)
    try:
        missing = await pending(engine)
        await upgrade(engine)
        return missing
    finally:
        await engine.dispose()


async def _check(settings: Settings) -> tuple[list[str], Check | None]:
    """What the schema lacks; where it lacks nothing, the journal's check."""
    engine = open_database(settings.database_url, settings.database_password_file)
    try:
        missing = await pending(engine)
        return missing, None if missing else await verify(engine)
    finally:
        await engine.dispose()
