"""`tandem password`: the vault under another password."""

from __future__ import annotations

from pathlib import Path

import click

from wallet.cli import terminal
from wallet.cli.running import Run, command
from wallet.cli.waiting import wait
from wallet.config import first_line
from wallet.errors import VaultMissing
from wallet.signing import VAULT_NAME, Signer
from wallet.texts import _


@command("password", _("Change the password of the vault."))
@click.option("--new-password-file", type=click.Path(path_type=Path), help=_("the new password's file, else asked"))
@click.option("--light", is_flag=True, help=_("a lighter vault, for small machines and tests"))
def password(run: Run, new_password_file: Path | None, light: bool) -> None:
    if not (run.config.home / VAULT_NAME).exists():
        raise VaultMissing(str(run.config.home / VAULT_NAME))
    wait(_change(run, new_password_file, "light" if light else "standard"))

    def show() -> None:
        click.echo(_("The vault has another password now; whatever held it open is locked."))
        click.echo(_("Copies of the old file still open with the old one."))

    run.answer({"changed": True}, show)


async def _change(run: Run, file: Path | None, profile: str) -> None:
    """By a signer of our own; the old password is tried before a new one is asked."""
    async with Signer(run.config.home) as signer:
        before = terminal.ask_password(run.config)
        await signer.unlock(before)
        question = _("New password (at least 8 characters): ")
        after = first_line("--new-password-file", file) if file else terminal.ask_twice(question)
        await signer.change_password(before, after, profile=profile)
