"""`tandem pending` and `fill`: what was sent and is in no block yet, and numbers that are missing before it."""

from __future__ import annotations

import click

from wallet.cli.own import own_account, own_accounts
from wallet.cli.own_transactions import send_planned
from wallet.cli.register import open_wallet, tell_notices
from wallet.cli.relay import tell_reading
from wallet.cli.running import Json, Run, command
from wallet.cli.show import table
from wallet.cli.waiting import wait
from wallet.in_flight import Fate
from wallet.own_transactions import InFlight, OwnTransactions
from wallet.texts import N_, _

FATES = {
    Fate.WAITING: N_("waits for a block"),
    Fate.DONE: N_("done"),
    Fate.FAILED: N_("the chain undid it"),
    Fate.REPLACED: N_("replaced by another of the same number"),
    Fate.DROPPED: N_("dropped by the node; its number is free"),
}


@command("pending", _("What you sent from here and no block has yet, and numbers that are missing."))
def pending(run: Run) -> None:
    found = wait(_look(run))
    document: list[Json] = [
        {
            "account": one.account,
            "next": str(one.line.pending),
            "missing": [str(number) for number in one.missing],
            "transactions": [
                {"transaction": kept.hash, "nonce": str(kept.nonce), "state": str(fate), "about": kept.about}
                for kept, fate in one.transactions
            ],
        }
        for one in found
    ]

    def show() -> None:
        rows = [
            (str(kept.nonce), kept.about, _(FATES[fate]), kept.hash, one.account)
            for one in found
            for kept, fate in one.transactions
        ]
        if not rows:
            click.echo(_("Nothing that you sent from here waits."))
            return
        table([_("Number"), _("Amount"), _("State"), _("Transaction"), _("Account")], rows)
        for one in found:
            for number in one.missing:
                told = _("Number {n} of {account} is missing: those after it wait. `tandem fill {n} --from {account}`")
                click.echo(told.format(n=number, account=one.account))

    run.answer({"accounts": document}, show)


async def _look(run: Run) -> list[InFlight]:
    """Of every account; nothing is unlocked for it."""
    async with open_wallet(run) as wallet:
        own = OwnTransactions(wallet)
        tell_reading(run, wallet.purse.network)
        found = [await own.in_flight(account.address) for account in own_accounts(run)]
        tell_notices(run, wallet)
        return found


@command("fill", _("Use up a number that is missing with a payment of nothing to yourself."), asks=True)
@click.argument("number", type=click.IntRange(0, 2**63 - 1))
@click.option("--from", "account", default="0", help=_("whose number: an account's name, address or number"))
def fill(run: Run, number: int, account: str) -> None:
    owner = own_account(run, account).address
    send_planned(run, lambda own: own.filled(owner, number))
