"""A statement as PDF: A4, one table, page numbers. Pure but for the typesetting library, which takes its time.

What Latin-1 can spell is set in Helvetica, the rest in STSong-Light: fonts that PDF readers have or replace (one on a
machine without any Chinese font shows blanks), so none is embedded. STSong-Light (Adobe-GB1) has Chinese, Greek,
Cyrillic and kana; a character that it lacks (an emoji, Arabic) is left out on paper while the other formats keep it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from api.texts import N_
from fiat.errors import StatementTooLong
from fiat.sheet import Row, Sheet
from fiat.statement import By

LATIN, WIDE = "Helvetica", "STSong-Light"
CELL_LENGTH_MAX = 300
LINES_MAX = 2000
"""Lines that are typeset at once (a second or two); a longer period is refused."""
_RUNS = re.compile(r"[\x00-\xff]+|[^\x00-\xff]+")
registerFont(UnicodeCIDFont(WIDE))

_TITLE = ParagraphStyle("title", fontName=LATIN, fontSize=16, leading=20)
_TEXT = ParagraphStyle("text", fontName=LATIN, fontSize=8, leading=10, wordWrap="CJK")
_AMOUNT = ParagraphStyle("amount", parent=_TEXT, alignment=TA_RIGHT)
_WIDTHS = [29 * mm, 19 * mm, 30 * mm, 52 * mm, 26 * mm, 26 * mm]
_GRID = TableStyle(
    [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("FONT", (0, 0), (-1, -1), LATIN, 8, 10),
        ("ALIGN", (4, 0), (5, -1), "RIGHT"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
        ("LINEBELOW", (0, 1), (-1, -1), 0.2, colors.lightgrey),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
)

KINDS = {
    "transfer": N_("transfer"),
    "withdrawal": N_("withdrawal"),
    "withdrawal_paid": N_("withdrawal paid"),
    "withdrawal_returned": N_("withdrawal returned"),
    "topup": N_("top-up"),
    "fee": N_("fee"),
    "conversion": N_("conversion"),
    "hold": N_("hold"),
    "capture": N_("capture"),
    "release": N_("release"),
    "mandate": N_("mandate"),
    "collection": N_("collection"),
    "rounding": N_("rounding"),
    "operator": N_("operator's entry"),
    "settlement": N_("settlement"),
    "reversal": N_("reversal"),
    "other": N_("other"),
}


def pdf(found: Sheet, words: Callable[[str], str]) -> bytes:
    """The document. `words` translates the labels; what people wrote stays as it is. Raises StatementTooLong."""
    if len(found.rows) > LINES_MAX:
        raise StatementTooLong(LINES_MAX)
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=14 * mm,
        rightMargin=14 * mm,
        topMargin=16 * mm,
        bottomMargin=16 * mm,
        title=words(N_("Statement")),
        author="Tandem",
        invariant=1,
    )
    rows = [
        [_set(words(label), style) for label, style in _columns(found)],
        *([*_line(found, row, words)] for row in found.rows),
    ]
    kinds = font_of("".join(words(kind) for kind in KINDS.values()))
    style = TableStyle([("FONTNAME", (2, 1), (2, -1), kinds)], parent=_GRID)
    parts = [*_head(found, words), LongTable(rows, colWidths=_WIDTHS, repeatRows=1, style=style)]
    footer = _footer(found, words)
    document.build(parts, onFirstPage=footer, onLaterPages=footer)
    return out.getvalue()


def _columns(found: Sheet) -> Sequence[tuple[str, ParagraphStyle]]:
    return (
        (N_("Recorded"), _TEXT),
        (N_("Effective"), _TEXT),
        (N_("What"), _TEXT),
        (N_("With"), _TEXT),
        (N_("Amount"), _AMOUNT),
        (N_("Balance"), _AMOUNT),
    )


def _head(found: Sheet, words: Callable[[str], str]) -> list[Any]:
    by = words(N_("by value date") if found.by == By.EFFECTIVE else N_("by time of recording"))
    facts = [
        (words(N_("Account of")), found.owner),
        (words(N_("Account")), found.account),
        (words(N_("Period (UTC)")), f"{_minute(found.start)} - {_minute(found.end)}, {by}"),
        (words(N_("Made")), f"{_minute(found.made_at)} UTC, #{found.sequence}"),
        *(
            (words(label), f"{found.decimal(amount_minor)} {found.currency}")
            for label, amount_minor in (
                (N_("Opening balance"), found.opening_minor),
                (N_("Came in"), found.in_minor),
                (N_("Went out"), found.out_minor),
                (N_("of which fees"), found.fees_minor),
                (N_("Closing balance"), found.closing_minor),
            )
        ),
    ]
    told = [[_set(name, _TEXT), _set(value, _TEXT)] for name, value in facts]
    return [
        _set(words(N_("Statement")), _TITLE),
        Spacer(0, 3 * mm),
        LongTable(told, colWidths=[40 * mm, 142 * mm], style=TableStyle([("BOTTOMPADDING", (0, 0), (-1, -1), 0)])),
        Spacer(0, 5 * mm),
    ]


def _line(found: Sheet, row: Row, words: Callable[[str], str]) -> Sequence[Any]:
    other = " · ".join(part for part in (row.counterparty, row.memo) if part)
    # Plain strings where nothing is broken into lines: a paragraph costs ten times as much.
    return (
        _minute(row.recorded_at),
        row.effective_on,
        words(KINDS.get(row.kind, KINDS["other"])),
        _set(other[:CELL_LENGTH_MAX], _TEXT) if other else "",
        found.decimal(row.amount_minor),
        found.decimal(row.balance_minor),
    )


def _set(text: str, style: ParagraphStyle) -> Paragraph:
    """Text, never markup, in a font that can spell it."""
    inert = "".join(character if character.isprintable() else " " for character in text)
    runs = (f'<font name="{font_of(run)}">{escape(run)}</font>' for run in _RUNS.findall(inert))
    return Paragraph("".join(runs), style)


def font_of(text: str) -> str:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return WIDE
    return LATIN


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


def _footer(found: Sheet, words: Callable[[str], str]) -> Callable[[Any, Any], None]:
    note = words(N_("As this ledger recorded it; amounts in {currency}.")).format(currency=found.currency)

    def draw(canvas: Any, document: Any) -> None:
        canvas.setFont(font_of(note), 7)
        canvas.drawString(14 * mm, 9 * mm, note)
        canvas.setFont(LATIN, 7)
        canvas.drawRightString(A4[0] - 14 * mm, 9 * mm, str(document.page))

    return draw
