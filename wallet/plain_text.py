"""Strangers' text as it is, with what cannot be seen made visible. Pure.

What moves a cursor, turns the direction of what stands beside it or shows nothing at all is written out as `<U+202E>`:
a text that was signed can then be told from one that only looks like it.
"""

from __future__ import annotations

import unicodedata

LINE_LENGTH = 160
LINES_MAX = 200
# Cc control, Cf format (bidi marks, zero width), Cs surrogate, Co private, Cn unassigned, Zl/Zp line ends.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def visible(text: str) -> str:
    """One line; every character that is not to be seen is spelt out."""
    if text.isprintable():  # also unassigned ones are not printable
        return text
    return "".join(_spelt(c) if unicodedata.category(c) in _HIDDEN else c for c in text)


def is_hiding(text: str) -> bool:
    """Is there a character that shows nothing, or changes how its neighbours look? Line ends and tabs do not count."""
    return any(unicodedata.category(c) in _HIDDEN for c in text if c not in "\n\r\t")


def lines(text: str) -> tuple[list[str], bool]:
    """At most LINES_MAX lines of at most LINE_LENGTH characters, visible; was that everything?"""
    shown: list[str] = []
    for line in text.split("\n"):
        shown += parts(visible(line.removesuffix("\r")))
        if len(shown) > LINES_MAX:
            return shown[:LINES_MAX], False
    return shown, True


def parts(text: str) -> list[str]:
    """One text in pieces of LINE_LENGTH, the empty one as one piece."""
    return [text[at : at + LINE_LENGTH] for at in range(0, max(len(text), 1), LINE_LENGTH)]


def _spelt(character: str) -> str:
    return f"<U+{ord(character):04X}>"
