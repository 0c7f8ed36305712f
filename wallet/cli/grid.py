"""A plain table for the commands that only ask: rich alone would double their start-up time.

Widths are those of a terminal (East Asian wide characters take two); bold only where a terminal or FORCE_COLOR asks.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence

from wallet.cli.inert import inert

_END = "\x1b[0m"
_STYLES = {
    "head": "\x1b[1;36m",
    "rule": "\x1b[2m",
    "strong": "\x1b[1m",
    "in": "\x1b[32m",
    "out": "\x1b[31m",
    "warn": "\x1b[33m",
}


def width(text: str) -> int:
    """In terminal columns."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def is_coloured() -> bool:
    """NO_COLOR and FORCE_COLOR decide, else whether a terminal looks."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def grid(columns: Sequence[str], rows: Iterable[Sequence[str]], styles: Sequence[str] = ()) -> str:
    """The table's text. Columns whose name begins with > stand right. `styles` colours whole rows, by row."""
    cells = [[inert(cell, 80) for cell in row] for row in rows]
    names = [column.removeprefix(">") for column in columns]
    widths = [max(map(width, column)) for column in zip(names, *cells, strict=True)]
    right = [column.startswith(">") for column in columns]

    def line(row: Sequence[str]) -> str:
        padded = [
            " " * (wide - width(cell)) + cell if at_right else cell + " " * (wide - width(cell))
            for cell, wide, at_right in zip(row, widths, right, strict=True)
        ]
        return "  ".join(padded).rstrip()

    rule = "  ".join("─" * wide for wide in widths)
    body = [styled(line(row), style) for row, style in zip(cells, [*styles, *[""] * len(cells)], strict=False)]
    return "\n".join([styled(line(names), "head"), styled(rule, "rule"), *body])


def styled(text: str, style: str) -> str:
    """`style` is head, rule, strong, in, out, warn or nothing; only where colour is wanted."""
    return f"{_STYLES[style]}{text}{_END}" if style and is_coloured() else text
