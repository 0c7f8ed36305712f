"""`tandem pair` and `tandem grants`: which programs have a name, and what sites and programs may do."""

from __future__ import annotations

import time

import click

from wallet.cli.client_calls import Json, ask_client
from wallet.cli.running import Run, command, group
from wallet.cli.show import table
from wallet.errors import ClientNotUp
from wallet.grants import GrantBook, grant_key, program_document, rows
from wallet.pairing import SECONDS, TRIES
from wallet.texts import _


@command("pair", _("Give a local program an endpoint of its own, or pair the browser extension."))
@click.argument("name", required=False, default="")
@click.option("--extension", is_flag=True, help=_("show six digits for the browser extension"))
def pair(run: Run, name: str, extension: bool) -> None:
    if extension:
        _pair_extension(run)
        return
    try:
        answer = ask_client(run.config.home, "pair", name=name)
    except ClientNotUp:
        if run.config.dapp_listen.port == 0:  # which one it will be is not known yet
            raise
        GrantBook(run.store).pair(name, int(time.time()))
        answer = program_document(name, run.config.dapp_listen.port)

    def show() -> None:
        click.echo(_("“{name}” may use {url} and {websocket}; it still has to ask you to connect.").format(**answer))

    run.answer(answer, show)


def _pair_extension(run: Run) -> None:
    answer = ask_client(run.config.home, "pair_extension")

    def show() -> None:
        code = answer["code"]
        click.echo(
            _("Type this into the extension within {minutes} minutes ({tries} tries): {code}").format(
                minutes=SECONDS // 60, tries=TRIES, code=f"{code[:3]} {code[3:]}"
            )
        )

    run.answer(answer, show)


@command("revoke", _("Take back what a site, a program or the extension was given."))
@click.argument("name")
def revoke(run: Run, name: str) -> None:
    try:
        answer = ask_client(run.config.home, "revoke", name=name)
    except ClientNotUp:
        answer = {"revoked": _revoke(GrantBook(run.store), name)}
    run.answer(answer, lambda: click.echo(_("Taken back: {client}").format(client=answer["revoked"])))


@group("grants", _("What sites and programs may do."), revoke)
def grants(run: Run) -> None:
    try:
        listed: list[Json] = ask_client(run.config.home, "grants")["grants"]
    except ClientNotUp:
        listed = rows(GrantBook(run.store), {})
    shown = [(str(row["client"]), ", ".join(row["accounts"]), str(row.get("chain_id", ""))) for row in listed]
    run.answer({"grants": listed}, lambda: table([_("Who"), _("Accounts"), _("Chain")], shown))


def _revoke(book: GrantBook, name: str) -> str:
    key = grant_key(name, book.grants, book.programs, book.extensions())
    book.revoke(key)
    return key
