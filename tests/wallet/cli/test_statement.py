"""`tandem statement` against a real server: what is shown, what is written, what is refused."""

from __future__ import annotations

import csv
import io
import stat

from lxml import etree

from tests.fiat.test_camt import VECTORS


def test_a_statement_as_table_and_as_json(tandem, people):
    alice, bob = people
    assert tandem("send", "1.25", "EUR", bob.in_full, "--memo", "=rent", "--yes", **alice.environ).status == 0
    told = tandem("statement", **alice.environ)
    assert told.status == 0, told.err
    assert "Opening balance: 0.00 EUR" in told.out and "=rent" in told.out and "-1.25" in told.out
    found = tandem("statement", "--json", **alice.environ).json
    balance = tandem("balance", "--json", **alice.environ).json
    booked = next(p["amount"] for p in balance["positions"] if (p["rail"], p["asset"]) == ("ledger", "EUR"))
    assert (found["closing"], found["owner"]) == (booked, "@alice")
    theirs = tandem("statement", "--by", "effective", TANDEM_LANG="en", **bob.environ)
    assert theirs.status == 0 and "+1.25" in theirs.out
    empty = tandem("statement", "--from", "2020-01-01", "--to", "2020-12-31", **alice.environ)
    assert empty.status == 0 and "Closing balance: 0.00 EUR" in empty.out and "2020-12-31" not in empty.out


def test_files_in_every_format(tandem, people, tmp_path):
    alice, bob = people
    assert tandem("send", "0.05", "EUR", bob.in_full, "--memo", "=1+1", "--yes", **alice.environ).status == 0
    table = tmp_path / "a.csv"
    done = tandem("statement", "--format", "csv", "--out", str(table), **alice.environ)
    assert done.status == 0 and str(table) in done.out
    assert stat.S_IMODE(table.stat().st_mode) == 0o600
    rows = list(csv.DictReader(io.StringIO(table.read_text(), newline="")))
    assert rows[-2]["memo"] == "'=1+1" and rows[-2]["amount"] == "-0.05"
    printed = tandem("statement", "--format", "csv", **alice.environ).out
    assert printed.splitlines()[0] == table.read_text().splitlines()[0]
    document = tandem("statement", "--format", "camt053", **alice.environ).out
    etree.XMLSchema(etree.parse(VECTORS / "camt.053.001.08.xsd")).assertValid(etree.fromstring(document.encode()))
    paper = tmp_path / "a.pdf"
    assert tandem("statement", "--format", "pdf", "--out", str(paper), "--json", **alice.environ).json["file"]
    assert paper.read_bytes().startswith(b"%PDF-")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".new"] == []


def test_what_is_refused(tandem, people, tmp_path):
    alice, _bob = people
    for arguments in (
        ("--from", "yesterday"),
        ("--from", "2026-11-02", "--to", "2026-11-01"),
        ("--format", "pdf"),
        ("--format", "xlsx"),
        ("--currency", "XXX"),
    ):
        assert tandem("statement", *arguments, **alice.environ).status == 2, arguments
    assert tandem("statement", "--out", str(tmp_path / "no" / "file"), **alice.environ).status == 1
