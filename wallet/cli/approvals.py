"""`tandem approvals`, `approve` and `decline`: what sites and programs ask, answered from any terminal."""

from __future__ import annotations

import click

from wallet.cli.client_calls import Json, ask_client
from wallet.cli.running import Run, command
from wallet.cli.show import approve as ask_person
from wallet.cli.show import review, surprise
from wallet.errors import ApprovalUnknown
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
            click.echo(_("`tandem approve {id}` or `tandem decline {id}`").format(id=shown["id"]))
        if not answer["approvals"]:
            click.echo(_("Nothing waits."))
        elif answer["waiting"]:
            click.echo(_("Behind it in line: {count}").format(count=answer["waiting"]))

    run.answer(answer, show)


@command("approve", _("Say yes to what waits, after looking at it."), asks=True)
@click.argument("number", metavar="ID")
def approve(run: Run, number: str) -> None:
    shown = read_review(_found(run, number)["review"])
    ask_person(run, shown, _("Agree?"))
    answer = ask_client(run.config.home, "approve", id=number, digest="0x" + shown.digest.hex())
    run.answer(answer, lambda: click.echo(_("Agreed.")))


@command("decline", _("Say no to what waits."))
@click.argument("number", metavar="ID")
def decline(run: Run, number: str) -> None:
    answer = ask_client(run.config.home, "decline", id=number)
    run.answer(answer, lambda: click.echo(_("Declined.")))


def _found(run: Run, number: str) -> Json:
    answer = ask_client(run.config.home, "approvals")
    shown: list[Json] = [one for one in answer["approvals"] if one["id"] == number]
    if not shown:
        raise ApprovalUnknown(number[:40])
    return shown[0]
