"""`tandem notices`: what officers did with one's money, or are about to. Each entry carries two names."""

from __future__ import annotations

import click

from wallet.cli.register import open_wallet
from wallet.cli.running import Json, Run, command
from wallet.cli.show import table
from wallet.cli.waiting import wait
from wallet.heads import Reader
from wallet.orders import listed
from wallet.proofs import read_notice
from wallet.texts import N_, _

REASONS = {
    "undoing": N_("undoing"),
    "compelled": N_("compelled"),
    "recovery": N_("recovery"),
    "hold": N_("hold"),
    "release": N_("release"),
    "credit": N_("credit"),
}
WHAT = {
    "undoing": N_("something is to be undone"),
    "compelled": N_("the law demands it"),
    "recovery": N_("your money is to move to a new account of yours"),
    "inquiry": N_("an inquiry"),
    "release": N_("let go"),
    "chargeback": N_("charged back"),
    "error": N_("an error"),
    "tax": N_("tax"),
    "court": N_("a court"),
    "tax_without_notice": N_("tax, without notice"),
    "court_without_notice": N_("a court, without notice"),
    "goodwill": N_("goodwill"),
    "interest": N_("interest"),
    "correction": N_("a correction"),
}
STATES = {
    "active": N_("holds now"),
    "released": N_("released"),
    "taken": N_("taken"),
    "expired": N_("ended by itself"),
    "credited": N_("credited"),
}
CAME = N_("came to you")
"""What was taken from somebody else, for this person: an undoing in their favour, a recovery to their account."""


@command("notices", _("What the operator did with your account, or is about to."))
def notices(run: Run) -> None:
    rows = wait(_read(run))

    def show() -> None:
        if not rows:
            click.echo(_("Nothing: the operator has done nothing with your account."))
            return
        columns = [_("Time (UTC)"), _("What"), _("Why"), ">" + _("Amount"), _("State"), _("Taken from"), _("Ends")]
        table(columns, [_line(Reader(run.config.server_host, "notices", row)) for row in rows])
        click.echo(_("Every line is a record that two officers signed; `tandem audit` holds them against each other."))

    run.answer({"notices": rows}, show)


async def _read(run: Run) -> list[Json]:
    """Each with a receipt that is checked and kept: what the operator did cannot be unsaid later."""
    async with open_wallet(run) as wallet:
        rows = [dict(row) for row in await listed(wallet, "notices")]
        ledger, kept = await wallet.client.ledger(), wallet.client.folder.below("notices")
        for row in rows:
            record = read_notice(wallet.client.host, Reader(wallet.client.host, "notices", row), ledger)
            if not kept.read(str(record.sequence)):
                kept.put(str(record.sequence), row)
        return rows


def _line(row: Reader) -> list[str]:
    reason, what, state = row.text("reason"), row.text("what"), row.text("state")
    sign = "+" if row.text("direction") == "in" else "-"
    amount = f"{sign}{row.text('amount')} {row.text('currency')}"
    ends = [_moment(row.document.get(name)) for name in ("takes_effect_at", "until")]
    told = CAME if (sign, state) == ("+", "taken") else STATES.get(state, state)
    known = (_(REASONS.get(reason, reason)), _(WHAT.get(what, what)), amount, _(told))
    return [_moment(row.text("at")), *known, *ends]


def _moment(text: object) -> str:
    return str(text)[:19].replace("T", " ") if text is not None else "-"
