"""Reconciliation against a truth that is known: each fault that is put in is found, and nothing else."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiat.bank_line import BankLine, line_id
from fiat.reconciliation import DAY, BookEntry, By, reconcile, reconciliation_json

ACCOUNT = 7
START = 20_000 * DAY
FAULTS = ("line", "reference", "amount", "missing", "extra", "wrong", "twice in file", "twice in ledger")


def truth(faults, seed=0):
    """Lines and entries with these faults, one after the other; no two amounts are the same."""
    drawn = random.Random(seed)
    lines, entries = [], []
    for number, fault in enumerate(faults):
        at, amount = START + drawn.randrange(20) * DAY, drawn.choice([-1, 1]) * (1000 + 10 * number)
        line = BankLine(f"R{number}", at, at, amount, "EUR", f"e{number}")
        entry = BookEntry(number * 10, at, amount, None, (f"e{number}",))
        if fault == "line":
            entry = replace(entry, line_id=line_id(ACCOUNT, line.reference), references=(), at=at - 90 * DAY)
        elif fault == "amount":
            line, entry = replace(line, end_to_end=""), replace(entry, at=at + drawn.randrange(-3, 4) * DAY)
        elif fault == "wrong":
            entry = replace(entry, amount_minor=amount + 1)
        lines += [] if fault == "extra" else [line, line] if fault == "twice in file" else [line]
        entries += [] if fault == "missing" else [entry]
        entries += [replace(entry, sequence=entry.sequence + 1)] if fault == "twice in ledger" else []
    bounds = [BankLine("first", START, START, 0, "EUR"), BankLine("last", START + 40 * DAY, START + 40 * DAY, 0, "EUR")]
    drawn.shuffle(lines)
    drawn.shuffle(entries)
    return lines + bounds, entries


def expected(faults):
    of = Counter(faults)
    return {
        "line": of["line"],
        "reference": of["reference"] + of["twice in file"] + of["twice in ledger"],
        "amount": of["amount"],
        "wrong_amount": of["wrong"],
        "missing": of["missing"],
        "extra": of["extra"],
        "duplicate_lines": of["twice in file"],
        "duplicate_entries": of["twice in ledger"],
    }


def told(found):
    by = Counter(pair.by.value for pair in found.matched)
    names = ("wrong_amount", "missing", "extra", "duplicate_lines", "duplicate_entries")
    return {name.value: by[name.value] for name in By} | {name: len(getattr(found, name)) for name in names}


def is_found(reconciling, faults, seed):
    lines, entries = truth(faults, seed)
    return told(reconciling(lines, entries, ACCOUNT)) == expected(faults)


@given(st.lists(st.sampled_from(FAULTS), max_size=40), st.integers(0, 1000))
def test_every_fault_is_found_and_nothing_else(faults, seed):
    assert is_found(reconcile, faults, seed)
    lines, entries = truth(faults, seed)
    found = reconcile(lines, entries, ACCOUNT)
    assert found.agrees == (not set(faults) - {"line", "reference", "amount"})
    told_lines = [p.line for p in (*found.matched, *found.wrong_amount)] + [*found.missing, *found.duplicate_lines]
    assert Counter(told_lines) == Counter(line for line in lines if line.amount_minor)


def without_duplicates(lines, entries, account):
    """A seeded bug: what stands twice is not looked for."""
    numbered = [replace(line, reference=f"{line.reference}#{n}") for n, line in enumerate(lines)]
    return reconcile(numbered, entries, account)


def by_amount_alone(lines, entries, account):
    """A seeded bug: identities are not looked at."""
    return reconcile([replace(line, end_to_end="") for line in lines], entries, account + 1)


@pytest.mark.parametrize("wrong", [without_duplicates, by_amount_alone])
def test_a_careless_reconciliation_is_seen(wrong):
    assert not is_found(wrong, FAULTS, 1)


def test_the_nearest_days_decide_between_equal_amounts():
    lines = [BankLine(f"R{n}", START + n * DAY, START + n * DAY, 500, "EUR") for n in (0, 10, 11)]
    entries = [BookEntry(n, START + day * DAY, 500) for n, day in enumerate((3, 10, 20))]
    found = reconcile(lines, entries, ACCOUNT)
    assert [(p.line.reference, p.entry.sequence) for p in found.matched] == [("R0", 0), ("R10", 1)]
    assert ([line.reference for line in found.missing], found.extra) == (["R11"], ())
    assert len(reconcile(lines, entries, ACCOUNT, days_near=9).matched) == 3


def test_the_same_amount_goes_before_another_under_one_reference():
    lines = [BankLine("R", START, START, 500, "EUR", "e")]
    entries = [BookEntry(1, START, 400, None, ("e",)), BookEntry(2, START, 500, None, ("e",))]
    found = reconcile(lines, entries, ACCOUNT)
    assert [p.entry.sequence for p in found.matched] == [2]
    assert [e.sequence for e in found.duplicate_entries] == [1]


def test_nothing_against_nothing_agrees():
    assert reconcile([], [], ACCOUNT).agrees
    assert reconcile([], [BookEntry(1, START, 5)], ACCOUNT).agrees, "no days, so nothing is extra in them"


def test_as_json():
    lines, entries = truth(FAULTS)
    document = reconciliation_json(reconcile(lines, entries, ACCOUNT), 2)
    assert document["agrees"] is False
    assert {name: len(document[name]) for name in ("matched", "wrong_amount", "missing", "extra")} == {
        "matched": 5, "wrong_amount": 1, "missing": 1, "extra": 1
    }  # fmt: skip
    assert document["missing"][0]["amount_minor"] in ("1030", "-1030")
