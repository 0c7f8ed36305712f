"""`tandem accounts`: the person's chain accounts, their names and order, and addresses that are only watched."""

from __future__ import annotations

import click

from chain.address import Address
from wallet.accounts import Account
from wallet.cli.account_keys import export, import_, key, phrase
from wallet.cli.account_search import discover, find
from wallet.cli.beyond import askers
from wallet.cli.own import accounts_kept, names_taken, own_account, own_accounts
from wallet.cli.running import Json, Run, command, group
from wallet.cli.show import table
from wallet.cli.waiting import wait
from wallet.enrolment import attest
from wallet.errors import (
    AccountKnown,
    AccountUnknown,
    HolderMissing,
    ServerUnreachable,
)
from wallet.names import new_name
from wallet.networks import current_network
from wallet.signing import Signer, SignerStatus
from wallet.state import Document
from wallet.texts import _
from wallet.wallet import Wallet


@command("add", _("Derive the next account, or the one at a path, and tell the server that it is yours."))
@click.option("--path", default="", help=_("any derivation path, such as m/44'/60'/0'/0/7"))
@click.option("--phrase", "number", type=click.IntRange(1, 16), default=1, help=_("of which phrase, by its number"))
@click.option("--name", default="", help=_("what you call it"))
def add(run: Run, path: str, number: int, name: str) -> None:
    told = wait(_add(run, path, number - 1, name))
    if not told:
        run.say(_("The server was not told: `tandem register HANDLE` tells it of all your accounts."))
    _answer(run)


async def _add(run: Run, path: str, phrase: int, name: str) -> bool:
    async with Wallet(run.config, run.store, *askers(run.config)) as wallet:
        return await derived(run, wallet, path, phrase, name)


async def derived(run: Run, wallet: Wallet, path: str, phrase: int, name: str) -> bool:
    """Another account of a phrase (from 0), at the next path where none is named; was the server told of it?"""
    signer = await wallet.signer()
    if name:
        new_name(name, names_taken(run))
    if path or phrase:
        status = await signer.add_paths(phrase, [path or await _next_path(signer, phrase)], name)
    else:
        status = await signer.add_account()
        if name:
            status = await signer.edit_account(status.accounts[-1], name=name)
    try:
        await wallet.ensure_session()
        await attest(
            wallet.client, signer, status, [(current_network(run.config, run.store).chain_id, status.accounts[-1])]
        )
    except (HolderMissing, ServerUnreachable):
        return False
    return True


async def _next_path(signer: Signer, phrase: int) -> str:
    """The first one of BIP-44 that this phrase has no account at."""
    taken = {entry.path for entry in (await signer.status()).entries if entry.phrase == phrase}
    return next(path for n in range(len(taken) + 1) if (path := f"m/44'/60'/0'/0/{n}") not in taken)


@command("watch", _("List an address that is not yours, without any key for it."))
@click.argument("address")
@click.option("--name", default="", help=_("what you call it"))
def watch(run: Run, address: str, name: str) -> None:
    keep_watched(run, Address(address), name)
    _answer(run)


@command("unwatch", _("No longer list an address that was only watched."))
@click.argument("address")
def unwatch(run: Run, address: str) -> None:
    drop_watched(run, Address(address))
    _answer(run)


def keep_watched(run: Run, watched: Address, name: str) -> None:
    """Listed from now on. Raises AccountKnown, NameTaken, InputMalformed."""
    if any(account.address == watched for account in accounts_kept(run)):
        raise AccountKnown(watched)
    known = run.store.read("watched").get(watched, {})
    entry = {"name": new_name(name, [n for n in names_taken(run) if n != known.get("name")])} if name else known
    run.store.change("watched", lambda document: document.update({watched: entry}))


def drop_watched(run: Run, watched: Address) -> None:
    """Raises AccountUnknown."""

    def edit(document: Document) -> None:
        if document.pop(watched, None) is None:
            raise AccountUnknown(watched)

    run.store.change("watched", edit)


@command("rename", _("Give an account another name; without one it has none."))
@click.argument("account")
@click.argument("name", default="")
def rename(run: Run, account: str, name: str) -> None:
    found = own_account(run, account)
    if name:
        new_name(name, [other for other in names_taken(run) if other != found.name])
    wait(_edit(run, found, name=name, position=None))
    _answer(run)


@command("move", _("Put an account at another place; the first one pays unless another is named."))
@click.argument("account")
@click.argument("position", type=click.IntRange(0, 999))
def move(run: Run, account: str, position: int) -> None:
    wait(_edit(run, own_account(run, account), name=None, position=position))
    _answer(run)


async def _edit(run: Run, account: Account, *, name: str | None, position: int | None) -> SignerStatus:
    async with Wallet(run.config, run.store, *askers(run.config)) as wallet:
        return await (await wallet.signer()).edit_account(account.address, name=name, position=position)


@group(
    "accounts",
    _("Your accounts on the chain."),
    *(add, watch, unwatch, rename, move, import_, key, export, phrase, find, discover),
)
def accounts(run: Run) -> None:
    _answer(run)


def _answer(run: Run) -> None:
    rows: list[Json] = [
        {"index": index, **account.to_json(), "imported": account.is_imported, "watched": False}
        for index, account in enumerate(accounts_kept(run) if run.store.read("watched") else own_accounts(run))
    ]
    rows += [
        {"index": None, "address": address, "name": entry.get("name", ""), "path": "", "phrase": None,
         "imported": False, "watched": True}
        for address, entry in run.store.read("watched").items()
    ]  # fmt: skip
    backed_up = bool(run.store.read("vault").get("backed_up"))
    run.answer({"accounts": rows, "backed_up": backed_up}, lambda: _show(rows))


def _show(rows: list[Json]) -> None:
    several = any(row["phrase"] for row in rows)
    shown = [
        ("" if row["watched"] else str(row["index"]), row["name"], row["address"], whose(row, several)) for row in rows
    ]
    table([">#", _("Name"), _("Address"), _("Whose")], shown)


def whose(row: Json, several: bool) -> str:
    if row["watched"]:
        return _("only watched, no key")
    if row["imported"]:
        return _("yours, imported: not in any phrase")
    if several:
        return _("yours, phrase {n}, {path}").format(n=row["phrase"] + 1, path=row["path"])
    return _("yours, {path}").format(path=row["path"])
