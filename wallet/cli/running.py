"""How every command runs: its options, its Run, and its result on stdout. Failures are worded by wallet.cli.failure.

Imported by every command, so it imports little: what only some need is theirs to import.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import click

from wallet.cli.inert import json_text
from wallet.config import Config
from wallet.state import Store, check_private
from wallet.texts import _

Json = dict[str, Any]
BROKEN_PIPE = 1


class Run(NamedTuple):
    """One call of a command: settings, the client's files, and where the answer goes."""

    config: Config
    json: bool
    yes: bool = False

    @property
    def store(self) -> Store:
        check_private(self.config.home)
        return Store(self.config.home)

    def say(self, sentence: str) -> None:
        """Progress and remarks: on stderr, so that stdout holds the answer alone; unheard with --json."""
        if not self.json:
            click.echo(sentence, err=True)

    def answer(self, document: Json, show: Callable[[], None]) -> None:
        """The result: the document with --json, else what `show` prints."""
        if self.json:
            click.echo(json_text(document))
        else:
            show()


def command(name: str, summary: str, *, asks: bool = False, **settings: Any) -> Callable[..., click.Command]:
    """Makes a click command of a function that takes a Run and its own parameters; `asks` adds --yes.

    click's `argument` and `option` decorators stand below it. `summary` is already translated.
    """

    def make(function: Callable[..., None]) -> click.Command:
        return click.Command(
            name, callback=calling(function), params=parameters_of(function, asks), help=summary, **settings
        )

    return make


def group(name: str, summary: str, *commands: click.Command) -> Callable[..., click.Group]:
    """A command with commands of its own; called without one it does what the function does."""

    def make(function: Callable[..., None]) -> click.Group:
        def called(as_json: bool, **parameters: Any) -> None:
            if click.get_current_context().invoked_subcommand is None:
                function(Run(Config.read(os.environ), as_json), **parameters)

        made = click.Group(
            name, callback=called, params=parameters_of(function), help=summary, invoke_without_command=True
        )
        for one in commands:
            made.add_command(one)
        return made

    return make


def calling(function: Callable[..., None]) -> Callable[..., None]:
    """The function as click calls it: --json and --yes become its Run."""

    def called(as_json: bool, yes: bool = False, **parameters: Any) -> None:
        function(Run(Config.read(os.environ), as_json, yes), **parameters)

    return called


def parameters_of(function: Callable[..., None], asks: bool = False) -> list[click.Parameter]:
    """What the decorators declared, then --yes and --json."""
    declared: list[click.Parameter] = list(reversed(getattr(function, "__click_params__", [])))
    if asks:
        declared.append(click.Option(["--yes"], is_flag=True, help=_("do not ask where nothing is unusual")))
    declared.append(click.Option(["--json", "as_json"], is_flag=True, help=_("print one JSON document")))
    return declared


def call(called: click.Command, name: str, arguments: list[str]) -> BaseException | int:
    """The exit status, or the failure for wallet.cli.failure to word."""
    try:
        # click tells a failing command's own status by Exit, which it turns into its return value here.
        status = called.main(args=arguments, prog_name=f"tandem {name}", standalone_mode=False)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return BROKEN_PIPE
    except (Exception, KeyboardInterrupt) as failure:
        return failure
    return status if isinstance(status, int) else 0
