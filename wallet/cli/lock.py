"""`tandem unlock` and `tandem lock`: keys that stay ready for a while, and their end."""

from __future__ import annotations

import os
import signal

import click

from wallet import daemon
from wallet.cli import terminal
from wallet.cli.running import Run, command
from wallet.cli.waiting import wait
from wallet.errors import VaultMissing, WalletError
from wallet.signing import IDLE_SECONDS, VAULT_NAME, Signer, SignerStatus
from wallet.texts import _


@command(
    "unlock", _("Keep the keys ready in the background, so that commands ask no password. Ends after 15 idle minutes.")
)
def unlock(run: Run) -> None:
    status = wait(_unlock(run))

    def show() -> None:
        click.echo(_("Unlocked for {minutes} idle minutes; `tandem lock` ends it.").format(minutes=IDLE_SECONDS // 60))

    run.answer({"unlocked": status.unlocked, "idle_seconds": IDLE_SECONDS}, show)


async def _unlock(run: Run) -> SignerStatus:
    home = run.config.home
    if not (home / VAULT_NAME).exists():
        raise VaultMissing(str(home / VAULT_NAME))
    signer = await Signer.connect(home)
    async with signer:
        if signer.through_door:
            status = await signer.status()
            return status if status.unlocked else await signer.unlock(terminal.ask_password(run.config))
    password = terminal.ask_password(run.config)
    process = daemon.start(home)
    try:
        async with await daemon.reach(home) as signer:
            return await signer.unlock(password)
    except WalletError:
        os.kill(process, signal.SIGTERM)
        raise


@command("lock", _("Forget the unlocked keys now."))
def lock(run: Run) -> None:
    was_unlocked = wait(_lock(run))

    def show() -> None:
        click.echo(_("Locked.") if was_unlocked else _("Nothing was unlocked."))

    run.answer({"unlocked": False, "was_unlocked": was_unlocked}, show)


async def _lock(run: Run) -> bool:
    async with await Signer.connect(run.config.home) as signer:
        if not signer.through_door:
            return False
        await signer.lock()
        return True
