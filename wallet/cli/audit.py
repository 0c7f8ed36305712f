"""`tandem audit`: a journal's export checked from end to end, or one's own receipts and heads against each other.

Status 1 when something does not hold. Nothing here believes the server: what it says is checked, and that it does not
answer is no proof of anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from fiat.audit import audit as read_export
from fiat.audit_state import Report
from fiat.head import Head
from wallet.audit_own import (
    Finding,
    OwnReceipt,
    Pinned,
    against_chain,
    against_export,
    contradictions,
    read_heads,
    read_receipts,
)
from wallet.cli.ask import Asker
from wallet.cli.inert import inert
from wallet.cli.running import Json, Run, command
from wallet.errors import HolderMissing, LedgerReplaced, ServerError
from wallet.head_log import kept_heads
from wallet.heads import LEAVES_MAX, Reader
from wallet.state import Folder
from wallet.texts import N_, _

REFUSED = 1
PAGES_MAX = 1000
SHOWN_MAX = 20
FINDINGS = {
    "receipt_refused": N_("A receipt that is kept does not hold: {what}"),
    "head_refused": N_("A signed head does not hold: the one at record {what} of your account"),
    "receipts_contradict": N_("The ledger signed two different records of one number: {what}"),
    "seals_contradict": N_("The ledger signed two journals that cannot both be true: seals {what}"),
    "heads_contradict": N_("The ledger signed two states of your account that cannot both be true: at records {what}"),
    "chain_broken": N_("The records of your account do not lead to the head that was signed at record {what} of it"),
    "receipt_missing": N_("A record that you hold a receipt for is missing or changed: {what}"),
    "seal_of_another_journal": N_("The journal is not the one that you hold a receipt of: {what}"),
    "balances_differ": N_("The ledger signed other balances than its journal gives, at record {what} of your account"),
    "contract_key_forged": N_("A key that is not yours was put in your root key's place: {what}"),
    "another_ledger": N_("This is another ledger than the one that this client knows at {what}."),
}
SERVER_UNASKED = N_("The server gave no answer that could be checked: only what is kept here was compared.")
ENDS_BEFORE = N_("The export ends before {count} of your receipts and heads; they were not compared.")
NO_ACCOUNT = N_("This client has no account at a ledger that it could compare with the export.")
NOT_PINNED = N_("This client knows no ledger yet: compare the ledger's id with somebody you trust.")


@command("audit", _("Check a journal export, or your own receipts and heads."))
@click.argument("file", required=False, type=click.Path(path_type=Path))
def audit(run: Run, file: Path | None) -> None:
    document, show = _of_file(run, file) if file is not None else own_receipts(run)
    run.answer(document, show)
    if document["findings"] or document.get("failures"):
        click.get_current_context().exit(REFUSED)


# A journal's export


def _of_file(run: Run, path: Path) -> tuple[Json, Callable[[], None]]:
    known = run.store.ledger_of(run.config.server)
    folder = run.store.ledger(known) if known is not None else None
    pinned = _pinned(folder) if folder is not None else None
    try:
        with path.open("rb", buffering=1 << 20) as file:
            report = _read(run, file, pinned)
    except OSError:
        raise click.BadParameter(_("{path} cannot be read.").format(path=inert(path))) from None
    if report.codes == {"magic_wrong"}:
        raise click.BadParameter(
            _("{path} is no journal export (`tandem-server export FILE` writes one).").format(path=inert(path))
        )
    findings, remarks = _compared(run, report, known, folder, pinned)
    document = {
        "verdict": "refused" if report.failures else "holds",
        "ledger_id": "0x" + report.ledger_id.hex(),
        "ledger": "unknown" if known is None else "known" if known == report.ledger_id else "another",
        "operator": "0x" + report.operator.hex(),
        "records": report.records,
        "seals": len(report.seals),
        "last_seal": "0x" + report.last_seal.hex(),
        "ends_at": _time(report.timestamp),
        "failures": [{"code": failure.code, "sequence": failure.sequence} for failure in report.failures],
        **_found(findings, remarks),
    }
    return document, lambda: _show_file(document, report)


def _read(run: Run, file: BinaryIO, pinned: Pinned | None) -> Report:
    last = time.monotonic()

    def progress(records: int) -> None:
        nonlocal last
        if time.monotonic() - last > 1:
            last = time.monotonic()
            run.say(_("{count} records read").format(count=records))

    return read_export(file, pinned.holder if pinned else b"", progress)


def _compared(
    run: Run, report: Report, known: bytes | None, folder: Folder | None, pinned: Pinned | None
) -> tuple[list[Finding], list[str]]:
    """What the export says against what this client keeps."""
    if known is None:
        return [], [_(NOT_PINNED)]
    if known != report.ledger_id:
        return [Finding("another_ledger", run.config.server_host)], []
    if folder is None or pinned is None:
        return [], [_(NO_ACCOUNT)]
    receipts, heads, findings = _kept(folder, pinned)
    found, held = against_export(pinned, report, receipts, heads)
    missed = len(receipts) + len(heads) - held
    remarks = [_(ENDS_BEFORE).format(count=missed)] if missed else []
    return findings + found, remarks


def _show_file(document: Json, report: Report) -> None:
    if report.failures:
        click.echo(_("This is no journal that an honest ledger could have written:"))
        for failure in report.failures[:SHOWN_MAX]:
            click.echo(_("  {code} at record {sequence}").format(code=failure.code, sequence=failure.sequence))
        click.echo(_("docs/export.md says what the codes mean."))
    else:
        click.echo(_("The journal holds from its first record to its last."))
    click.echo(_("Ledger: {id}").format(id=document["ledger_id"]))
    click.echo(_("Operator's key: {key}").format(key=document["operator"]))
    counts = {"records": report.records, "seals": len(report.seals), "at": document["ends_at"]}
    click.echo(_("{records} records under {seals} seals, the last at {at}").format(**counts))
    click.echo(_("Last seal: {seal}").format(seal=document["last_seal"]))
    if not document["findings"] and document["ledger"] == "known":
        click.echo(_("It is the ledger that this client knows, and agrees with what this client keeps of it."))
    if not report.failures:
        click.echo(_("Credits match recorded reserves; that the reserves exist, no ledger can prove."))
    _show_found(document)


# One's own receipts and heads


def own_receipts(run: Run) -> tuple[Json, Callable[[], None]]:
    known = run.store.ledger_of(run.config.server)
    folder = run.store.ledger(known) if known is not None else None
    pinned = _pinned(folder) if folder is not None else None
    if folder is None or pinned is None:
        raise HolderMissing(run.config.server_host)
    receipts, heads, findings = _kept(folder, pinned)
    remarks = []
    try:
        now, leaves, refused = _asked(Asker(run), pinned)
        heads = sorted([*heads, *now], key=lambda head: (head.count, head.sequence))
        findings += refused + against_chain(pinned, leaves, receipts, heads)
    except LedgerReplaced as replaced:
        findings.append(Finding("another_ledger", replaced.server))
    except ServerError:
        remarks.append(_(SERVER_UNASKED))
    findings += contradictions(pinned, receipts, heads)
    upto = max([head.timestamp for head in heads] + [receipt.record.timestamp for receipt in receipts], default=0)
    document = {
        "verdict": "contradicts" if findings else "agrees",
        "ledger_id": "0x" + pinned.ledger_id.hex(),
        "operator": "0x" + pinned.operator.hex(),
        "receipts": len(receipts),
        "heads": len(heads),
        "records": max((head.count for head in heads), default=0),
        "up_to": _time(upto) if upto else None,
        **_found(findings, remarks),
    }
    return document, lambda: _show_own(document)


def _asked(asker: Asker, pinned: Pinned) -> tuple[list[Head], list[bytes], list[Finding]]:
    """The account's signed head as the server gives it now, and the leaves of its whole chain."""
    leaves: list[bytes] = []
    for _page in range(PAGES_MAX):
        answer = Reader(asker.host, "heads", asker.ask(f"/heads?since={len(leaves)}"))
        page = answer.hashes("leaves")
        leaves += page
        if answer.document.get("complete") is True or len(page) < LEAVES_MAX:
            break
    heads, refused = read_heads(pinned, [answer.document.get("head")])
    return heads, leaves, refused


