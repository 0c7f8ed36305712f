"""A command's failure as one sentence on stderr, or as the problem on stdout with --json, and its exit status."""

from __future__ import annotations

import click

from chain.errors import ChainError
from fiat.errors import FiatError
from wallet.cli.inert import inert, json_text
from wallet.cli.problems import REFUSED, USAGE, Problem, problem_of
from wallet.errors import Declined, WalletError
from wallet.texts import _


def report(failure: BaseException, as_json: bool) -> int:
    """Says it; returns the exit status."""
    try:
        problem = _problem(failure)
    except Exception as broken:  # whatever happens, a person reads a sentence
        problem = _internal(broken)
    if as_json:
        click.echo(json_text(problem.document))
    else:
        click.echo(problem.sentence, err=True)
    return problem.status


def sentence(error: WalletError) -> str:
    """In words, for a program that goes on."""
    return problem_of(error).sentence


def _problem(failure: BaseException) -> Problem:
    if isinstance(failure, (WalletError, ChainError, FiatError)):
        return problem_of(failure)
    if isinstance(failure, (click.Abort, KeyboardInterrupt, EOFError)):
        return problem_of(Declined())
    if isinstance(failure, click.ClickException):
        return Problem("usage", inert(failure.format_message()), USAGE, {})
    return _internal(failure)


def _internal(failure: BaseException) -> Problem:
    """A traceback could hold what was typed; the error's type is enough to report it by."""
    sentence = _("Something went wrong inside ({kind}).").format(kind=type(failure).__name__)
    return Problem("internal", sentence, REFUSED, {})
