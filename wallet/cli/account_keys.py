"""`tandem accounts import`, `key`, `phrase` and `export`: keys that come into the vault from elsewhere, and leave."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wallet.cli import terminal
from wallet.cli.beyond import askers
from wallet.cli.new_file import write_new
from wallet.cli.own import own_account
from wallet.cli.restore import choose_reading, read_words
from wallet.cli.running import Json, Run, command
from wallet.cli.waiting import wait
from wallet.config import first_line
from wallet.errors import StateUnusable
from wallet.signing import Signer, SignerStatus
from wallet.texts import _
from wallet.wallet import Wallet

KEYSTORE_BYTES_MAX = 64 * 1024
KEY_BYTES_MAX = 256


@command("import", _("Take the key of a keystore file (Web3 Secret Storage v3) into the vault."))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", default="", help=_("what you call it"))
@click.option("--keystore-password-file", type=click.Path(path_type=Path), help=_("its password's file, else asked"))
def import_(run: Run, file: Path, name: str, keystore_password_file: Path | None) -> None:
    document = _read(file)
    password = _keystore_password(keystore_password_file, _("Password of the keystore: "))
    status = wait(_import(run, document, password, name))
    _tell_last(run, status, _("The phrase does not hold this key: keep the keystore, or `tandem backup`."))


async def _import(run: Run, document: str, password: str, name: str) -> SignerStatus:
    async with Wallet(run.config, run.store, *askers(run.config)) as wallet:
        return await (await wallet.signer()).add_keystore(document, password, name)


@command("key", _("Take a bare private key into the vault, typed here unseen or given on stdin."))
@click.option("--name", default="", help=_("what you call it"))
def key(run: Run, name: str) -> None:
    typed = _typed_key()
    status = wait(_key(run, typed, name))
    _tell_last(run, status, _("The phrase does not hold this key: only `tandem backup` keeps it."))


def _typed_key() -> str:
    if sys.stdin.isatty():
        return terminal.ask_secret(_("Private key (64 hex digits, not shown): "), "private-key")
    return sys.stdin.read(KEY_BYTES_MAX)


async def _key(run: Run, typed: str, name: str) -> SignerStatus:
    """By a signer of our own: a bare key never passes the running client's door."""
    async with Signer(run.config.home) as signer:
        await signer.unlock(terminal.ask_password(run.config))
        return await signer.import_key(typed, name)


@command("export", _("Write an account's key to a new keystore file (v3, scrypt) under a password of its own."))
@click.argument("account")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--keystore-password-file", type=click.Path(path_type=Path), help=_("its password's file, else asked"))
def export(run: Run, account: str, file: Path, keystore_password_file: Path | None) -> None:
    found = own_account(run, account)
    if file.exists():
        raise StateUnusable(str(file), _("it is there already"))
    password = terminal.ask_password(run.config)
    of_file = keystore_password_file
    own = first_line("keystore", of_file) if of_file else terminal.ask_twice(_("New password of the keystore: "))

    async def made() -> str:
        async with Signer(run.config.home) as signer:
            return await signer.make_keystore(found.address, password, own)

    write_new(file, wait(made()))
    answer: Json = {"address": found.address, "file": str(file)}
    run.answer(answer, lambda: click.echo(_("The key of {address} is in {file}.").format(**answer)))


@command("phrase", _("Take another recovery phrase into the vault, typed here or given on stdin."))
@click.option("--language", default="", help=_("which reading is meant, where the words have more than one"))
@click.option("--passphrase", "with_passphrase", is_flag=True, help=_("ask for the phrase's additional passphrase too"))
@click.option("--name", default="", help=_("what you call its first account"))
def phrase(run: Run, language: str, with_passphrase: bool, name: str) -> None:
    words = read_words()
    passphrase = terminal.ask_secret(_("Passphrase: "), "phrase") if with_passphrase else ""
    status = wait(_phrase(run, words, passphrase, language, name))
    _tell_last(run, status, _("Your account at the server stays with the first phrase."))


async def _phrase(run: Run, words: str, passphrase: str, language: str, name: str) -> SignerStatus:
    """By a signer of our own: a phrase never passes the running client's door."""
    async with Signer(run.config.home) as signer:
        await signer.unlock(terminal.ask_password(run.config))
        readings = await signer.readings(words, passphrase=passphrase)
        if len(readings) > 1 and not language:
            language = await choose_reading(run, readings)
        return await signer.add_phrase(words, language=language, passphrase=passphrase, name=name)


def _tell_last(run: Run, status: SignerStatus, remark: str) -> None:
    added = status.entries[-1]
    answer = added.to_json()

    def show() -> None:
        click.echo(_("{address} is an account of yours now.").format(address=added.address))
        click.echo(remark)

    run.answer(answer, show)


def _keystore_password(file: Path | None, question: str) -> str:
    return first_line("keystore", file) if file else terminal.ask_secret(question, "password")


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(KEYSTORE_BYTES_MAX + 1).decode()
    except UnicodeDecodeError:
        raise StateUnusable(str(file), _("it is no text")) from None
    except OSError as error:
        raise StateUnusable(str(file), error.strerror or "") from None
