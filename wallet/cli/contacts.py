"""`tandem contacts`: names for those whom one pays, and whom one paid last."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import click

from wallet.cli import terminal
from wallet.cli.own import contacts_kept, names_taken
from wallet.cli.review_words import CAUTIONS, SIGN_WORD
from wallet.cli.running import Json, Run, command, group
from wallet.cli.show import table
from wallet.cli.strangers import payees_known
from wallet.contacts import CONTACTS_MAX, Contact, find_contact, new_contact, with_recent
from wallet.errors import VaultFull
from wallet.networks import networks
from wallet.payee import Payee
from wallet.review import Caution
from wallet.state import Document
from wallet.texts import _


@command("add", _("Call somebody by a name: @handle, @handle#fingerprint or an address."))
@click.argument("name")
@click.argument("to")
def add(run: Run, name: str, to: str) -> None:
    contact = new_contact(name, to, names_taken(run))
    if len(contacts_kept(run)) >= CONTACTS_MAX:
        raise VaultFull("contacts", CONTACTS_MAX)
    address = contact.payee.address
    if address is not None and payees_known(run.store, _chains(run)).is_imitated_by(address):
        terminal.confirm_word(_(CAUTIONS[Caution.LOOKS_ALIKE]), SIGN_WORD)
    run.store.change("contacts", lambda document: document.update({contact.name: {"to": contact.to}}))
    _answer(run)


@command("remove", _("Forget a name."))
@click.argument("name")
def remove(run: Run, name: str) -> None:
    contact = find_contact(name, contacts_kept(run))
    run.store.change("contacts", lambda document: document.pop(contact.name))
    _answer(run)


@command("recent", _("Whom you paid last from here."))
def recent(run: Run) -> None:
    times: Document = run.store.read("recent")
    named = {contact.to: contact.name for contact in contacts_kept(run)}
    ordered = sorted(times.items(), key=lambda pair: -int(pair[1]))
    rows: list[Json] = [{"to": to, "name": named.get(to, ""), "at": _time(int(at))} for to, at in ordered]
    shown = [(row["at"], row["name"], row["to"]) for row in rows]
    run.answer({"recent": rows}, lambda: table([_("Last time"), _("Name"), _("To")], shown))


@group("contacts", _("Names of those whom you pay; `send` takes them."), add, remove, recent)
def contacts(run: Run) -> None:
    _answer(run)


def remember(run: Run, payee: Payee) -> None:
    """After something was sent to them."""
    now = time.time_ns() // 1_000_000_000

    def edit(document: Document) -> None:
        kept = with_recent(document, payee, now)
        document.clear()
        document.update(kept)

    run.store.change("recent", edit)


def _answer(run: Run) -> None:
    known: list[Contact] = contacts_kept(run)
    document = {"contacts": [{"name": contact.name, "to": contact.to} for contact in known]}
    run.answer(document, lambda: table([_("Name"), _("To")], [(contact.name, contact.to) for contact in known]))


def _chains(run: Run) -> set[int]:
    return {network.chain_id for network in networks(run.config, run.store)}


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
