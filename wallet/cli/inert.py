"""Other people's text, made harmless for a terminal: no control character, no hidden direction, bounded length."""

from __future__ import annotations

import json
import unicodedata

LENGTH_MAX = 200
# Cc control, Cf format (bidi marks, zero width), Cs surrogate, Co private, Cn unassigned, Zl/Zp line ends.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def inert(text: object, length_max: int = LENGTH_MAX) -> str:
    """One line that cannot move the cursor, colour the screen or reorder what stands beside it."""
    line = "".join("�" if unicodedata.category(c) in _HIDDEN else c for c in str(text)[: length_max + 1])
    return line if len(line) <= length_max else line[: length_max - 1] + "…"


def json_text(document: object) -> str:
    """One JSON document that a terminal shows as it stands: JSON itself escapes only the older control characters."""
    text = json.dumps(document, ensure_ascii=False, default=str)
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
