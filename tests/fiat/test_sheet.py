"""Statements in every format: the same figures, no formula runs, and camt.053 is valid against its schema."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from fiat.chart import TransferCode
from fiat.currency import currency
from fiat.sheet import KINDS, Note, from_json, sheet, time_text, to_json
from fiat.sheet_camt import NAMESPACE, camt053, fit
from fiat.sheet_csv import COLUMNS, cell, csv_text, number
from fiat.statement import By, Movement, Side, make
from fiat.transfer import NANOSECONDS

SCHEMA = Path(__file__).parents[1] / "vectors" / "iso20022" / "camt.053.001.08.xsd"
START = 1_795_000_000 * NANOSECONDS
EUR, JPY = currency("EUR"), currency("JPY")

FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")',
    " =1+1", "＝1+1", "＋1", "－1", "＠x", ";=1+1", 'a";=1+1', "-2+3+cmd|' /C calc'!A0", "@", "=", "\u2028=1",
    "\x0b=1", "\x00=1", "a;\t-1",
]  # fmt: skip
INNOCENT = ["lunch", "a=b", "mail@example.org", "1-2", "dinner; drinks", "'tis", "", "晚饭", 'a, "quoted" one']


def movement(number_of, amount_minor, code=TransferCode.TRANSFER, later=0):
    at = START + number_of * 10**9
    side = Side.CREDIT if amount_minor > 0 else Side.DEBIT
    return Movement(
        sequence=100 + number_of, timestamp=at, effective_at=at + later, id=number_of + 1, side=side,
        amount_minor=abs(amount_minor), code=code, other_account=9, other_holder=bytes(32),
    )  # fmt: skip


def made(amounts, notes=(), *, by=By.RECORDED, its=EUR, opening=0):
    moved = [movement(n, amount) for n, amount in enumerate(amounts)]
    found = make(0xA, its, by, START, START + 10**15, opening, moved, 999)
    return sheet(found, "@alice", {100 + n: note for n, note in enumerate(notes)}, START + 10**15)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_the_balances_around_its_lines():
    rows = rows_of(csv_text(made([500, -120], [Note("@bob", "rent"), Note("iban:DE89", "")], opening=1000)))
    assert list(rows[0]) == list(COLUMNS)
    assert [(r["kind"], r["amount"], r["balance"]) for r in rows] == [
        ("opening", "", "10.00"), ("transfer", "5.00", "15.00"), ("transfer", "-1.20", "13.80"),
        ("closing", "", "13.80"),
    ]  # fmt: skip
    assert (rows[1]["counterparty"], rows[1]["memo"], rows[1]["effective_on"]) == ("'@bob", "rent", "2026-11-18")
    assert rows_of(csv_text(made([], its=JPY)))[0]["balance"] == "0"


@pytest.mark.parametrize("by", By)
def test_a_period_that_goes_on_closes_when_the_statement_was_made(by):
    """Not in the year in which integers end."""
    over = made([500], by=by)
    assert over.closed_at == over.end
    goes_on = replace(over, end=time_text(2**63 - 1))
    assert goes_on.closed_at == goes_on.made_at
    assert rows_of(csv_text(goes_on))[-1]["recorded_at"] == goes_on.made_at
    root = root_of(camt053(goes_on))
    assert said(root, ".//Bal/Dt/DtTm") + said(root, ".//ToDtTm") == [goes_on.start, *[goes_on.made_at] * 2]
    valued_later = replace(goes_on, made_at=time_text(START - 1))
    assert valued_later.closed_at == (valued_later.made_at if by is By.RECORDED else goes_on.rows[-1].effective_at)


def runs(text):
    """Would a spreadsheet read this cell, or a part of it after a semicolon, as a formula?"""
    parts = [part.lstrip(" \u2028\u2029\x00\x0b") for part in text.split(";")]
    return text[:1] in ("\t", "\r", "\n") or any(part[:1] in tuple("=+-@＝＋－＠\t\r\n") and part for part in parts)


@pytest.mark.parametrize("text", FORMULAS)
def test_no_formula_runs(text):
    assert runs(text), "the corpus runs as it is"
    found = csv_text(made([1], [Note(text, text)]))
    line = rows_of(found)[1]
    assert not runs(line["counterparty"]) and not runs(line["memo"])
    assert len(rows_of(found)) == 3


@pytest.mark.parametrize("text", INNOCENT)
def test_innocent_texts_stay_as_they_are(text):
    assert rows_of(csv_text(made([1], [Note(text, text)])))[1]["memo"] == text


@given(st.text(max_size=60))
def test_any_text_is_one_cell_that_does_not_run(text):
    found = rows_of(csv_text(made([-5], [Note(text, text)])))
    assert len(found) == 3 and not runs(found[1]["memo"])
    assert found[1]["amount"] == "-0.05", "our own numbers stay numbers"


@pytest.mark.parametrize(
    "mark", "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\x1b\x9b"
)
def test_no_text_turns_what_stands_beside_it(mark):
    """Both formats go to the terminal where no file is named."""
    assert cell(f"to {mark}ecila") == "to  ecila" and fit(f"to {mark}ecila") == "to  ecila"


def test_a_quoting_that_forgets_formulas_is_seen(monkeypatch):
    monkeypatch.setattr("fiat.sheet_csv.cell", lambda text: text)
    assert any(runs(rows_of(csv_text(made([1], [Note("", text)])))[1]["memo"]) for text in FORMULAS)


@pytest.mark.parametrize("text", ["=1", "1e5", "+1", "1,000", "٣", "01", ""])
def test_a_number_is_one_of_ours(text):
    with pytest.raises(ValueError):
        number(text)


@given(st.lists(st.integers(-(10**6), 10**6).filter(bool), max_size=20), st.integers(0, 10**7), st.sampled_from(By))
def test_json_is_read_as_it_is_written(amounts, opening, by):
    found = made(amounts, [Note("@bob", "x")] * len(amounts), by=by, opening=opening)
    assert from_json(json.loads(json.dumps(to_json(found)))) == found


WRONG = {
    "a balance": lambda d: d["lines"][1].update(balance_minor="7"),
    "a line left out": lambda d: d["lines"].pop(0),
    "the closing balance": lambda d: d.update(closing_minor="1"),
    "the opening balance": lambda d: d.update(opening_minor="1"),
    "what came in": lambda d: d.update(in_minor="1"),
    "a float": lambda d: d["lines"][0].update(amount_minor=5.0),
    "a bare integer": lambda d: d["lines"][0].update(amount_minor=5),
    "lines that are none": lambda d: d.update(lines={}),
    "a line that is none": lambda d: d["lines"].append("x"),
    "an odd currency": lambda d: d.update(currency="E R"),
    "many decimals": lambda d: d.update(decimals=10),
    "true as a number": lambda d: d.update(sequence=True),
    "an odd time": lambda d: d["lines"][0].update(recorded_at="yesterday"),
    "a day that is none": lambda d: d.update(start="2026-02-30T00:00:00Z"),
    "another time": lambda d: d.update(by="sent"),
    "a text without end": lambda d: d["lines"][0].update(memo="x" * 2001),
    "something missing": lambda d: d.pop("owner"),
}


@pytest.mark.parametrize("change", WRONG)
def test_what_does_not_add_up_is_refused(change):
    document = to_json(made([500, -120]))
    from_json(document)
    WRONG[change](document)
    with pytest.raises(ValueError):
        from_json(document)


VALID = etree.XMLSchema(etree.parse(SCHEMA))


def root_of(text):
    return etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False, no_network=True))


def said(root, path):
    return [found.text for found in root.iterfind(path, {None: NAMESPACE})]


ODD = ["", "x" * 500, "<&>\"'", "晚饭", "\x00\x01\x0b", " ", "\ud7ff\ufffe\uffff", "a\nb", "]]>", "🥐", "\x85\u2028"]


@pytest.mark.parametrize("by", By)
def test_camt053_is_valid_against_its_schema(by):
    amounts = [500, -120, 1, -1, 10**15]
    found = made(amounts, [Note(text, text) for text in ODD], by=by, opening=-100)
    root = root_of(camt053(found))
    VALID.assertValid(root)
    assert said(root, ".//Ntry/Amt") == ["5.00", "1.20", "0.01", "0.01", "10000000000000.00"]
    assert said(root, ".//Ntry/CdtDbtInd") == ["CRDT", "DBIT", "CRDT", "DBIT", "CRDT"]
    assert said(root, ".//Bal/Amt") == ["1.00", "10000000000002.80"]
    assert said(root, ".//Bal/CdtDbtInd") == ["DBIT", "CRDT"]
    codes = said(root, ".//Bal/Tp/CdOrPrtry/*")
    assert codes == (["OPBD", "CLBD"] if by is By.RECORDED else ["OPENING-BY-VALUE-DATE", "CLOSING-BY-VALUE-DATE"])
    assert said(root, ".//TtlDbtNtries/Sum") == ["1.21"]
    assert said(root, ".//Refs/EndToEndId")[1] == f"{2:032x}"
    assert said(root, ".//RltdPties/Dbtr/Pty/Nm")[0:1] == ["<&>\"'"]


@given(st.text(max_size=200))
def test_camt053_carries_any_text(text):
    found = made([5], [Note(text, text)])
    VALID.assertValid(root_of(camt053(replace(found, owner=text))))


@pytest.mark.parametrize("its", ["EUR", "JPY", "KWD"])
@pytest.mark.parametrize("amounts", [[], [1], [-1, 1]])
def test_camt053_of_every_exponent(its, amounts):
    VALID.assertValid(root_of(camt053(made(amounts, its=currency(its), opening=5))))


def test_an_invalid_document_is_seen():
    text = camt053(made([5]))
    for wrong in (
        text.replace("CRDT", "CREDIT"),
        text.replace("<Ccy>EUR</Ccy>", "<Ccy>EURO</Ccy>"),
        text.replace("<Sts>", "<Status>").replace("</Sts>", "</Status>"),
        text.replace(">0.05<", ">-0.05<"),
    ):
        assert wrong != text and not VALID.validate(root_of(wrong))


def test_what_the_standard_cannot_name_is_refused():
    for changes in ({"currency": "POINTS"}, {"exponent": 9}):
        with pytest.raises(ValueError):
            camt053(replace(made([5]), **changes))


def test_every_code_has_a_kind():
    assert len(KINDS) == len(TransferCode) + 1
    assert time_text(START) == "2026-11-18T11:06:40.000000Z"
    assert cell("x\ty") == "x y"
