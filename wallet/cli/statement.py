"""`tandem statement`: one account over a period, as a table, CSV, PDF or camt.053.

What the server tells is added up again here, and the balance of a statement that runs up to now is held against the
signed head. CSV and camt.053 are written on this machine from what was checked; only the PDF comes from the server.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from urllib.parse import urlencode

import click

from fiat.period import period
from fiat.sheet import Sheet, from_json
from fiat.sheet_camt import camt053
from fiat.sheet_csv import csv_text
from fiat.statement import By
from fiat.transfer import TIMESTAMP_MAX
from wallet.cli.ask import Asker
from wallet.cli.grid import grid, styled
from wallet.cli.inert import inert
from wallet.cli.running import Run, command
from wallet.errors import AnswerUnfit, InputMalformed, ProofMissing, StateUnusable
from wallet.texts import LANGUAGE, N_, _

ATTEMPTS_MAX = 3
COUNT_MAX = 2**53 - 1
KINDS = {
    "transfer": N_("transfer"),
    "withdrawal": N_("withdrawal"),
    "withdrawal_paid": N_("withdrawal paid"),
    "withdrawal_returned": N_("withdrawal returned"),
    "topup": N_("top-up"),
    "fee": N_("fee"),
    "conversion": N_("conversion"),
    "hold": N_("hold"),
    "capture": N_("capture"),
    "release": N_("release"),
    "mandate": N_("mandate"),
    "collection": N_("collection"),
    "rounding": N_("rounding"),
    "operator": N_("operator's entry"),
    "settlement": N_("settlement"),
    "reversal": N_("reversal"),
    "other": N_("other"),
}


@command("statement", _("One account over a period: opening balance, lines, closing balance."))
@click.option("--currency", default="EUR", show_default=True, help=_("which account"))
@click.option("--from", "start", help=_("first day (2026-11-01), or a time in UTC"))
@click.option("--to", "end", help=_("last day, counted in, or a time in UTC"))
@click.option("--by", type=click.Choice([by.value for by in By]), default=By.RECORDED.value, show_default=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "pdf", "camt053"]),
    default="table",
    show_default=True,
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help=_("write to this file"))
def statement(
    run: Run, currency: str, start: str | None, end: str | None, by: str, form: str, out: Path | None
) -> None:
    try:
        _first, after = period(start, end)
    except ValueError:
        raise InputMalformed("period", f"{start or '…'} - {end or '…'}", "days or times in UTC, in order") from None
    if form == "pdf" and out is None and not run.json:
        raise click.UsageError(_("A PDF goes into a file: --out FILE"))
    asker = Asker(run)
    asked = {"currency": currency.upper(), "by": by} | ({"from": start} if start else {}) | ({"to": end} if end else {})
    document, found = checked(asker, asked, runs_up_to_now=after >= time.time_ns() and by == By.RECORDED)
    text = {"csv": csv_text, "camt053": camt053, "table": _table}.get(form)
    if out is not None:
        _write(out, text(found).encode() if text is not None else pdf(asker, asked, LANGUAGE))
        document = {**document, "file": str(out)}
        run.answer(document, lambda: click.echo(_("Written: {file}").format(file=inert(out))))
        return
    run.answer(document, lambda: click.echo(text(found), nl=form == "table") if text is not None else None)


def checked(asker: Asker, asked: dict[str, str], *, runs_up_to_now: bool) -> tuple[dict[str, object], Sheet]:
    """The statement, added up. Raises AnswerUnfit, ProofMissing.

    What is paid between the two questions changes the head: then both are asked again.
    """
    for _attempt in range(ATTEMPTS_MAX):
        document = asker.ask(f"/statements?{urlencode(asked)}")
        try:
            found = from_json(document)
        except ValueError:
            raise AnswerUnfit(asker.host, "statement") from None
        if (found.currency, found.by) != (asked["currency"], asked["by"]):
            raise AnswerUnfit(asker.host, "statement")
        if not runs_up_to_now or found.closing_minor == _signed_balance(asker, found.currency):
            return document, found
    raise ProofMissing(asker.host, "head", "its balances are not those that are shown")


def _signed_balance(asker: Asker, currency: str) -> int:
    """The booked balance in the head that the operator signs now, which extends the one that is kept."""
    # Without leaves: the check asks for those that it lacks.
    head = asker.check_head(asker.ask(f"/heads?since={COUNT_MAX}").get("head"))
    return sum(balance.booked for balance in head.balances if balance.currency == currency)


def pdf(asker: Asker, asked: dict[str, str], language: str) -> bytes:
    """The server's own, of the same account and period. Raises AnswerUnfit."""
    raw = asker.fetch(f"/statements?{urlencode({**asked, 'format': 'pdf', 'language': language})}")
    if not raw.startswith(b"%PDF-"):
        raise AnswerUnfit(asker.host, "statement")
    return raw


def _table(found: Sheet) -> str:
    rows = [
        (
            (row.recorded_at if found.by == By.RECORDED else row.effective_at)[:16].replace("T", " "),
            _(KINDS.get(row.kind, KINDS["other"])),
            f"{'+' if row.amount_minor > 0 else ''}{found.decimal(row.amount_minor)}",
            found.decimal(row.balance_minor),
            row.counterparty,
            row.memo,
        )
        for row in found.rows
    ]
    styles = ["in" if row.amount_minor > 0 else "" for row in found.rows]
    columns = [_("Time (UTC)"), _("What"), ">" + _("Amount"), ">" + _("Balance"), _("With"), _("Memo")]
    sums = [
        (_("Opening balance"), found.opening_minor),
        (_("Came in"), found.in_minor),
        (_("Went out"), found.out_minor),
        (_("of which fees"), found.fees_minor),
        (_("Closing balance"), found.closing_minor),
    ]
    period_text = f"{found.start[:16]} - {found.end[:16]}".replace("T", " ")
    head = _("{owner}, {currency}, {period} (UTC)").format(
        owner=inert(found.owner), currency=found.currency, period=_all_time(found, period_text)
    )
    told = [f"{name}: {found.decimal(amount_minor)} {found.currency}" for name, amount_minor in sums]
    return "\n".join([styled(head, "strong"), *([grid(columns, rows, styles)] if rows else []), *told])


def _all_time(found: Sheet, text: str) -> str:
    """Bounds that were not asked for are no dates that anybody means."""
    start, end = text.split(" - ")
    since = "…" if found.start.startswith("1970-01-01T00:00:00") else start
    return f"{since} - {'…' if found.end[:4] >= _LAST_YEAR else end}"


_LAST_YEAR = str(1970 + TIMESTAMP_MAX // (366 * 86_400 * 10**9))


def _write(out: Path, raw: bytes) -> None:
    """A new file of mode 0600 that then takes its place. Raises StateUnusable."""
    fresh = out.with_name(out.name + ".new")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(out)
    except OSError as error:
        raise StateUnusable(str(out), error.strerror or "") from None
