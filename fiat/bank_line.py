"""Lines of a bank's statement as values, and the plain table (CSV) that they may come in. Pure.

The columns, by name in the first row: `reference` (the bank's own, unique in the account), `booked_on` (2026-11-30),
`amount` (decimal; above zero what came in, below what went out) and `currency` are needed; `value_on` (else the day of
booking), `end_to_end`, `counterparty` and `text` may be there; no other is known.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from fiat.currency import Currency
from fiat.errors import AmountRefused, BankFileMalformed
from fiat.money import Money
from fiat.period import nanoseconds
from fiat.signature import keccak256
from fiat.transfer import NANOSECONDS

BYTES_MAX = 32 * 1024 * 1024
LINES_MAX = 100_000
TEXT_MAX = 1000
REFERENCE_MAX = 140
_NEEDED = ("reference", "booked_on", "amount", "currency")
COLUMNS = (*_NEEDED, "value_on", "end_to_end", "counterparty", "text")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class BankLine:
    """A booked line. `amount_minor` is above zero where money came in; days are the Unix seconds of their beginning
    (UTC); `place` says where in the file it stands."""

    reference: str
    booked_on: int
    value_on: int
    amount_minor: int
    currency: str
    end_to_end: str = ""
    counterparty: str = ""
    text: str = ""
    place: str = ""


def line_id(account: int, reference: str) -> bytes:
    """The source id of a line, 32 bytes: keccak256 of the account's id and the bank's reference. Posted once."""
    return keccak256(account.to_bytes(16, "big") + reference.encode())


def read_csv(body: bytes, currency: Currency) -> list[BankLine]:
    """The lines, in order. Raises BankFileMalformed naming the row and the column; nothing is guessed."""
    if len(body) > BYTES_MAX:
        raise BankFileMalformed("file", f"is larger than {BYTES_MAX} bytes")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BankFileMalformed("file", "is not UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[BankLine] = []
    try:
        header = _header(next(reader, []))
        for cells in reader:
            place = f"row {reader.line_num}"
            if len(lines) == LINES_MAX:
                raise BankFileMalformed(place, f"is beyond {LINES_MAX} lines")
            if len(cells) != len(header):
                raise BankFileMalformed(place, f"has {len(cells)} cells, not {len(header)}")
            lines.append(_line(dict(zip(header, cells, strict=True)), currency, place))
    except csv.Error as error:
        raise BankFileMalformed(f"row {reader.line_num}", str(error)) from None
    return lines


def day(text: str, place: str) -> int:
    """Unix seconds of the day's beginning. Raises BankFileMalformed."""
    try:
        if _DAY.fullmatch(text):
            return nanoseconds(text) // NANOSECONDS
    except ValueError:
        pass
    raise BankFileMalformed(place, f"{shortened(text)} is no day (2026-11-30)")


def amount(text: str, currency: Currency, place: str) -> int:
    """Minor units of a decimal with or without a minus; zero too. Raises BankFileMalformed."""
    digits = text.removeprefix("-")
    if re.fullmatch(r"0+(\.0*)?", digits, re.ASCII):
        return 0
    try:
        minor = Money.parse(_trimmed(digits, currency.exponent), currency).minor
    except AmountRefused:
        raise BankFileMalformed(place, f"{shortened(text)} is no amount in {currency.code}") from None
    return -minor if text.startswith("-") else minor


def shortened(text: str) -> str:
    """What a file says, for an error: short, and nothing that a terminal would run."""
    return "“" + "".join(c if c.isprintable() else "?" for c in text[:40]) + "”"


def bounded(text: str, length_max: int = TEXT_MAX) -> str:
    """A text of the file as it is kept: in one line and not too long."""
    return " ".join(text.replace("\0", " ").split())[:length_max]


def reference(text: str, place: str) -> str:
    """The bank's own reference. Raises BankFileMalformed for none or one that is too long to be it."""
    found = " ".join(text.split())
    if not 0 < len(found) <= REFERENCE_MAX or "\0" in found:
        raise BankFileMalformed(place, f"has no reference of 1 to {REFERENCE_MAX} characters")
    return found


def _header(cells: list[str]) -> list[str]:
    for name in cells:
        if name not in COLUMNS:
            raise BankFileMalformed("header", f"{shortened(name)} is no column: they are {', '.join(COLUMNS)}")
    for name in _NEEDED:
        if name not in cells:
            raise BankFileMalformed("header", f"the column {name} is missing")
    if len(set(cells)) != len(cells):
        raise BankFileMalformed("header", "a column stands twice")
    return cells


def _line(cells: Mapping[str, str], currency: Currency, place: str) -> BankLine:
    if cells["currency"] != currency.code:
        raise BankFileMalformed(place, f"is in {shortened(cells['currency'])}, not in {currency.code}")
    booked_on = day(cells["booked_on"], f"{place}, booked_on")
    value_on = cells.get("value_on", "")
    return BankLine(
        reference=reference(cells["reference"], place),
        booked_on=booked_on,
        value_on=day(value_on, f"{place}, value_on") if value_on else booked_on,
        amount_minor=amount(cells["amount"], currency, f"{place}, amount"),
        currency=currency.code,
        end_to_end=bounded(cells.get("end_to_end", ""), REFERENCE_MAX),
        counterparty=bounded(cells.get("counterparty", "")),
        text=bounded(cells.get("text", "")),
        place=place,
    )


def _trimmed(digits: str, exponent: int) -> str:
    """`100.00000` and `100.0` for a currency with fewer decimals are the same amount; a digit more is not."""
    whole, point, decimals = digits.partition(".")
    kept = decimals[:exponent] + decimals[exponent:].rstrip("0")
    return f"{whole}.{kept}" if point and kept else whole
