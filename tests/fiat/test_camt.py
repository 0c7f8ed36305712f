"""Bank lines from files: tables and XML as banks send them, and everything that is refused."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from fiat import bank_line, xml_tree
from fiat.bank_line import line_id, read_csv
from fiat.camt import read_camt
from fiat.currency import currency
from fiat.errors import BankFileMalformed
from fiat.period import nanoseconds
from fiat.sheet_camt import camt053
from tests.fiat.test_sheet import made

VECTORS = Path(__file__).parents[1] / "vectors" / "iso20022"
EUR, JPY, KWD = map(currency, ("EUR", "JPY", "KWD"))
NOV_20 = nanoseconds("2026-11-20") // 10**9
DAY = 86_400


def entry(
    amount="12.50", sign="CRDT", ref="<AcctSvcrRef>R1</AcctSvcrRef>", details="", status="<Cd>BOOK</Cd>", ccy="EUR"
):
    value = "<ValDt><Dt>2026-11-21</Dt></ValDt>"
    return (
        f'<Ntry><Amt Ccy="{ccy}">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts>{status}</Sts>'
        f"<BookgDt><DtTm>2026-11-20T10:00:00Z</DtTm></BookgDt>{value}{ref}"
        f"<BkTxCd><Prtry><Cd>X</Cd></Prtry></BkTxCd>{details}</Ntry>"
    )


def details(amount="", sign="CRDT", e2e="NOTPROVIDED", name="Bob &amp; Co", text="invoice 5"):
    given_amount = f'<Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>' if amount else ""
    party = "Dbtr" if sign == "CRDT" else "Cdtr"
    return (
        f"<TxDtls><Refs><EndToEndId>{e2e}</EndToEndId></Refs>{given_amount}"
        f"<RltdPties><{party}><Pty><Nm>{name}</Nm></Pty></{party}></RltdPties>"
        f"<RmtInf><Ustrd>{text}</Ustrd><Ustrd>of November</Ustrd></RmtInf></TxDtls>"
    )


def statement(*entries, iban="DE89370400440532013000", message="53", version="08"):
    root, part = ("BkToCstmrStmt", "Stmt") if message == "53" else ("BkToCstmrDbtCdtNtfctn", "Ntfctn")
    balance = (
        '<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">0</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        "<Dt><Dt>2026-11-20</Dt></Dt></Bal>"
    )
    return (
        f'<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.0{message}.001.{version}"><{root}>'
        "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-11-20T10:00:00Z</CreDtTm></GrpHdr>"
        f"<{part}><Id>S</Id><CreDtTm>2026-11-20T10:00:00Z</CreDtTm><Acct><Id><IBAN>{iban}</IBAN></Id></Acct>"
        f"{balance if message == '53' else ''}{''.join(entries)}</{part}></{root}></Document>"
    ).encode()


def in_details(*parts):
    return f"<NtryDtls>{''.join(parts)}</NtryDtls>"


@pytest.mark.parametrize("message", ["53", "54"])
def test_an_entry_is_a_line(message):
    body = statement(entry(details=in_details(details(e2e="e2e-1"))), message=message)
    etree.XMLSchema(etree.parse(VECTORS / f"camt.0{message}.001.08.xsd")).assertValid(etree.fromstring(body))
    (line,) = read_camt(body, EUR)
    assert (line.reference, line.amount_minor, line.end_to_end) == ("R1", 1250, "e2e-1")
    assert (line.booked_on, line.value_on) == (NOV_20, NOV_20 + DAY)
    assert (line.counterparty, line.text) == ("Bob & Co", "invoice 5 of November")


def test_older_versions_say_the_status_plainly():
    assert read_camt(statement(entry(status="BOOK"), version="02"), EUR)[0].amount_minor == 1250


def test_what_is_not_booked_is_no_line():
    pending = [entry(status="<Cd>PDNG</Cd>"), entry(status="PDNG"), entry(status="")]
    assert read_camt(statement(*pending, entry(sign="DBIT", ref="<NtryRef>2</NtryRef>")), EUR)[0].amount_minor == -1250


def test_a_batch_is_its_transactions_where_they_add_up():
    parts = [details("5.00", e2e="a"), details("7.50", e2e="b")]
    lines = read_camt(statement(entry(details=in_details(*parts))), EUR)
    assert [(line.reference, line.amount_minor, line.end_to_end) for line in lines] == [
        ("R1/1", 500, "a"), ("R1/2", 750, "b")
    ]  # fmt: skip
    mixed = [details("20.00", e2e="a"), details("7.50", "DBIT", e2e="b")]
    assert [line.amount_minor for line in read_camt(statement(entry(details=in_details(*mixed))), EUR)] == [2000, -750]
    for unclear in ([details("5.00"), details("7.00")], [details("5.00"), details()]):
        (line,) = read_camt(statement(entry(details=in_details(*unclear))), EUR)
        assert (line.reference, line.amount_minor) == ("R1", 1250)


def test_one_account_of_several():
    other = statement(entry("1.00", ref="<AcctSvcrRef>R2</AcctSvcrRef>"), iban="FR7630006000011234567890189")
    part = other[other.index(b"<Stmt>") : other.index(b"</Stmt>") + 7]
    several = statement(entry()).replace(b"</Stmt>", b"</Stmt>" + part)
    with pytest.raises(BankFileMalformed, match="several"):
        read_camt(several, EUR)
    (line,) = read_camt(several, EUR, "FR7630006000011234567890189")
    assert line.amount_minor == 100


BOMB = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><Document>&b;</Document>'
OUTSIDE = b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Document>&x;</Document>'
WRONG_XML = {
    "bomb": (BOMB, "document type"),
    "outside entity": (OUTSIDE, "document type"),
    "outside type": (b'<!DOCTYPE d SYSTEM "http://127.0.0.1/x.dtd"><Document/>', "document type"),
    "unknown entity": (b"<Document>&x;</Document>", "no XML"),
    "not XML": (b"hello", "no XML"),
    "cut off": (statement(entry())[:-20], "no XML"),
    "empty": (b"", "no XML"),
    "deep": (b"<a>" * 50, "nested"),
    "another message": (statement(entry()).replace(b"camt.053", b"pain.001"), "no camt"),
    "no namespace": (b"<Document><BkToCstmrStmt/></Document>", "no camt"),
    "nothing inside": (statement().replace(b"Stmt>", b"Other>"), "no statement"),
    "another currency": (statement(entry(ccy="USD")), "not in EUR"),
    "below zero": (statement(entry("-1.00")), "below zero"),
    "too precise": (statement(entry("1.001")), "no amount"),
    "no number": (statement(entry("1,5")), "no amount"),
    "no direction": (statement(entry(sign="BOTH")), "neither"),
    "no reference": (statement(entry(ref="")), "no reference"),
    "no day": (statement(entry()).replace(b"2026-11-21", b"2026-02-30"), "no day"),
    "a long text": (statement(entry(details=in_details(details(text="x" * 200_000)))), "without end"),
}


@pytest.mark.parametrize("case", WRONG_XML)
def test_files_that_are_refused(case):
    body, words = WRONG_XML[case]
    with pytest.raises(BankFileMalformed) as refused:
        read_camt(body, EUR)
    assert words in str(refused.value.fields()["reason"])


@pytest.mark.parametrize("encoding", ["utf-7", "bogus", "idna", "utf-32", "hex", "shift_jis"])
def test_encodings_that_nobody_reads_are_refused(encoding):
    with pytest.raises(BankFileMalformed):
        read_camt(f'<?xml version="1.0" encoding="{encoding}"?><a/>'.encode(), EUR)


def test_sizes_are_bounded(monkeypatch):
    monkeypatch.setattr(xml_tree, "BYTES_MAX", 100)
    with pytest.raises(BankFileMalformed, match="larger"):
        read_camt(statement(entry()), EUR)
    monkeypatch.undo()
    monkeypatch.setattr(xml_tree, "ELEMENTS_MAX", 10)
    with pytest.raises(BankFileMalformed, match="measure"):
        read_camt(statement(entry()), EUR)


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda tail: statement(entry())[:-60] + tail))
def test_any_bytes_are_lines_or_refused(body):
    for read in (read_camt, read_csv):
        with suppress(BankFileMalformed):
            assert isinstance(read(body, EUR), list)


@given(st.lists(st.integers(-(10**9), 10**9).filter(bool), max_size=12), st.sampled_from([EUR, JPY, KWD]))
def test_our_own_statements_can_be_read(amounts, its):
    lines = read_camt(camt053(made(amounts, its=its)).encode(), its)
    assert [line.amount_minor for line in lines] == amounts
    assert len({line.reference for line in lines}) == len(amounts)


HEADER = "reference,booked_on,value_on,amount,currency,end_to_end,counterparty,text\r\n"


def test_a_table_of_lines():
    rows = '\ufeffR1,2026-11-20,2026-11-21,12.50,EUR,e1,"Bob, Co",lunch\r\nR2,2026-11-20,,-3.00,EUR,,,\r\n'
    first, second = read_csv((HEADER + rows.removeprefix("\ufeff")).encode("utf-8-sig"), EUR)
    assert (first.reference, first.amount_minor, first.counterparty, first.place) == ("R1", 1250, "Bob, Co", "row 2")
    assert (second.amount_minor, second.value_on, second.end_to_end) == (-300, NOV_20, "")
    assert read_csv(b"amount,currency,reference,booked_on\n0.00,EUR,R,2026-11-20\n", EUR)[0].amount_minor == 0
    assert read_csv(b"amount,currency,reference,booked_on\n5.000,JPY,R,2026-11-20\n", JPY)[0].amount_minor == 5


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        (b"", "header", "reference is missing"),
        (b"reference,booked_on,amount\n", "header", "currency is missing"),
        (HEADER.encode() + b"R,2026-11-20,,1,USD,,,\n", "row 2", "not in EUR"),
        (HEADER.encode() + b"R,20.11.2026,,1,EUR,,,\n", "row 2, booked_on", "no day"),
        (HEADER.encode() + b"R,2026-11-20,x,1,EUR,,,\n", "row 2, value_on", "no day"),
        (HEADER.encode() + b"R,2026-11-20,,1.005,EUR,,,\n", "row 2, amount", "no amount"),
        (HEADER.encode() + b'R,2026-11-20,,"1,00",EUR,,,\n', "row 2, amount", "no amount"),
        (HEADER.encode() + b"R,2026-11-20,,1e3,EUR,,,\n", "row 2, amount", "no amount"),
        (HEADER.encode() + b"R,2026-11-20,,--1,EUR,,,\n", "row 2, amount", "no amount"),
        (HEADER.encode() + b" ,2026-11-20,,1,EUR,,,\n", "row 2", "no reference"),
        (HEADER.encode() + b"R,2026-11-20,,1,EUR\n", "row 2", "cells"),
        (HEADER.encode() + b'R,2026-11-20,,1,EUR,,,"x\n', "row 2", ""),
        (b"reference,reference,booked_on,amount,currency\n", "header", "twice"),
        (b"reference,iban,booked_on,amount,currency\n", "header", "no column"),
        (b"\xff\xfe", "file", "UTF-8"),
    ],
)
def test_a_table_that_is_wrong_is_told_its_place(body, place, words):
    with pytest.raises(BankFileMalformed) as refused:
        read_csv(body, EUR)
    assert refused.value.fields()["place"] == place and words in refused.value.fields()["reason"]


def test_a_table_is_bounded(monkeypatch):
    monkeypatch.setattr(bank_line, "LINES_MAX", 1)
    with pytest.raises(BankFileMalformed, match="beyond"):
        read_csv(HEADER.encode() + b"R,2026-11-20,,1,EUR,,,\n" * 2, EUR)
    monkeypatch.setattr(bank_line, "BYTES_MAX", 1)
    with pytest.raises(BankFileMalformed, match="larger"):
        read_csv(HEADER.encode(), EUR)


def test_a_line_is_named_by_its_account_too():
    assert len({line_id(1, "R"), line_id(2, "R"), line_id(1, "S")}) == 3
