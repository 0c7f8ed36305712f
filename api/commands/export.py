"""`export`: the whole journal in one file, as the auditor reads it (docs/export.md)."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from api.commands.output import answer, json_option
from api.database import open_database
from api.migrations import pending
from api.settings import Settings
from api.texts import _
from fiat.history_export import export as pieces


@click.command(help=_("Write the journal to FILE, as the auditor reads it."))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def export(file: Path, as_json: bool) -> None:
    missing, size = asyncio.run(_export(Settings.from_environment(os.environ), file))
    if missing:
        said = _("The schema is not current; missing: {steps}. Run tandem-server db upgrade.")
        answer({"error": "schema_not_current", "missing": missing}, as_json, said.format(steps=", ".join(missing)))
        sys.exit(1)
    answer({"file": str(file), "bytes": size}, as_json, _("Wrote {file}: {size} bytes.").format(file=file, size=size))


async def _export(settings: Settings, file: Path) -> tuple[list[str], int]:
    """What the schema lacks; where it lacks nothing, the bytes written: to a new name, which then takes its place."""
    engine = open_database(settings.database_url, settings.database_password_file)
    try:
        missing = await pending(engine)
        if missing:
            return missing, 0
        fresh = file.with_name(file.name + ".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            async with engine.connect() as conn:
                async for piece in pieces(conn):
                    out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
        return [], file.stat().st_size
    finally:
        await engine.dispose()
