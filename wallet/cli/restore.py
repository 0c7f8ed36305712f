"""`tandem restore`: the vault again from words that somebody wrote down."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from chain.errors import ChainError
from wallet.cli import terminal
from wallet.cli.running import Run, command
from wallet.cli.show import table
from wallet.cli.vault import tell
from wallet.cli.waiting import wait
from wallet.errors import Declined, PhraseAmbiguous, VaultExists
from wallet.networks import current_network
from wallet.signing import VAULT_NAME, Reading, Signer
from wallet.state import make_private
from wallet.texts import _
from wallet.tokens import node_of

PHRASE_BYTES_MAX = 4096


@command("restore", _("Make the vault again from a recovery phrase, typed here or given on stdin."))
@click.option("--language", default="", help=_("which reading is meant, where the words have more than one"))
@click.option("--passphrase", "with_passphrase", is_flag=True, help=_("ask for the phrase's additional passphrase too"))
@click.option("--light", is_flag=True, help=_("a lighter vault, for small machines and tests"))
@click.option("--state", type=click.Path(path_type=Path), help=_("a backup file (not built yet)"))
def restore(run: Run, language: str, with_passphrase: bool, light: bool, state: Path | None) -> None:
    if state is not None:
        raise click.UsageError(_("`tandem restore --state` is not built yet."))
    if (run.config.home / VAULT_NAME).exists():
        raise VaultExists(str(run.config.home / VAULT_NAME))
    if sys.stdin.isatty():
        phrase = terminal.ask_secret(_("Recovery phrase (not shown): "), "phrase")
    else:
        phrase = sys.stdin.read(PHRASE_BYTES_MAX)
    passphrase = terminal.ask_secret(_("Passphrase: "), "phrase") if with_passphrase else ""
    wait(_restore(run, phrase, passphrase, language, "light" if light else "standard"))


async def _restore(run: Run, phrase: str, passphrase: str, language: str, profile: str) -> None:
    async with Signer(run.config.home) as signer:
        readings = await signer.readings(phrase, passphrase=passphrase)
        if len(readings) > 1 and not language:
            language = await choose_reading(run, readings)
        password = terminal.ask_new_password(run.config)
        make_private(run.config.home)
        status = await signer.restore(phrase, password, language=language, passphrase=passphrase, profile=profile)
        tell(run, status, None)


async def choose_reading(run: Run, readings: tuple[Reading, ...]) -> str:
    """The same words in another script or language open another wallet: show which one has a history."""
    languages = [reading.language for reading in readings]
    if not terminal.is_there():
        raise PhraseAmbiguous(languages)
    rows = [
        (str(n), reading.language, reading.accounts[0], await _history(run, reading))
        for n, reading in enumerate(readings, 1)
    ]
    columns = [">#", _("Read as"), _("Address"), _("On the chain")]
    table(columns, rows, title=_("These words open more than one wallet"), stderr=True)
    answer = terminal.ask(_("Which one (number)? "), "reading")
    if answer not in {row[0] for row in rows}:
        raise Declined
    return languages[int(answer) - 1]


async def _history(run: Run, reading: Reading) -> str:
    async with node_of(current_network(run.config, run.store)) as node:
        try:
            sent = await node.call("eth_getTransactionCount", [reading.accounts[0], "latest"])
            coins = await node.call("eth_getBalance", [reading.accounts[0], "latest"])
        except ChainError:
            return _("not known: the node does not answer")
    return _("used before") if (sent, coins) != ("0x0", "0x0") else _("no history")
