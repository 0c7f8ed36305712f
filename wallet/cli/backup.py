"""`tandem backup`: what the phrase does not hold, in one file that only the phrase opens."""

from __future__ import annotations

from pathlib import Path

import click

from wallet.cli import terminal
from wallet.cli.own import own_accounts
from wallet.cli.running import Json, Run, command
from wallet.cli.waiting import wait
from wallet.errors import StateUnusable
from wallet.signing import Signer
from wallet.state_backup import write_backup
from wallet.texts import _


@command("backup", _("Write pins, contacts, receipts and imported keys to a file that only your phrase opens."))
@click.argument("file", type=click.Path(path_type=Path))
def backup(run: Run, file: Path) -> None:
    accounts = own_accounts(run)
    if file.exists():
        raise StateUnusable(str(file), _("it is there already"))
    password = terminal.ask_password(run.config)

    async def written() -> int:
        async with Signer(run.config.home) as signer:
            return await write_backup(signer, password, run.config.home, file)

    count = wait(written())
    imported = [account.address for account in accounts if account.is_imported]
    answer: Json = {"file": str(file), "documents": count, "accounts": len(accounts), "imported": imported}

    def show() -> None:
        click.echo(_("{count} documents, {accounts} accounts and {keys} imported keys are in {file}.").format(
            **{**answer, "count": count, "keys": len(imported)}
        ))  # fmt: skip
        click.echo(_("Your first phrase opens it, and nothing else does: keep the two apart. "
                     "`tandem restore --state FILE` brings it back."))  # fmt: skip

    run.answer(answer, show)
