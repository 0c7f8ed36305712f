"""`tandem register` and `tandem login`: an account at the server, opened and entered with the wallet's own keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from fiat.holder import fingerprint
from wallet.cli import terminal
from wallet.cli.beyond import askers
from wallet.cli.running import Json, Run, command
from wallet.cli.show import approve
from wallet.cli.waiting import wait
from wallet.config import Config
from wallet.enrolment import enrol, plan_enrolment
from wallet.errors import LedgerReplaced
from wallet.networks import current_network
from wallet.payee import read_handle
from wallet.texts import CHAIN_RESTARTED, _
from wallet.wallet import Wallet


@asynccontextmanager
async def open_wallet(run: Run) -> AsyncIterator[Wallet]:
    """A wallet whose password is asked on the terminal, or read from the file that the settings name.

    What happened by itself on the way is told at its end too, also where the command is refused.
    """
    config: Config = run.config
    async with Wallet(config, run.store, *askers(config)) as wallet:
        try:
            yield wallet
        finally:
            tell_notices(run, wallet)


def tell_notices(run: Run, wallet: Wallet) -> None:
    """What happened by itself so far; each is told once."""
    for said in happened(wallet):
        run.say(said)


def happened(wallet: Wallet) -> list[str]:
    """The same, for whoever tells it; afterwards it counts as told."""
    told = []
    if "ledger-replaced" in wallet.client.notices:
        told.append(_("The ledger at {server} was reset: this is a new one.").format(server=wallet.client.host))
    if "chain-restarted" in wallet.purse.notices:
        told.append(_(CHAIN_RESTARTED))
    again = _("No answer came to an earlier order: ask for it first, with --again {id}")
    told += [again.format(id=nonce) for nonce in wallet.unanswered]
    wallet.client.notices.clear()
    wallet.purse.notices.clear()
    wallet.unanswered.clear()
    return told


@command("register", _("Open an account at the server with your wallet's own signature."), asks=True)
@click.argument("handle")
@click.option(
    "--recoverable",
    is_flag=True,
    help=_(
        "two officers may move everything to a new account of yours, after 14 days' notice; cannot be changed later"
    ),
)
def register(run: Run, handle: str, recoverable: bool) -> None:
    name = read_handle(handle)
    with run.store.one_command():
        user = wait(_register(run, name, recoverable))

    def show() -> None:
        click.echo(_("You are @{handle}, fingerprint {fingerprint}.").format(**user))
        click.echo(_("Read the fingerprint to those who pay you for the first time."))

    run.answer(user, show)


async def _register(run: Run, handle: str, recoverable: bool) -> Json:
    async with open_wallet(run) as wallet:
        signer = await wallet.signer()
        status = await signer.status()
        assert status.root is not None
        chain_id = current_network(run.config, run.store).chain_id
        accounts = [(chain_id, account) for account in status.accounts]
        plan = await plan_enrolment(wallet.client, status.root, handle, accounts, recoverable=recoverable)
        tell_notices(run, wallet)
        approve(run, plan.review, _("Open this account?"))
        await enrol(wallet.client, signer, status.root, plan)
    holder = plan.genesis.holder_id
    opened = [{"chain_id": chain, "address": account} for chain, account in accounts]
    choice = plan.genesis.recovery.name.lower()
    who = {"handle": handle, "holder": "0x" + holder.hex(), "fingerprint": fingerprint(holder)}
    return {**who, "accounts": opened, "recovery": choice}


@command("login", _("Sign in at the server with your wallet's signature. It moves no money."))
def login(run: Run) -> None:
    user = wait(_login(run))
    run.answer(user, lambda: click.echo(_("Signed in as @{handle}.").format(**user)))


async def _login(run: Run) -> Json:
    async with open_wallet(run) as wallet:
        try:
            await wallet.client.ledger()
        except LedgerReplaced as replaced:
            reason = _("Another ledger answers at {server}: what you had there is not in it.").format(
                server=replaced.server
            )
            terminal.confirm_word(reason, "new ledger")
            wallet.client.accept(await wallet.client.ledger_offered())
        tell_notices(run, wallet)
        answer = await wallet.sign_in()
        me, holder = wallet.client.me, wallet.client.holder
    return {
        "handle": me["handle"],
        "holder": "0x" + holder.hex(),
        "fingerprint": fingerprint(holder),
        "expires_at": str(answer["expires_at"]),
    }
