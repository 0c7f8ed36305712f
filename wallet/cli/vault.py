"""`tandem init` and `tandem restore`: making the vault, and making sure that the phrase was written down."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TextIO

import click

from wallet.cli import terminal
from wallet.cli.inert import inert
from wallet.cli.running import Json, Run, command
from wallet.cli.show import console, table
from wallet.cli.waiting import wait
from wallet.errors import Declined, PhraseDiffers, StateUnusable, TerminalNeeded, VaultExists
from wallet.signing import VAULT_NAME, Phrase, Signer, SignerStatus
from wallet.state import make_private
from wallet.texts import LANGUAGE, _

WORDS_ASKED = 3
TRIES_MAX = 3


@command("init", _("Make a wallet: a new recovery phrase and a vault that keeps it."))
@click.option(
    "--words", type=click.Choice(["12", "15", "18", "21", "24"]), default="12", help=_("length of the phrase")
)
@click.option("--phrase-file", type=click.Path(path_type=Path), help=_("write the phrase to this new file instead"))
@click.option("--light", is_flag=True, help=_("a lighter vault, for small machines and tests"))
def init(run: Run, words: str, phrase_file: Path | None, light: bool) -> None:
    kept = run.store.read("vault")
    if kept and not kept.get("backed_up") and terminal.is_there() and not run.json:
        wait(_finish_backup(run))
        return
    if kept:
        raise VaultExists(str(run.config.home / VAULT_NAME))
    if phrase_file is None and (run.json or not terminal.is_there()):
        raise TerminalNeeded("phrase")
    if phrase_file is not None and phrase_file.exists():
        raise StateUnusable(str(phrase_file), _("it is there already"))
    wait(_init(run, int(words), phrase_file, "light" if light else "standard"))


async def _init(run: Run, words: int, phrase_file: Path | None, profile: str) -> None:
    password = terminal.ask_new_password(run.config)
    make_private(run.config.home)
    # The file comes first: a vault whose phrase could not be written down would be a wallet without a backup.
    paper = None if phrase_file is None else _open_new(phrase_file)
    try:
        async with Signer(run.config.home) as signer:
            phrase = await signer.create(words, password, profile=profile)
            if paper is None:
                await _show_and_ask_back(run, signer, phrase)
            else:
                _write_phrase(paper, phrase)
            tell(run, await signer.status(), phrase_file)
    finally:
        if paper is not None and phrase_file is not None:
            is_empty = os.fstat(paper.fileno()).st_size == 0
            paper.close()
            if is_empty:
                phrase_file.unlink(missing_ok=True)


async def _finish_backup(run: Run) -> None:
    """The wallet is there, its phrase was never asked back: show it again to whoever knows the password."""
    run.say(_("This wallet is not backed up yet: the phrase is shown again."))
    async with Signer(run.config.home) as signer:
        password = terminal.ask_password(run.config)
        await signer.unlock(password)
        phrase = await signer.reveal(password)
        await _show_and_ask_back(run, signer, phrase)
        tell(run, await signer.status(), None)


async def _show_and_ask_back(run: Run, signer: Signer, phrase: Phrase) -> None:
    rows = []
    for number, word in enumerate(phrase.words, 1):
        gloss = phrase.gloss[number - 1] if phrase.gloss and LANGUAGE == "zh" else ""
        rows.append((str(number), word, gloss)[: 3 if LANGUAGE == "zh" else 2])
    columns = [">#", _("Word"), _("Meaning")][: 3 if LANGUAGE == "zh" else 2]
    table(columns, rows, title=_("Your recovery phrase"), stderr=True)
    run.say(_("Write it on paper, in this order. Whoever has it has your money; without it nobody can help you."))
    try:
        terminal.ask(_("Press Enter when it is written down; the screen is cleared then. "), "phrase")
        console(stderr=True).clear()
        await _ask_back(run, signer, len(phrase.words))
    except Declined:
        run.say(_("The wallet is made, but not backed up: `tandem init` shows the phrase again."))
        raise


async def _ask_back(run: Run, signer: Signer, count: int) -> None:
    asked = sorted(secrets.SystemRandom().sample(range(1, count + 1), WORDS_ASKED))
    for attempt in range(1, TRIES_MAX + 1):
        words = {n: terminal.ask(_("Word {number}: ").format(number=n), "words").lower() for n in asked}
        try:
            await signer.prove_backup(words)
            return
        except PhraseDiffers as differs:
            if attempt == TRIES_MAX:
                raise
            which = ", ".join(map(str, differs.positions))
            run.say(_("Word {which} is not as in your phrase. Look at your paper and try again.").format(which=which))


def _open_new(path: Path) -> TextIO:
    """A new file that only this user reads. Raises StateUnusable."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise StateUnusable(str(path), error.strerror or "") from None
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _write_phrase(file: TextIO, phrase: Phrase) -> None:
    file.write(" ".join(phrase.words) + "\n")
    file.flush()
    os.fsync(file.fileno())


def tell(run: Run, status: SignerStatus, phrase_file: Path | None, more: Json | None = None) -> None:
    """What a wallet that was made answers; `more` goes into the document alone."""
    accounts = [{"index": index, "address": address} for index, address in enumerate(status.accounts)]
    document: Json = {"vault": str(run.config.home / VAULT_NAME), "accounts": accounts, "backed_up": status.backed_up}
    document |= more or {}
    if phrase_file is not None:
        document["phrase_file"] = str(phrase_file)

    def show() -> None:
        click.echo(_("Your wallet is in {path}.").format(path=run.config.home))
        click.echo(_("Your first address on the chain: {address}").format(address=status.accounts[0]))
        if phrase_file is not None:
            click.echo(_("The recovery phrase is in {path}: move it off this machine.").format(path=inert(phrase_file)))
        elif status.backed_up:
            click.echo(_("The phrase is backed up."))
        click.echo(_("Next: `tandem register HANDLE`."))

    run.answer(document, show)
