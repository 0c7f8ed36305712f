"""Commands that are named already and not built yet: they say so and end with status 1."""

from __future__ import annotations

import sys

import click

from api.commands.output import answer
from api.texts import _


def _later(name: str, summary: str) -> click.Command:
    @click.command(name, help=summary, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    @click.option("--json", "as_json", is_flag=True, help=_("print one JSON document"))
    @click.argument("rest", nargs=-1)
    def command(as_json: bool, rest: tuple[str, ...]) -> None:
        answer({"error": "not_built_yet", "what": name}, as_json, _("{name} is not built yet.").format(name=name))
        sys.exit(1)

    return command


officer = _later("officer", _("Operator entries, two officers each (not built yet)."))
