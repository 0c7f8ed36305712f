"""How the person likes the pages: language, theme, currency, hidden amounts. Kept in `ui.json`; no secret."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fiat.currency import ISO_4217
from wallet.errors import InputMalformed
from wallet.state import Store
from wallet.texts import LANGUAGE, LANGUAGES

THEMES = ("system", "light", "dark")
_NAME = "ui"


@dataclass(frozen=True, slots=True)
class Taste:
    language: str = LANGUAGE
    theme: str = "system"
    currency: str = "EUR"
    private: bool = False

    def changed(self, name: str, value: str) -> Taste:
        """Raises InputMalformed."""
        match name:
            case "language" if value in LANGUAGES:
                return replace(self, language=value)
            case "theme" if value in THEMES:
                return replace(self, theme=value)
            case "currency" if value in ISO_4217:
                return replace(self, currency=value)
            case "private" if value in ("yes", "no"):
                return replace(self, private=value == "yes")
        raise InputMalformed("setting", f"{name} {value}"[:80], "there is no such choice")

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("language", "theme", "currency", "private")}


def taste_of(store: Store) -> Taste:
    """What is kept; what is not readable in it is as at first."""
    kept, taste = store.read(_NAME), Taste()
    for name, value in (("private", "yes" if kept.get("private") is True else "no"), *kept.items()):
        if isinstance(value, str):
            try:
                taste = taste.changed(name, value)
            except InputMalformed:
                continue
    return taste


def keep_taste(store: Store, taste: Taste) -> None:
    store.change(_NAME, lambda document: document.update(taste.to_json()))
