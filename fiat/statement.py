"""Statements: what an account held before a period, what moved in it, what it holds after it. Pure.

A movement has two times: when it was recorded (its record's timestamp) and when it is effective. A movement that was
posted for a line of a bank statement is effective at that line's value date; every other at its record's timestamp.
A statement is by one or the other, over `[start, end)` in Unix nanoseconds; only what changes the booked balance is a
line: what is reserved, released or expired is not. Amounts are minor units, the account seen as its owner's (credits
raise it).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from fiat.chart import SourceKind, TransferCode
from fiat.currency import Currency
from fiat.transfer import NANOSECONDS, TransferFlags

LINES_MAX = 5000
"""Lines of one statement; a longer period is refused, not cut."""
POSTS_NOTHING = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING_TRANSFER)


class By(StrEnum):
    """The time that a statement goes by."""

    RECORDED = "recorded"
    EFFECTIVE = "effective"


class Side(StrEnum):
    """The account was debited (money left it) or credited (it came)."""

    DEBIT = "debit"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of the booked balance. Times in Unix nanoseconds; the other side's holder is 32 zero bytes for the
    operator; `order_nonce` is there where a person's order caused it, `line_id` where a bank statement's line did."""

    sequence: int
    timestamp: int
    effective_at: int
    id: int
    side: Side
    amount_minor: int
    code: int
    other_account: int
    other_holder: bytes
    order_holder: bytes | None = None
    order_nonce: bytes | None = None
    leg: int = 0
    line_id: bytes | None = None

    @property
    def signed_minor(self) -> int:
        return self.amount_minor if self.side is Side.CREDIT else -self.amount_minor

    def at(self, by: By) -> int:
        return self.timestamp if by is By.RECORDED else self.effective_at


@dataclass(frozen=True, slots=True)
class Line:
    """A movement and the balance after it, in the statement's order."""

    movement: Movement
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """`opening_minor + in_minor - out_minor == closing_minor`; `fees_minor` is the part of what left that was fees.

    `sequence` is the last record that the ledger had when it was made: what comes later is not in it.
    """

    account: int
    currency: Currency
    by: By
    start: int
    end: int
    sequence: int
    opening_minor: int
    closing_minor: int
    in_minor: int
    out_minor: int
    fees_minor: int
    lines: tuple[Line, ...]


def effective_at(timestamp: int, source_kind: int | None, value_date: int) -> int:
    """Nanoseconds: the value date (Unix seconds, in `user_data_64`) of a bank statement's line, else the timestamp."""
    if source_kind == SourceKind.BANK_STATEMENT and value_date:
        return value_date * NANOSECONDS
    return timestamp


def make(
    account: int,
    currency: Currency,
    by: By,
    start: int,
    end: int,
    opening_minor: int,
    movements: Iterable[Movement],
    sequence: int,
) -> Statement:
    """The statement over the movements of `[start, end)`, in order of the time it goes by, then of their records."""
    ordered = sorted(movements, key=lambda movement: (movement.at(by), movement.sequence))
    lines, balance = [], opening_minor
    for movement in ordered:
        assert start <= movement.at(by) < end, "a movement outside the period"
        balance += movement.signed_minor
        lines.append(Line(movement, balance))
    into = sum(m.amount_minor for m in ordered if m.side is Side.CREDIT)
    out = sum(m.amount_minor for m in ordered if m.side is Side.DEBIT)
    fees = sum(m.amount_minor for m in ordered if m.side is Side.DEBIT and m.code == TransferCode.FEE)
    return Statement(
        account=account,
        currency=currency,
        by=by,
        start=start,
        end=end,
        sequence=sequence,
        opening_minor=opening_minor,
        closing_minor=balance,
        in_minor=into,
        out_minor=out,
        fees_minor=fees,
        lines=tuple(lines),
    )
