"""How a command answers: one JSON document with --json, else lines for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from api.texts import _

DECLINED = 3
Function = TypeVar("Function", bound=Callable[..., Any])


def json_option(function: Function) -> Function:
    """Adds --json as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=_("print one JSON document"))(function)


def answer(document: dict[str, Any], as_json: bool, *lines: str) -> None:
    """The document, or the lines."""
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        for line in lines:
            click.echo(line)


def confirm(told: list[str], yes: bool) -> None:
    """Show what would happen and ask. Ends with 3 when the person says no, 2 where nobody can be asked."""
    for line in told:
        click.echo(line, err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(_("There is no terminal to ask on: read the above, then use --yes."))
    if click.prompt(_("Type yes to go on"), default="", show_default=False, err=True).strip() != "yes":
        click.echo(_("Nothing was done."), err=True)
        sys.exit(DECLINED)
