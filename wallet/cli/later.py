"""Commands that are promised and not built yet: each says so and ends with status 1."""

from __future__ import annotations

import click

from wallet.cli.running import Run, command
from wallet.errors import NotBuilt
from wallet.texts import _


def _later(name: str) -> click.Command:
    @command(name, _("Not built yet."), context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1)
    def say_so(run: Run, arguments: tuple[str, ...]) -> None:
        raise NotBuilt(name)

    return say_so


up, approvals, approve, decline, pair = (_later(n) for n in ("up", "approvals", "approve", "decline", "pair"))
grants = _later("grants")
