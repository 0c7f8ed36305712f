"""How a command answers: one JSON document with --json, else lines for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from api.texts import _

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
