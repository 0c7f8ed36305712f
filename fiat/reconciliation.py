"""Reconciliation: a bank's lines against the ledger's entries of the account that stands for that bank. Pure.

A line and an entry belong together, each once: first where the entry was posted for that very line; then where the
line's end-to-end id names the entry or what it settles; then, among the rest, where the amount is the same and the days
are near. With the same identity and another amount they are told as a wrong amount. What is left: a line without entry
is missing in the ledger, an entry of the file's days without line is extra; what stands twice is a duplicate.
Amounts are signed as the bank's customer sees them: above zero what came in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fiat.bank_line import BankLine, line_id
from fiat.money import decimal_text

DAY = 86_400
DAYS_NEAR = 3


class By(StrEnum):
    """What told that a line and an entry belong together."""

    LINE = "line"
    REFERENCE = "reference"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class BookEntry:
    """An entry of the bank's account: `at` in Unix seconds (its effective date), the line it was posted for, if any,
    and the end-to-end ids by which a bank would name it."""

    sequence: int
    at: int
    amount_minor: int
    line_id: bytes | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    line: BankLine
    entry: BookEntry
    by: By


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Every line is in one of `matched`, `wrong_amount`, `missing`, `duplicate_lines`; every entry in at most one of
    `matched`, `wrong_amount`, `extra`, `duplicate_entries`."""

    matched: tuple[Pair, ...]
    wrong_amount: tuple[Pair, ...]
    missing: tuple[BankLine, ...]
    extra: tuple[BookEntry, ...]
    duplicate_lines: tuple[BankLine, ...]
    duplicate_entries: tuple[BookEntry, ...]

    @property
    def agrees(self) -> bool:
        found = (self.wrong_amount, self.missing, self.extra, self.duplicate_lines, self.duplicate_entries)
        return not any(found)


def reconcile(
    lines: Sequence[BankLine], entries: Iterable[BookEntry], account: int, days_near: int = DAYS_NEAR
) -> Reconciliation:
    """Pair the lines with the entries of `account`. Entries outside the file's days may be paired, never extra."""
    once, twice = _once(lines)
    left = sorted({entry.sequence: entry for entry in entries}.values(), key=lambda e: (e.at, e.sequence))
    pairs: list[Pair] = []
    for pairing in (_by_line(account), _by_reference, _by_amount(days_near)):
        found = pairing(once, left)
        pairs += found
        gone_lines, gone_entries = {id(pair.line) for pair in found}, {pair.entry.sequence for pair in found}
        once = [line for line in once if id(line) not in gone_lines]
        left = [entry for entry in left if entry.sequence not in gone_entries]
    within = _days_of(lines)
    named = {name for pair in pairs for name in pair.entry.references}
    again = [entry for entry in left if named.intersection(entry.references)]
    extra = [entry for entry in left if entry.at // DAY in within and not named.intersection(entry.references)]
    return Reconciliation(
        matched=tuple(pair for pair in pairs if pair.line.amount_minor == pair.entry.amount_minor),
        wrong_amount=tuple(pair for pair in pairs if pair.line.amount_minor != pair.entry.amount_minor),
        missing=tuple(once),
        extra=tuple(extra),
        duplicate_lines=tuple(twice),
        duplicate_entries=tuple(again),
    )


def _once(lines: Sequence[BankLine]) -> tuple[list[BankLine], list[BankLine]]:
    """Lines by their reference, and those whose reference stood there before. A line of nothing is no line."""
    seen: set[str] = set()
    once: list[BankLine] = []
    twice: list[BankLine] = []
    for line in lines:
        if line.amount_minor:
            (twice if line.reference in seen else once).append(line)
            seen.add(line.reference)
    return once, twice


def _days_of(lines: Sequence[BankLine]) -> range:
    days = [line.booked_on // DAY for line in lines] + [line.value_on // DAY for line in lines]
    return range(min(days), max(days) + 1) if days else range(0)


def _by_line(account: int) -> Any:
    def pairing(lines: Sequence[BankLine], entries: Sequence[BookEntry]) -> list[Pair]:
        posted = {entry.line_id: entry for entry in entries if entry.line_id is not None}
        found = ((line, posted.get(line_id(account, line.reference))) for line in lines)
        return [Pair(line, entry, By.LINE) for line, entry in found if entry is not None]

    return pairing


def _by_reference(lines: Sequence[BankLine], entries: Sequence[BookEntry]) -> list[Pair]:
    """The same amount goes before another, then the earlier before the later."""
    named: dict[str, list[BookEntry]] = defaultdict(list)
    for entry in entries:
        if entry.line_id is None:
            for name in entry.references:
                named[name].append(entry)
    taken: set[int] = set()
    pairs = []
    for line in lines:
        open_ones = [e for e in named.get(line.end_to_end, ()) if e.sequence not in taken] if line.end_to_end else []
        if open_ones:
            entry = next((e for e in open_ones if e.amount_minor == line.amount_minor), open_ones[0])
            taken.add(entry.sequence)
            pairs.append(Pair(line, entry, By.REFERENCE))
    return pairs


def _by_amount(days_near: int) -> Any:
    def pairing(lines: Sequence[BankLine], entries: Sequence[BookEntry]) -> list[Pair]:
        """By day on both sides; what is too early for the next of the other side finds none."""
        by_amount: dict[int, list[BookEntry]] = defaultdict(list)
        for entry in entries:
            if entry.line_id is None:
                by_amount[entry.amount_minor].append(entry)
        pairs = []
        for line in sorted(lines, key=lambda one: (one.value_on, one.reference)):
            waiting = by_amount[line.amount_minor]
            while waiting and waiting[0].at // DAY < line.value_on // DAY - days_near:
                waiting.pop(0)
            if waiting and waiting[0].at // DAY <= line.value_on // DAY + days_near:
                pairs.append(Pair(line, waiting.pop(0), By.AMOUNT))
        return pairs

    return pairing


def reconciliation_json(found: Reconciliation, exponent: int) -> dict[str, Any]:
    """Amounts as decimals and as digit strings of minor units."""

    def of_line(line: BankLine) -> dict[str, Any]:
        return {"reference": line.reference, "place": line.place} | amount_of(line.amount_minor)

    def of_entry(entry: BookEntry) -> dict[str, Any]:
        return {"sequence": entry.sequence} | amount_of(entry.amount_minor)

    def of_pair(pair: Pair) -> dict[str, Any]:
        return {"by": pair.by.value, "line": of_line(pair.line), "entry": of_entry(pair.entry)}

    def amount_of(amount_minor: int) -> dict[str, str]:
        return {"amount": decimal_text(amount_minor, exponent), "amount_minor": str(amount_minor)}

    return {
        "agrees": found.agrees,
        "matched": [of_pair(pair) for pair in found.matched],
        "wrong_amount": [of_pair(pair) for pair in found.wrong_amount],
        "missing": [of_line(line) for line in found.missing],
        "extra": [of_entry(entry) for entry in found.extra],
        "duplicate_lines": [of_line(line) for line in found.duplicate_lines],
        "duplicate_entries": [of_entry(entry) for entry in found.duplicate_entries],
    }
