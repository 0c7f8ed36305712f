"""`tandem restore`: the vault again from words that somebody wrote down."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from chain.errors import ChainError
from wallet.backups import ShareTexts
from wallet.cli import terminal
from wallet.cli.relay import tell_reading
from wallet.cli.running import Run, command
from wallet.cli.show import table
from wallet.cli.vault import tell
from wallet.cli.waiting import wait
from wallet.errors import Declined, PhraseAmbiguous, VaultExists
from wallet.networks import current_network
from wallet.signing import VAULT_NAME, Reading, Signer
from wallet.state import make_private
from wallet.state_backup import Source, read_backup, restore_state
from wallet.texts import _
from wallet.tokens import node_of

PHRASE_BYTES_MAX = 4096
SHARES_MAX, SHARES_BYTES_MAX = 256, 256 * 600


@command("restore", _("Make the vault again from a recovery phrase, typed here or given on stdin."))
@click.option("--language", default="", help=_("which reading is meant, where the words have more than one"))
@click.option("--passphrase", "with_passphrase", is_flag=True, help=_("ask for the phrase's additional passphrase too"))
@click.option(
    "--shares",
    "holds",
    type=click.Choice(["phrase", "wallet"]),
    help=_("from shares (SLIP-39), of a phrase or of a wallet of its own"),
)
@click.option("--light", is_flag=True, help=_("a lighter vault, for small machines and tests"))
@click.option("--state", type=click.Path(path_type=Path), help=_("with everything in this backup file"))
@click.option("--beside", is_flag=True, help=_("password forgotten: a new vault, and the old one stays beside it"))
def restore(
    run: Run, language: str, with_passphrase: bool, holds: str | None, light: bool, state: Path | None, beside: bool
) -> None:
    vault = run.config.home / VAULT_NAME
    if vault.exists() and not beside:
        raise VaultExists(str(vault))
    profile = "light" if light else "standard"
    if holds is not None:
        shares = ask_shares(run, holds, language or "english", with_passphrase)
        if state is None and not vault.exists():
            wait(_restore_shares(run, shares, profile))
            return
        source: Source = shares.to_json()
    else:
        phrase = read_words()
        passphrase = terminal.ask_secret(_("Passphrase: "), "phrase") if with_passphrase else ""
        if state is None and not vault.exists():
            wait(_restore(run, phrase, passphrase, language, profile))
            return
        source = {"phrase": phrase, "language": language, "passphrase": passphrase}
    wait(_restore_beside(run, source, profile) if state is None else _restore_state(run, source, state, profile))


async def _restore_beside(run: Run, source: Source, profile: str) -> None:
    async with Signer(run.config.home) as signer:
        password = terminal.ask_new_password(run.config)
        status, uncovered = await signer.restore_beside(source, password, profile=profile)
    run.say(_("The old vault stays beside it, as vault.old-1.json or the next free number."))
    if uncovered:
        run.say(_("Your phrase does not bring these accounts back; only the old vault or a backup file does:"))
        for address in uncovered:
            run.say(f"  {address}")
    tell(run, status, None, more={"uncovered": list(uncovered)})


async def _restore_state(run: Run, source: Source, state: Path, profile: str) -> None:
    """The file is read whole, then the vault is made, then what is missing of the client's state is written."""
    home = run.config.home
    async with Signer(home) as signer:
        documents = await read_backup(signer, source, state)
        password = terminal.ask_new_password(run.config)
        make_private(home)
        status = await signer.restore_backup(password, profile=profile, beside=(home / VAULT_NAME).exists())
    restored = restore_state(home, documents)
    run.say(_("{written} documents were restored; {kept} were there already and stay as they are.").format(
        written=restored.written, kept=restored.kept
    ))  # fmt: skip
    tell(run, status, None, more={"documents": restored.written, "kept": restored.kept})


def read_words() -> str:
    """A phrase, typed unseen or from stdin."""
    if sys.stdin.isatty():
        return terminal.ask_secret(_("Recovery phrase (not shown): "), "phrase")
    return sys.stdin.read(PHRASE_BYTES_MAX)


def ask_shares(run: Run, holds: str, language: str, with_passphrase: bool) -> ShareTexts:
    """Shares, one a line until an empty one, typed unseen or from stdin; lines that begin with # are remarks."""
    shares: list[str] = []
    if not sys.stdin.isatty():
        lines = sys.stdin.read(SHARES_BYTES_MAX).splitlines()
        shares = [line for line in lines if line.strip() and not line.startswith("#")]
    else:
        while len(shares) < SHARES_MAX:
            share = terminal.ask_secret(
                _("Share {n} (not shown; empty: no more): ").format(n=len(shares) + 1), "shares"
            )
            if not share.strip():
                break
            shares.append(share)
    of_shares = of_phrase = ""
    if with_passphrase:
        of_shares = terminal.ask_secret(_("Passphrase of the shares (empty: none): "), "shares")
        if holds == "phrase":
            of_phrase = terminal.ask_secret(_("Passphrase of the phrase (empty: none): "), "phrase")
    return ShareTexts(tuple(shares), holds, of_shares, language, of_phrase)


async def _restore_shares(run: Run, shares: ShareTexts, profile: str) -> None:
    async with Signer(run.config.home) as signer:
        password = terminal.ask_new_password(run.config)
        make_private(run.config.home)
        tell(run, await signer.restore_shares(shares, password, profile=profile), None)


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
    tell_reading(run, current_network(run.config, run.store))
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
