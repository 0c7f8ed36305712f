"""What the operator's program says on the terminal, in English or Chinese (`TANDEM_LANG`, else the locale).

HTTP answers are English with stable slugs: the client words them in its own language.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Callable
from pathlib import Path

DOMAIN = "tandem"


def _language() -> str:
    names = ("TANDEM_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    named = next((os.environ[name] for name in names if os.environ.get(name)), "en")
    return "zh" if named.lower().startswith("zh") else "en"


_FOLDER = Path(__file__).with_name("locale")
_translation = gettext.translation(DOMAIN, _FOLDER, [_language()], fallback=True)


def _(text: str) -> str:
    """The text in the operator's language."""
    return _translation.gettext(text)


def N_(text: str) -> str:  # gettext's own name for "translate later", which the extraction knows
    """Marks a text for the catalogue; it is translated where it is shown."""
    return text


def in_language(language: str) -> Callable[[str], str]:
    """Translates into a language that whoever asks has chosen: `en` or `zh`."""
    return gettext.translation(DOMAIN, _FOLDER, [language], fallback=True).gettext
