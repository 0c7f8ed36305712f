"""A statement on paper: the figures are there, Chinese is set, and nothing that people wrote is markup."""

from __future__ import annotations

import base64
import re
import zlib

import pytest

from api.statement_pdf import KINDS, WIDE, font_of, pdf
from api.texts import in_language
from fiat.currency import currency
from fiat.errors import StatementTooLong
from fiat.sheet import KINDS as KINDS_OF_SHEETS
from fiat.sheet import Note, sheet
from fiat.statement import By, Movement, Side, make

START = 1_795_000_000 * 10**9


def made(count, note=Note("@bob", "rent")):  # noqa: B008  # a frozen value
    moved = [
        Movement(n, START + n, START + n, n + 1, Side.CREDIT if n % 2 else Side.DEBIT, 1234 + n, 1, 9, bytes(32))
        for n in range(count)
    ]
    found = make(7, currency("EUR"), By.RECORDED, START, START + 10**12, 0, moved, 99)
    return sheet(found, "@alice", dict.fromkeys(range(count), note), START)


def content(document):
    """What the page streams say, unpacked."""
    streams = re.findall(rb"stream\r?\n(.*?)~>\s*endstream", document, re.DOTALL)
    return b"\n".join(zlib.decompress(base64.a85decode(stream)) for stream in streams)


def in_song(text):
    """Text as it stands in a stream for a font that is addressed by UTF-16."""
    raw = text.encode("utf-16-be")
    return b"".join(
        b"\\%03o" % byte if byte < 32 or byte > 126 or chr(byte) in "()\\" else bytes([byte]) for byte in raw
    )


def test_figures_and_pages():
    document = pdf(made(120), in_language("en"))
    said = content(document)
    assert document.startswith(b"%PDF-") and document.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\b", document)) >= 3
    for words in (b"Statement", b"@bob", b"12.35", b"Closing balance", b"0.60 EUR"):
        assert words in said, words
    assert document == pdf(made(120), in_language("en")), "the same statement is the same file"


def test_chinese_is_set_in_a_font_that_has_it():
    document = pdf(made(1, Note("@小明", "晚饭")), in_language("zh"))
    assert f"/{WIDE}".encode() in document
    assert in_song("晚") in content(document) and in_song("对") in content(document)
    assert (font_of("café"), font_of("晚饭")) == ("Helvetica", WIDE)


def test_what_people_write_is_no_markup():
    note = Note("<b>bold</b>", '<img src="file:///etc/passwd"/>&amp;\x00\x1b[2J')
    said = content(pdf(made(1, note), in_language("en")))
    assert b"<b>bold</b>" in said and b"<img src=" in said


def test_every_kind_has_a_word():
    assert set(KINDS) == set(KINDS_OF_SHEETS)


def test_a_period_with_too_many_lines_is_refused(monkeypatch):
    monkeypatch.setattr("api.statement_pdf.LINES_MAX", 3)
    with pytest.raises(StatementTooLong):
        pdf(made(4), in_language("en"))
