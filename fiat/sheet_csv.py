"""A statement as comma-separated values (RFC 4180, UTF-8), safe to open in a spreadsheet. Pure.

A spreadsheet runs a cell that begins with = + - @ (or their full-width forms), a tab or a line break as a formula.
Texts get an apostrophe before it, after a semicolon too, where some locales begin a new cell; our own numbers stay
numbers. The first and the last row are the opening and the closing balance.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from fiat.sheet import Row, Sheet

COLUMNS = (
    "recorded_at",
    "effective_on",
    "kind",
    "amount",
    "currency",
    "balance",
    "counterparty",
    "memo",
    "reference",
    "sequence",
)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
_FORMULA = re.compile(r"(^|;)(\s*)([=+\-@＝＋－＠])")
# Line ends, and what turns the direction of the text beside it: the file may be looked at in a terminal too.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def csv_text(found: Sheet) -> str:
    """The whole file, lines ended by CR LF."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerow(_balance(found, found.start, "opening", found.opening_minor))
    writer.writerows(_line(found, row) for row in found.rows)
    writer.writerow(_balance(found, found.closed_at, "closing", found.closing_minor))
    return out.getvalue()


def cell(text: str) -> str:
    """A text as no spreadsheet runs it: no control character, an apostrophe before what would begin a formula."""
    begins_badly = text[:1] in ("\t", "\r", "\n")
    safe = _FORMULA.sub(r"\1\2'\3", _CONTROL.sub(" ", text))
    return "'" + safe if begins_badly and not safe.startswith("'") else safe


def number(text: str) -> str:
    """One of our own decimal texts, as it is: it cannot be anything else."""
    if not _NUMBER.fullmatch(text):
        raise ValueError("no decimal text of ours")
    return text


def _line(found: Sheet, row: Row) -> Iterable[str]:
    return (
        cell(row.recorded_at),
        cell(row.effective_on),
        cell(row.kind),
        number(found.decimal(row.amount_minor)),
        cell(found.currency),
        number(found.decimal(row.balance_minor)),
        cell(row.counterparty),
        cell(row.memo),
        cell(row.reference),
        number(str(row.sequence)),
    )


def _balance(found: Sheet, at: str, kind: str, balance_minor: int) -> Iterable[str]:
    balance = number(found.decimal(balance_minor))
    return (cell(at), cell(at[:10]), kind, "", cell(found.currency), balance, "", "", "", "")