def _show_own(document: Json) -> None:
    if document["findings"]:
        click.echo(_("The ledger contradicts what it gave you:"))
    elif document["up_to"] is None:
        click.echo(_("No receipt and no head is kept here yet."))
    else:
        click.echo(_("The ledger agrees with your own receipts up to {at}.").format(at=document["up_to"]))
    counts = {name: document[name] for name in ("receipts", "heads", "records")}
    click.echo(
        _("Checked: {receipts} receipts, {heads} signed heads, {records} records of your account").format(**counts)
    )
    _show_found(document)


# Both


def _pinned(folder: Folder) -> Pinned | None:
    ledger, me = folder.read("ledger"), folder.read("me")
    if not ledger or not me:
        return None
    ids = (ledger["id"], ledger["operator"], me["holder"], me["blind"])
    return Pinned(*(bytes.fromhex(text) for text in ids))


def _kept(folder: Folder, pinned: Pinned) -> tuple[list[OwnReceipt], list[Head], list[Finding]]:
    """Receipts of orders, uses and notices, and heads, as they are kept; and what is wrong with them already."""
    documents: dict[str, Any] = {}
    for name in ("orders", "uses"):
        place = folder.below(name)
        for one in place.names():
            answer = place.read(one).get("answer")
            if isinstance(answer, dict):
                documents[one] = answer.get("receipt")
    notices = folder.below("notices")
    documents |= {f"notice {one}": notices.read(one).get("receipt") for one in notices.names()}
    receipts, wrong = read_receipts(pinned, documents)
    heads, refused = read_heads(pinned, kept_heads(folder))
    return receipts, heads, wrong + refused


def _found(findings: list[Finding], remarks: list[str]) -> Json:
    rows = [{"code": f.code, "what": f.what, "reason": f.reason, "text": _worded(f)} for f in findings]
    return {"findings": rows, "remarks": remarks}


def _worded(finding: Finding) -> str:
    return _(FINDINGS[finding.code]).format(what=inert(finding.what, 80))


def _show_found(document: Json) -> None:
    for finding in document["findings"][:SHOWN_MAX]:
        click.echo("! " + finding["text"])
    for remark in document["remarks"]:
        click.echo(remark)


def _time(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
