"""`officer`: entries that two officers sign. Keys are made and used anywhere but on the server; posting happens there.

keygen, sign and change need no database; name, propose, post and list work on the journal of TANDEM_DATABASE_URL.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import rfc3339
from api.commands.opening import database, open_journal
from api.commands.output import answer, confirm, json_option
from api.currencies import CURRENCIES
from api.entry_words import reason_in_words
from api.errors import OfficerDocumentMalformed
from api.officer_desk import Proposal, propose
from api.officer_document import BYTES_MAX, ChangePaper, EntryPaper, change_lines, lines, read, write
from api.officer_key import load, make
from api.signed import receipt_answer
from api.standing import counter_answers, officer_answers
from api.texts import _
from fiat import history_officers
from fiat.currency import Currency
from fiat.errors import CurrencyUnknown, EntryRefused, OrderSignatureWrong
from fiat.holder import MAIN, OPERATOR
from fiat.journal import Journal
from fiat.journal_entries import ChangeOfficers, NameOfficer, PostEntry
from fiat.officer import HOLD_NS_MAX, signed_by
from fiat.officer_rules import COMPELLED, INQUIRY, RECEIVABLE
from fiat.order import ZERO_32, LedgerControl, SignedOrder
from fiat.transfer import NANOSECONDS

VALID_SECONDS = 900
_FILE = click.Path(dir_okay=False, path_type=Path)
_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
DAYS_MAX = HOLD_NS_MAX // (86_400 * NANOSECONDS)
_SEQUENCE = click.IntRange(0, 2**63 - 1)
_ACTIONS = {"add": "key-add", "revoke": "key-revoke", "cancel": "cancel"}


@click.group(help=_("Operator entries: two officers sign each, and the person is told."))
def officer() -> None:
    pass


def _password_option(function: Any) -> Any:
    return click.option(
        "--password-file", type=_EXISTING, help=_("read the key file's password from this file instead of asking")
    )(function)


def _password(file: Path | None, *, twice: bool) -> str:
    if file is not None:
        return file.read_text("utf-8").rstrip("\n")
    if not sys.stdin.isatty():
        raise click.UsageError(_("There is no terminal to ask on: use --password-file."))
    asked: str = click.prompt(_("Password of the key file"), hide_input=True, confirmation_prompt=twice)
    return asked


def _address(text: str) -> bytes:
    try:
        address = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        address = b""
    if len(address) != 20 or not text.startswith("0x"):
        raise click.UsageError(_("An address is 0x and 40 digits."))
    return address


def _bytes32(text: str) -> bytes:
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != 32 or not text.startswith("0x"):
        raise click.UsageError(_("This is 0x and 64 digits."))
    return value


def _paper(file: Path) -> EntryPaper | ChangePaper:
    if file.stat().st_size > BYTES_MAX:
        raise OfficerDocumentMalformed("too large")
    return read(file.read_bytes())


@officer.command(help=_("Make an officer's key in a new FILE. Not on the server: it must never hold one."))
@click.argument("file", type=_FILE)
@_password_option
@json_option
def keygen(file: Path, password_file: Path | None, as_json: bool) -> None:
    if file.exists():
        raise click.UsageError(_("{file} is there already.").format(file=file))
    address = "0x" + make(file, _password(password_file, twice=True)).hex()
    said = _("Wrote {file}. The officer's address: {address}").format(file=file, address=address)
    answer({"file": str(file), "address": address}, as_json, said)


@officer.command("name", help=_("Name one of the first two officers by ADDRESS. Later ones are added by an officer."))
@click.argument("address")
@click.option("--yes", is_flag=True, help=_("do not ask"))
@json_option
def name_command(address: str, yes: bool, as_json: bool) -> None:
    officer_address = _address(address)
    confirm([_("{address} would sign operator entries, with one other officer each.").format(address=address)], yes)
    result = asyncio.run(_ask(NameOfficer(officer_address)))
    said = _("Named {address}: record {sequence}.").format(address=address, sequence=result.sequence)
    answer({"address": address, "sequence": result.sequence, "first": result.first}, as_json, said)


@officer.command("propose", help=_("Write an entry for two officers to sign. WORD says what it is for."))
@click.argument("kind", type=click.Choice(["hold", "release", "undoing", "compelled", "recovery", "credit"]))
@click.argument("word", default="")
@click.option("--person", default="", help=_("@handle or holder id"))
@click.option("--amount", default="", help=_("in the currency's unit, 12.50"))
@click.option("--currency", default="EUR", show_default=True)
@click.option("--hold", type=_SEQUENCE, default=0, help=_("the record of the hold that this resolves"))
@click.option("--undoes", type=_SEQUENCE, default=0, help=_("the record that is undone"))
@click.option("--document", default="", help=_("hash of the paper that compels, 0x and 64 digits"))
@click.option("--document-file", type=_EXISTING, help=_("the paper itself: its SHA-256 is taken"))
@click.option("--cap", default="", help=_("the most that the paper allows, in the currency's unit"))
@click.option(
    "--days",
    type=click.IntRange(0, DAYS_MAX),
    default=None,
    help=_("when the hold ends by itself; else a week after its notice"),
)
@click.option("--successor", default="", help=_("who takes over: @handle or holder id"))
@click.option("--from", "purpose", default="", help=_("the operator's account that a credit comes from (liquidity)"))
@click.option("--out", type=_FILE, required=True, help=_("the new file to write"))
@json_option
def propose_command(out: Path, as_json: bool, document: str, document_file: Path | None, **asked: Any) -> None:
    if out.exists():
        raise click.UsageError(_("{file} is there already.").format(file=out))
    if asked["kind"] in ("release", "recovery"):
        asked["word"] = asked["word"] or asked["kind"]
    digest = sha256(document_file.read_bytes()).digest() if document_file else ZERO_32
    paper = asyncio.run(_propose(Proposal(**asked, document=_bytes32(document) if document else digest)))
    out.write_text(write(paper), "utf-8")
    said = _("Wrote {file}. Two officers sign it: tandem-server officer sign {file} --key KEYFILE").format(file=out)
    answer({"file": str(out), **paper.to_json()}, as_json, *lines(paper), said)


@officer.command(help=_("Show what the entry in FILE would do and, after a yes, add your signature to it."))
@click.argument("file", type=_EXISTING)
@click.option("--key", type=_EXISTING, required=True, help=_("your key file"))
@click.option("--yes", is_flag=True, help=_("do not ask"))
@_password_option
@json_option
def sign(file: Path, key: Path, yes: bool, password_file: Path | None, as_json: bool) -> None:
    paper = _paper(file)
    if not isinstance(paper, EntryPaper):
        raise OfficerDocumentMalformed("a change of officers is signed when it is made")
    confirm(list(lines(paper)), yes)
    signing = load(key, _password(password_file, twice=False))
    signed = paper.signed(signing.sign_digest(paper.digest))
    fresh = file.with_name(file.name + ".new")
    fresh.write_text(write(signed), "utf-8")
    fresh.replace(file)
    said = _("Signed by {address}; signatures so far: {count}").format(
        address="0x" + signing.address.hex(), count=len(signed.signatures)
    )
    document = {"file": str(file), "officer": "0x" + signing.address.hex(), "signatures": len(signed.signatures)}
    answer(document, as_json, said)


@officer.command(help=_("Sign a change of officers: add or revoke an ADDRESS, or cancel an addition by its nonce."))
@click.argument("action", type=click.Choice(list(_ACTIONS)))
@click.argument("subject")
@click.option("--ledger", required=True, help=_("the ledger's id, as GET /v1/ledger tells it"))
@click.option("--key", type=_EXISTING, required=True, help=_("your key file"))
@click.option("--out", type=_FILE, required=True, help=_("the new file to write"))
@click.option("--yes", is_flag=True, help=_("do not ask"))
@_password_option
@json_option
def change(
    action: str, subject: str, ledger: str, key: Path, out: Path, yes: bool, password_file: Path | None, as_json: bool
) -> None:
    if out.exists():
        raise click.UsageError(_("{file} is there already.").format(file=out))
    now = time.time_ns() // NANOSECONDS
    order = LedgerControl(
        holder=OPERATOR,
        key_epoch=0,
        nonce=os.urandom(32),
        valid_after=now - 60,
        valid_before=now + VALID_SECONDS,
        seen_head=ZERO_32,
        action=_ACTIONS[action],
        subject=_bytes32(subject) if action == "cancel" else bytes(12) + _address(subject),
    )
    ledger_id = _bytes32(ledger)
    unsigned = ChangePaper(ledger_id, SignedOrder(order, bytes(65)))
    confirm(list(change_lines(unsigned)), yes)
    signing = load(key, _password(password_file, twice=False))
    paper = ChangePaper(ledger_id, SignedOrder(order, signing.sign_digest(order.digest(ledger_id))))
    out.write_text(write(paper), "utf-8")
    said = _("Wrote {file}: post it within 15 minutes. Its nonce, for a cancel: {nonce}").format(
        file=out, nonce="0x" + order.nonce.hex()
    )
    answer({"file": str(out), **paper.to_json()}, as_json, said)


@officer.command(help=_("Check the signatures of FILE and post it into the journal."))
@click.argument("file", type=_EXISTING)
@json_option
def post(file: Path, as_json: bool) -> None:
    sequence, first, receipt = asyncio.run(_post(_paper(file)))
    said = _("Posted: record {sequence}.") if first else _("Was posted before: record {sequence}.")
    document = {"sequence": sequence, "first": first, "receipt": receipt}
    answer(document, as_json, said.format(sequence=sequence))


@officer.command("list", help=_("Who the officers are, and how often they acted."))
@json_option
def list_command(as_json: bool) -> None:
    officers, counters = asyncio.run(_list())
    told = [_("{address} since {time}").format(address=o["address"], time=o["effective_at"]) for o in officers]
    told += [
        _("{reason} {currency}: {count} records, {amount} minor units").format(
            reason=reason_in_words(c["reason"]), currency=c["currency"], count=c["count"], amount=c["amount_minor"]
        )
        for c in counters
    ]
    answer({"officers": officers, "counters": counters, "now": rfc3339(time.time_ns())}, as_json, *told)


async def _ask(request: NameOfficer) -> Any:
    async with open_journal() as (_engine, journal):
        return await journal.ask(request)


async def _propose(asked: Proposal) -> EntryPaper:
    async with database() as (_settings, engine), engine.connect() as conn:
        return await propose(conn, asked, time.time_ns())


async def _post(paper: EntryPaper | ChangePaper) -> tuple[int, bool, dict[str, Any]]:
    """Sequence, whether it was the first time, and the receipt."""
    async with open_journal() as (engine, journal):
        if paper.ledger_id != journal.ledger_id:
            raise OfficerDocumentMalformed("it is another ledger's")
        if isinstance(paper, ChangePaper):
            digest = paper.signed.order.digest(journal.ledger_id)
            result: Any = await journal.ask(ChangeOfficers(paper.signed, digest))
        else:
            if await _is_signed(engine, paper):
                await _open_accounts(journal, paper)
            result = await journal.ask(PostEntry(paper.entry, paper.signatures, paper.digest))
        receipt = receipt_answer(await journal.receipt(result.sequence))
        return result.sequence, result.first, receipt.model_dump()


async def _is_signed(engine: AsyncEngine, paper: EntryPaper) -> bool:
    """By two officers in force? What is not opens no account, and the journal says what is wrong with it."""
    async with engine.connect() as conn:
        officers = await history_officers.officers(conn)
    try:
        signed_by(paper.digest, paper.signatures, officers.in_force(time.time_ns()))
    except (EntryRefused, OrderSignatureWrong):
        return False
    return True


async def _open_accounts(journal: Journal, paper: EntryPaper) -> None:
    """The accounts that entries move to, where nobody needed them yet."""
    entry = paper.entry
    currency = Currency(entry.currency, entry.exponent)
    if CURRENCIES.get(entry.currency) != currency:
        raise CurrencyUnknown(entry.currency)
    for purpose in (COMPELLED, INQUIRY, RECEIVABLE):
        await journal.open_account(OPERATOR, currency, purpose)
    if entry.successor != ZERO_32:
        await journal.open_account(entry.successor, currency, MAIN)


async def _list() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    async with database() as (_settings, engine), engine.connect() as conn:
        officers = officer_answers(await history_officers.officers(conn))
        counters = counter_answers(await history_officers.counters(conn))
    return [o.model_dump() for o in officers], [c.model_dump() for c in counters]
