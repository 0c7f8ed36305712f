"""`tandem drill`: does a backup bring this wallet back? It is typed, and nothing of it is shown."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wallet.backups import Proved
from wallet.cli import terminal
from wallet.cli.restore import ask_shares, read_words
from wallet.cli.running import Json, Run, command
from wallet.cli.waiting import wait
from wallet.errors import BackupUnfit, VaultMissing
from wallet.signing import VAULT_NAME, Signer
from wallet.state_backup import Source, read_backup
from wallet.texts import _

HOLDS = click.Choice(["phrase", "wallet"])


@command("drill", _("Try whether your written backup opens this wallet, without showing or changing anything."))
@click.option("--passphrase", "with_passphrase", is_flag=True, help=_("ask for the phrase's additional passphrase too"))
@click.option("--shares", "holds", type=HOLDS, help=_("try shares (SLIP-39), of a phrase or of a wallet of its own"))
@click.option("--language", default="english", show_default=True, help=_("of the phrase that the shares are of"))
@click.option("--state", type=click.Path(path_type=Path), help=_("try whether this backup file opens with it, whole"))
def drill(run: Run, with_passphrase: bool, holds: str | None, language: str, state: Path | None) -> None:
    if state is not None:
        documents = wait(_open_state(run, with_passphrase, holds, language, state))
        whole = _("The backup file opens whole: {n} documents are in it.").format(n=documents)
        run.answer({"documents": documents}, lambda: click.echo(whole))
        return
    if not (run.config.home / VAULT_NAME).exists():
        raise VaultMissing(str(run.config.home / VAULT_NAME))
    proved = wait(_prove(run, with_passphrase, holds, language))
    if not proved.root and not proved.covered:
        raise BackupUnfit(len(proved.uncovered))
    answer: Json = {"root": proved.root, "covered": list(proved.covered), "uncovered": list(proved.uncovered)}
    run.answer(answer, lambda: _show(proved))


async def _prove(run: Run, with_passphrase: bool, holds: str | None, language: str) -> Proved:
    async with Signer(run.config.home) as signer:
        if holds is not None:
            return await signer.prove_shares(ask_shares(run, holds, language, with_passphrase))
        words = read_words()
        passphrase = terminal.ask_secret(_("Passphrase: "), "phrase") if with_passphrase else ""
        return await signer.prove(words, passphrase)


async def _open_state(run: Run, with_passphrase: bool, holds: str | None, language: str, state: Path) -> int:
    """By a signer that ends with it; nothing is written."""
    async with Signer(run.config.home) as signer:
        if holds is not None:
            source: Source = ask_shares(run, holds, language, with_passphrase).to_json()
        else:
            words = read_words()
            passphrase = terminal.ask_secret(_("Passphrase: "), "phrase") if with_passphrase else ""
            source = {"phrase": words, "language": "", "passphrase": passphrase}
        return len(await read_backup(signer, source, state))


def _show(proved: Proved) -> None:
    if proved.root:
        click.echo(_("This backup opens your wallet: your account at the server, and {n} of your accounts.").format(
            n=len(proved.covered)
        ))  # fmt: skip
    else:
        click.echo(_("This backup opens {n} of your accounts, and not the first phrase.").format(n=len(proved.covered)))
    if proved.uncovered:
        click.echo(_("It does not bring back:"), err=False)
        for address in proved.uncovered:
            click.echo(f"  {address}")
    sys.stdout.flush()
