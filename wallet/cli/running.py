"""How every command runs: its options, its result on stdout, its failure as one sentence and an exit status."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from chain.errors import ChainError
from fiat.errors import FiatError
from wallet.cli.inert import inert
from wallet.cli.problems import REFUSED, USAGE, Problem, problem_of
from wallet.config import Config
from wallet.errors import Declined, WalletError
from wallet.state import Store
from wallet.texts import _

Json = dict[str, Any]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Run:
    """One call of a command: settings, the client's files, and where the answer goes."""

    json: bool
    yes: bool = False
    config: Config = field(default_factory=lambda: Config.read(os.environ))

    @property
    def store(self) -> Store:
        return Store(self.config.home)

    def say(self, sentence: str) -> None:
        """Progress and remarks: on stderr, so that stdout holds the answer alone; unheard with --json."""
        if not self.json:
            click.echo(sentence, err=True)

    def answer(self, document: Json, show: Callable[[], None]) -> None:
        """The result: the document with --json, else what `show` prints."""
        if self.json:
            click.echo(json.dumps(document, ensure_ascii=False))
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


def calling(function: Callable[..., None]) -> Callable[..., None]:
    """The function as click calls it: --json and --yes become its Run."""

    def called(as_json: bool, yes: bool = False, **parameters: Any) -> None:
        function(Run(as_json, yes), **parameters)

    return called


def parameters_of(function: Callable[..., None], asks: bool = False) -> list[click.Parameter]:
    """What the decorators declared, then --yes and --json."""
    declared = list(reversed(getattr(function, "__click_params__", [])))
    if asks:
        declared.append(click.Option(["--yes"], is_flag=True, help=_("do not ask where nothing is unusual")))
    declared.append(click.Option(["--json", "as_json"], is_flag=True, help=_("print one JSON document")))
    return declared


def wait(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs a command's asynchronous part to its end."""
    return asyncio.run(work)


def run(called: click.Command, name: str, arguments: list[str]) -> int:
    """The exit status. Every failure is one sentence on stderr, or the problem on stdout where --json was asked for."""
    try:
        called.main(args=arguments, prog_name=f"tandem {name}", standalone_mode=False)
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt, EOFError, asyncio.CancelledError):
        problem = problem_of(Declined())
    except click.ClickException as error:
        problem = Problem("usage", inert(error.format_message()), USAGE, {})
    except (WalletError, ChainError, FiatError) as error:
        problem = problem_of(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return REFUSED
    except Exception as error:  # noqa: BLE001  # a traceback could hold what was typed; its type is enough to report
        problem = Problem(
            "internal", _("Something went wrong inside ({kind}).").format(kind=type(error).__name__), 1, {}
        )
    else:
        return 0
    _report(problem, "--json" in arguments)
    return problem.status


def _report(problem: Problem, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(problem.document, ensure_ascii=False, default=str))
    else:
        click.echo(problem.sentence, err=True)
