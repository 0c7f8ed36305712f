"""A statement as every format shows it: texts, and integers of minor units. Pure.

JSON is its one spelling between server and client: what the client reads from it is added up again before it is shown
or written to a file in another format. Times are RFC 3339 in UTC; amounts are signed, a debit below zero.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fiat.chart import TransferCode
from fiat.money import decimal_text
from fiat.statement import By, Statement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = {int(code): code.name.lower() for code in TransferCode}
OTHER = "other"
KINDS = (*_KINDS.values(), OTHER)
_MINOR = re.compile(r"-?(0|[1-9][0-9]{0,19})", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z", re.ASCII)
_CODE = re.compile(r"[A-Z][A-Z0-9]{1,5}", re.ASCII)
TEXT_MAX = 2000
EXPONENT_MAX = 9


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a line beside the ledger: who is at the other side, and what the payer wrote."""

    counterparty: str = ""
    memo: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line. `reference` is the transfer's id as 32 hex digits, and so the end-to-end id at a bank."""

    sequence: int
    recorded_at: str
    effective_at: str
    kind: str
    amount_minor: int
    balance_minor: int
    counterparty: str
    memo: str
    reference: str

    @property
    def effective_on(self) -> str:
        return self.effective_at[:10]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole statement. `start` is in the period, `end` is the first instant after it."""

    account: str
    owner: str
    currency: str
    exponent: int
    by: str
    start: str
    end: str
    made_at: str
    sequence: int
    opening_minor: int
    closing_minor: int
    in_minor: int
    out_minor: int
    fees_minor: int
    rows: tuple[Row, ...]

    @property
    def closed_at(self) -> str:
        """When the closing balance stood: at the period's end or, where that is yet to come, when it was made."""
        last = [row.effective_at for row in self.rows[-1:] if self.by == By.EFFECTIVE.value]
        return min(self.end, max([self.made_at, *last], key=datetime.fromisoformat), key=datetime.fromisoformat)

    def decimal(self, amount_minor: int) -> str:
        """`-12.50`: minor units in the currency's own unit."""
        return decimal_text(amount_minor, self.exponent)


def sheet(statement: Statement, owner: str, notes: Mapping[int, Note], made_at: int) -> Sheet:
    """The statement with what is known beside it, by the lines' sequences. `made_at` in Unix nanoseconds."""
    rows = []
    for line in statement.lines:
        moved, note = line.movement, notes.get(line.movement.sequence, Note())
        rows.append(
            Row(
                sequence=moved.sequence,
                recorded_at=time_text(moved.timestamp),
                effective_at=time_text(moved.effective_at),
                kind=_KINDS.get(moved.code, OTHER),
                amount_minor=moved.signed_minor,
                balance_minor=line.balance_minor,
                counterparty=note.counterparty,
                memo=note.memo,
                reference=f"{moved.id:032x}",
            )
        )
    return Sheet(
        account=f"{statement.account:032x}",
        owner=owner,
        currency=statement.currency.code,
        exponent=statement.currency.exponent,
        by=statement.by.value,
        start=time_text(statement.start),
        end=time_text(statement.end),
        made_at=time_text(made_at),
        sequence=statement.sequence,
        opening_minor=statement.opening_minor,
        closing_minor=statement.closing_minor,
        in_minor=statement.in_minor,
        out_minor=statement.out_minor,
        fees_minor=statement.fees_minor,
        rows=tuple(rows),
    )


def time_text(instant: int) -> str:
    """RFC 3339 in UTC with microseconds, of Unix nanoseconds."""
    return (_EPOCH + timedelta(microseconds=instant // 1000)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_AMOUNTS = ("opening", "closing", "in", "out", "fees")
_TEXTS = ("account", "owner", "currency", "by", "start", "end", "made_at")
_ROW_TEXTS = ("recorded_at", "effective_at", "kind", "counterparty", "memo", "reference")


def to_json(found: Sheet) -> dict[str, Any]:
    """Amounts as decimal texts for people and as digit strings of minor units."""
    document: dict[str, Any] = {name: getattr(found, name) for name in _TEXTS}
    document |= {"decimals": found.exponent, "sequence": found.sequence}
    for name in _AMOUNTS:
        document |= _amount(found, name, getattr(found, f"{name}_minor"))
    document["lines"] = [
        {"sequence": row.sequence}
        | {name: getattr(row, name) for name in _ROW_TEXTS}
        | _amount(found, "amount", row.amount_minor)
        | _amount(found, "balance", row.balance_minor)
        for row in found.rows
    ]
    return document


def from_json(document: Mapping[str, Any]) -> Sheet:
    """Read what `to_json` wrote and add it up again. Raises ValueError for another shape or wrong sums."""
    texts: dict[str, Any] = {name: _text(document, name) for name in _TEXTS}
    amounts: dict[str, Any] = {f"{name}_minor": _minor(document, f"{name}_minor") for name in _AMOUNTS}
    exponent = _whole(document, "decimals")
    if exponent > EXPONENT_MAX or not _CODE.fullmatch(texts["currency"]) or texts["by"] not in tuple(By):
        raise ValueError("currency, decimals or by")
    for name in ("start", "end", "made_at"):
        _check_time(texts[name])
    lines = document.get("lines")
    if not isinstance(lines, list):
        raise ValueError("lines")
    found = Sheet(
        **texts,
        exponent=exponent,
        sequence=_whole(document, "sequence"),
        **amounts,
        rows=tuple(_row(line) for line in lines),
    )
    _check_sums(found)
    return found


def _check_sums(found: Sheet) -> None:
    balance = found.opening_minor
    for row in found.rows:
        balance += row.amount_minor
        if row.balance_minor != balance:
            raise ValueError("a balance that does not follow from its line")
    amounts: Sequence[int] = [row.amount_minor for row in found.rows]
    into, out = sum(a for a in amounts if a > 0), -sum(a for a in amounts if a < 0)
    if (balance, into, out) != (found.closing_minor, found.in_minor, found.out_minor):
        raise ValueError("totals that are not those of the lines")


def _row(line: object) -> Row:
    if not isinstance(line, dict):
        raise ValueError("lines")
    texts: dict[str, Any] = {name: _text(line, name) for name in _ROW_TEXTS}
    for name in ("recorded_at", "effective_at"):
        _check_time(texts[name])
    return Row(
        **texts,
        sequence=_whole(line, "sequence"),
        amount_minor=_minor(line, "amount_minor"),
        balance_minor=_minor(line, "balance_minor"),
    )


def _amount(found: Sheet, name: str, amount_minor: int) -> dict[str, str]:
    return {name: found.decimal(amount_minor), f"{name}_minor": str(amount_minor)}


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or len(value) > TEXT_MAX:
        raise ValueError(name)
    return value


def _whole(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    if type(value) is not int or value < 0:
        raise ValueError(name)
    return value


def _minor(document: Mapping[str, Any], name: str) -> int:
    text = _text(document, name)
    if not _MINOR.fullmatch(text) or text == "-0":
        raise ValueError(name)
    return int(text)


def _check_time(text: str) -> None:
    if not _TIME.fullmatch(text):
        raise ValueError("a time")
    datetime.fromisoformat(text)
