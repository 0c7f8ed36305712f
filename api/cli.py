"""`tandem-server`: the operator's and the developer's program. Names the commands; each is loaded when it is called."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import click

from api.texts import _

REFUSED, USAGE, DECLINED, NETWORK = 1, 2, 3, 4
_COMMANDS = {
    "serve": "api.commands.serve",
    "db": "api.commands.db",
    "devnet": "api.commands.devnet",
    "demo": "api.commands.demo",
    "officer": "api.commands.later",
    "export": "api.commands.later",
}
_NETWORK_ERRORS = {"NodeUnreachable", "TransactionUnseen", "DevnetSlow"}


class Lazily(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(importlib.import_module(module), cmd_name)
        return command


@click.group(cls=Lazily, help=_("Tandem's server: the ledger, the one view of both sides, and local test chains."))
def commands() -> None:
    pass


def main() -> None:
    """Entry point. Exit status: 0 done, 1 refused, 2 usage, 3 declined by the person, 4 network."""
    if sys.flags.optimize:
        click.echo(_("python -O removes the program's own checks: run it without."), err=True)
        sys.exit(USAGE)
    try:
        sys.exit(commands.main(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        sys.exit(DECLINED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        sys.exit(_refuse(error))


def _refuse(error: Exception) -> int:
    """Say what happened in a line, or as JSON where that was asked for; the exit status."""
    facts = getattr(error, "fields", None)
    shown: Any = facts() if callable(facts) else facts if isinstance(facts, dict) else getattr(error, "__dict__", {})
    known = type(error).__module__.split(".")[0] in ("api", "chain", "fiat")
    document = {"error": type(error).__name__, **{name: str(value) for name, value in shown.items()}}
    if "--json" in sys.argv:
        click.echo(json.dumps(document if known else {"error": type(error).__name__, "reason": str(error)}))
    else:
        text = ", ".join(f"{name} {value}" for name, value in document.items() if name != "error")
        click.echo(f"{type(error).__name__}: {text if known else error}", err=True)
    return NETWORK if type(error).__name__ in _NETWORK_ERRORS else REFUSED
