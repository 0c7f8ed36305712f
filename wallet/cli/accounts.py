"""`tandem accounts`: the person's chain accounts, and addresses that are only watched."""

from __future__ import annotations

import click

from chain.address import Address
from wallet.cli import terminal
from wallet.cli.running import Json, Run, command, group
from wallet.cli.show import table
from wallet.cli.waiting import wait
from wallet.enrolment import attest
from wallet.errors import HolderMissing, ServerUnreachable, VaultMissing
from wallet.networks import current_network
from wallet.signing import VAULT_NAME
from wallet.texts import _
from wallet.wallet import Wallet


@command("add", _("Derive the next account, and tell the server that it is yours."))
def add(run: Run) -> None:
    told = wait(_add(run))
    if not told:
        run.say(_("The server was not told: `tandem register HANDLE` tells it of all your accounts."))
    _answer(run)


async def _add(run: Run) -> bool:
    async with Wallet(run.config, run.store, lambda: terminal.ask_password(run.config)) as wallet:
        signer = await wallet.signer()
        status = await signer.add_account()
        try:
            await wallet.ensure_session()
            await attest(
                wallet.client, signer, status, [(current_network(run.config, run.store).chain_id, status.accounts[-1])]
            )
        except (HolderMissing, ServerUnreachable):
            return False
    return True


@command("watch", _("List an address that is not yours, without any key for it."))
@click.argument("address")
def watch(run: Run, address: str) -> None:
    watched = Address(address)
    run.store.change("watched", lambda document: document.setdefault(watched, {}))
    _answer(run)


@group("accounts", _("Your accounts on the chain."), add, watch)
def accounts(run: Run) -> None:
    _answer(run)


def _answer(run: Run) -> None:
    kept = run.store.read("vault")
    if not kept:
        raise VaultMissing(str(run.config.home / VAULT_NAME))
    rows: list[Json] = [
        {"index": index, "address": entry["address"], "watched": False} for index, entry in enumerate(kept["accounts"])
    ]
    rows += [{"index": None, "address": address, "watched": True} for address in run.store.read("watched")]

    def show() -> None:
        shown = [
            (
                "" if row["watched"] else str(row["index"]),
                row["address"],
                _("watched") if row["watched"] else _("yours"),
            )
            for row in rows
        ]
        table([">#", _("Address"), _("Whose")], shown)

    run.answer({"accounts": rows, "backed_up": bool(kept.get("backed_up"))}, show)
