"""What the client says to people, in their language: English in the source, Chinese in the catalogue.

`TANDEM_LANG` (`en` or `zh`) decides, else the locale. The catalogue is made by `make texts`; a test holds that every
text has its translation.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

DOMAIN = "tandem"
LANGUAGES = {"en": "English", "zh": "中文"}
_FOLDER = os.path.join(os.path.dirname(__file__), "locale")  # noqa: PTH118, PTH120  # pathlib doubles start-up time


def language_of(environ: Mapping[str, str]) -> str:
    """`en` or `zh`."""
    named = environ.get("TANDEM_LANG", "").lower()
    if named in LANGUAGES:
        return named
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "zh" if locale.lower().startswith("zh") else "en"


LANGUAGE = language_of(os.environ)
_translation = gettext.translation(DOMAIN, _FOLDER, [LANGUAGE], fallback=True)
_spoken: ContextVar[gettext.NullTranslations] = ContextVar("spoken")
# click words its own errors and headings through gettext's global domain.
os.environ["LANGUAGE"] = LANGUAGE
gettext.bindtextdomain("messages", _FOLDER)
gettext.bindtextdomain(DOMAIN, _FOLDER)
gettext.textdomain(DOMAIN)


def _(text: str) -> str:
    """The text in the person's language."""
    return _spoken.get(_translation).gettext(text)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Within the block, and in what it awaits, texts are in this language: pages have a switch of their own."""
    token = _spoken.set(gettext.translation(DOMAIN, _FOLDER, [language], fallback=True))
    try:
        yield
    finally:
        _spoken.reset(token)


def N_(text: str) -> str:  # gettext's own name for "translate later", which the extraction knows
    """Marks a text for the catalogue; it is translated where it is shown."""
    return text


CHAIN_RESTARTED = N_("The chain was restarted or set back: what was known of the old one is set aside.")
"""Said by whatever notices it first: the client on its node, or the server by its index."""
