"""Asking for the password: to unlock, and again for what the person's policy does not cover."""

from __future__ import annotations

from collections.abc import Callable

import click

from wallet.cli import terminal
from wallet.cli.failure import sentence
from wallet.config import Config
from wallet.errors import PasswordNeeded


def askers(config: Config) -> tuple[Callable[[], str], Callable[[PasswordNeeded], str]]:
    """As wallet.wallet.Wallet takes them."""

    def beyond(needed: PasswordNeeded) -> str:
        click.echo(sentence(needed), err=True)
        return terminal.ask_password(config)

    return (lambda: terminal.ask_password(config)), beyond
