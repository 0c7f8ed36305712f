"""`tandem approvals`, `approve` and `decline`: what sites and programs ask, answered from any terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from wallet.approvals import SETTLE_SECONDS
from wallet.cli import terminal
from wallet.cli.client_calls import Json, ask_client
from wallet.cli.inert import inert
from wallet.cli.own import own_account, own_accounts
from wallet.cli.policy_words import KINDS, why_asked
from wallet.cli.rule_words import about
from wallet.cli.running import Run, command
from wallet.cli.show import approve as ask_person
from wallet.cli.show import facts, review, surprise, table
from wallet.errors import ApprovalRefused, ApprovalUnknown, RuleUnseen
from wallet.policy import read_rule
from wallet.review_json import read_fact, read_review
from wallet.texts import _


@command("approvals", _("What sites and programs wait for."))
def approvals(run: Run) -> None:
    answer = ask_client(run.config.home, "approvals")

    def show() -> None:
        for past in answer["surprises"]:
            surprise(past["transaction"], [read_fact(fact) for fact in past["facts"]])
        for shown in answer["approvals"]:
            review(read_review(shown["review"]))
            policy_reason(shown)
            click.echo(_("`tandem approve {id}` or `tandem decline {id}`").format(id=shown["id"]))
        coming = answer["preparing"]
        if coming is not None:
            kind, origin = KINDS[coming["kind"]], inert(coming["origin"])
            click.echo(_("Being prepared: {kind}, asked by {origin}").format(kind=_(kind), origin=origin))
        if not (answer["approvals"] or coming or answer["behind"]):
            click.echo(_("Nothing waits."))
        if answer["behind"]:
            click.echo(_("Behind it in line: {count}").format(count=len(answer["behind"])))
            rows = [(one["kind"], one["origin"], str(one["age_seconds"])) for one in answer["behind"]]
            table([_("What"), _("Asked by"), ">" + _("Seconds ago")], rows)

    run.answer(answer, show)


@command("approve", _("Say yes to what waits, after looking at it; beyond your policy with your password."), asks=True)
@click.argument("number", metavar="ID")
@click.option("--account", "named", multiple=True, help=_("which accounts it sees; may be given several times"))
@click.option("--always", is_flag=True, help=_("and make a rule of it, as narrow as it is itself"))
def approve(run: Run, number: str, named: tuple[str, ...], always: bool) -> None:
    found = _found(run, number)
    if named:
        found = _chosen(run, found, named)
    if always:
        _show_rule(run, found)
    shown = read_review(found["review"])
    ask_person(run, shown, _("Agree, and always from now on?") if always else _("Agree?"))
    password = terminal.ask_password(run.config) if always or found.get("needs_password") else ""
    agreed: Json = {"id": number, "digest": "0x" + shown.digest.hex(), "password": password, "always": always}
    answer = ask_client(run.config.home, "approve", **agreed)
    made = {"rule": found["always"], "rule_digest": found["always_digest"]} if always else {}
    run.answer(answer | made, lambda: click.echo(_("Agreed.")))


@command("decline", _("Say no to what waits."))
@click.argument("number", metavar="ID")
def decline(run: Run, number: str) -> None:
    answer = ask_client(run.config.home, "decline", id=number)
    run.answer(answer, lambda: click.echo(_("Declined.")))


def _chosen(run: Run, found: Json, named: Sequence[str]) -> Json:
    """The request to connect as it stands with these accounts, under the digest of that. Raises ApprovalRefused for
    one of another kind.

    What is asked stands there anew, and so it is looked at for as long as any other before a yes counts.
    """
    chosen = {own_account(run, name).address for name in named}
    accounts = [account.address for account in own_accounts(run) if account.address in chosen]
    anew = ask_client(run.config.home, "choose", id=found["id"], accounts=accounts)
    time.sleep(SETTLE_SECONDS)
    return anew


def _show_rule(run: Run, found: Json) -> None:
    """Before it is asked about; without a terminal it is the answer, and --yes takes it then. Raises RuleUnseen."""
    if not found.get("always"):
        raise ApprovalRefused(found["id"], "no-rule-to-make")
    if not run.json:
        facts(about(read_rule(found["always"])))
    if not run.yes and (run.json or not terminal.is_there()):
        raise RuleUnseen(found["always"], found["always_digest"])


def _found(run: Run, number: str) -> Json:
    answer = ask_client(run.config.home, "approvals")
    shown: list[Json] = [one for one in answer["approvals"] if one["id"] == number]
    if not shown:
        raise ApprovalUnknown(number[:40])
    return shown[0]


def policy_reason(shown: Json) -> None:
    """Why a policy that is there did not let it pass, and what the person can do about it."""
    if shown.get("needs_password"):
        click.echo(why_asked(shown["policy"]), err=True)
