"""`tandem ui`: a new link that opens the pages of the running client."""

from __future__ import annotations

import click

from wallet.cli.client_calls import ask_client
from wallet.cli.running import Run, command
from wallet.texts import _


@command("ui", _("A new link that opens the pages of the running client, once and within five minutes."))
def ui(run: Run) -> None:
    answer = ask_client(run.config.home, "ui")
    run.answer(answer, lambda: click.echo(answer["ui"]))
