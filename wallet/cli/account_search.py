"""`tandem accounts find` and `discover`: who holds an address, and which accounts a chain has seen."""

from __future__ import annotations

import sys

import click

from chain.address import Address
from wallet.accounts import PATTERNS
from wallet.cli import terminal
from wallet.cli.register import open_wallet
from wallet.cli.running import Json, Run, command
from wallet.cli.waiting import wait
from wallet.errors import AddressUnfound
from wallet.search import GAP_MAX, INDEXES_MAX, PASSPHRASES_MAX, Found, Tell, used_paths
from wallet.search import find as find_path
from wallet.texts import _
from wallet.tokens import node_of

BIP44 = "m/44'/60'/0'/0/{}"


@command("find", _("Which path, or which passphrase, of your phrases holds this address?"))
@click.argument("address")
@click.option(
    "--indexes", type=click.IntRange(1, INDEXES_MAX), default=100, show_default=True, help=_("how many of each kind")
)
@click.option("--passphrases", is_flag=True, help=_("ask for passphrases to try, one a line, until an empty one"))
def find(run: Run, address: str, indexes: int, passphrases: bool) -> None:
    wanted = Address(address)
    typed = _passphrases() if passphrases else []
    found, tried = wait(_find(run, wanted, typed, indexes))
    if found is None:
        raise AddressUnfound(wanted, tried)
    answer: Json = {
        "address": wanted,
        "phrase": found.phrase,
        "path": found.path,
        "passphrase": found.passphrase or None,
    }
    run.answer(answer, lambda: _show_found(found))


def _passphrases() -> list[str]:
    typed: list[str] = []
    while len(typed) < PASSPHRASES_MAX:
        line = terminal.ask_secret(_("Passphrase {n} (empty: no more): ").format(n=len(typed) + 1), "phrase")
        if not line:
            break
        typed.append(line)
    return typed


async def _find(run: Run, address: Address, typed: list[str], indexes: int) -> tuple[Found | None, int]:
    async with open_wallet(run) as wallet:
        signer = await wallet.signer()
        entries = (await signer.status()).entries
        own = next((entry for entry in entries if entry.address == address), None)
        if own is not None and own.phrase is not None:
            return Found(own.phrase, own.path), 0
        phrases = max((entry.phrase or 0) for entry in entries) + 1
        reached = [0]
        told = _progress(run)

        def tell(tried: int, total: int) -> None:
            reached[0] = tried
            told(tried, total)

        return await find_path(signer, address, phrases, typed, PATTERNS, indexes, tell), reached[0]


def _show_found(found: Found) -> None:
    click.echo(_("Phrase {n}, path {path}.").format(n=found.phrase + 1, path=found.path))
    if found.passphrase:
        click.echo(_("With passphrase {n} of those you typed.").format(n=found.passphrase))
        click.echo(_("`tandem accounts phrase --passphrase` takes it into the vault."))
    else:
        click.echo(_("`tandem accounts add --phrase {n} --path \"{path}\"` makes it an account.").format(
            n=found.phrase + 1, path=found.path
        ))  # fmt: skip


@command("discover", _("Ask your node which accounts of your phrases were used, and list those."))
@click.option(
    "--gap", type=click.IntRange(1, GAP_MAX), default=20, show_default=True, help=_("unused ones that end the search")
)
@click.option("--everywhere", is_flag=True, help=_("look where other wallets keep accounts too"))
def discover(run: Run, gap: int, everywhere: bool) -> None:
    added = wait(_discover(run, gap, list(PATTERNS) if everywhere else [BIP44]))
    answer: Json = {"added": added}

    def show() -> None:
        for entry in added:
            click.echo(_("Found {address}, at {path}.").format(**entry))
        if not added:
            click.echo(_("No other account of your phrases was used on this chain."))

    run.answer(answer, show)


async def _discover(run: Run, gap: int, patterns: list[str]) -> list[Json]:
    async with open_wallet(run) as wallet:
        signer, network = await wallet.signer(), wallet.purse.network
        before = (await signer.status()).entries
        phrases = max((entry.phrase or 0) for entry in before) + 1
        run.say(_("{url} is asked about every address, and could tell that they belong together.").format(
            url=run.config.server_host if network.relayed else network.url
        ))  # fmt: skip
        tell = _progress(run)
        async with node_of(network) as node:
            await node.check()
            for phrase in range(phrases):
                for pattern in patterns:
                    used = await used_paths(signer, node, wallet.purse.listed(), phrase, pattern, gap, tell)
                    known = {entry.address for entry in (await signer.status()).entries}
                    found = zip(used, await signer.addresses(phrase, used), strict=True)
                    new = [path for path, address in found if address not in known]
                    if new:
                        await signer.add_paths(phrase, new)
        after = (await signer.status()).entries
        return [entry.to_json() for entry in after if entry not in before]


def _progress(run: Run) -> Tell:
    """A line that is written over, where somebody looks."""
    shown = sys.stderr.isatty() and not run.json

    def tell(tried: int, total: int) -> None:
        if shown:
            click.echo("\r" + _("{tried} of {total} ...").format(tried=tried, total=total) + " ", err=True, nl=False)

    return tell
