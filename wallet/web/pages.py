"""Templates become pages. Everything that a template prints is text: markup is escaped, and what cannot be seen is cut.

Whatever comes from a server, a site or a chain goes through `inert`, as it does for the terminal: one line, no control
or direction characters, bounded (THREATS I-6). Markup is what our own templates say, and QR codes of our own making.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from wallet.cli.inert import inert
from wallet.plain_text import lines
from wallet.texts import LANGUAGES, N_, _
from wallet.web import amounts
from wallet.web.assets import Assets

TEMPLATES = Path(__file__).with_name("templates")
LENGTH_MAX = 600


def _finalized(value: object) -> object:
    """What a template prints: a text of bounded length that stays in its place."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return inert(value, LENGTH_MAX)


def _filled(text: str, **facts: object) -> str:
    """A text of the catalogue with its names filled in, each of them inert."""
    return text.format(**{name: inert(value) for name, value in facts.items()})


def raw(text: object) -> Markup:
    """Others' text of several lines, for a `pre`: as it is, with what cannot be seen spelt out; bounded."""
    shown, complete = lines(str(text))
    return escape("\n".join(shown if complete else [*shown, "…"]))


def qr(text: str) -> Markup:
    """As an SVG of our own making: black on white in either theme, since that is what cameras read."""
    drawn = segno.make(text, error="m").svg_inline(
        border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None
    )
    return Markup(drawn)  # noqa: S704  # made from modules, not from text


class Pages:
    """All templates, with what each may use."""

    def __init__(self, assets: Assets, folder: Path = TEMPLATES) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_finalized,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= {"_": _, "N_": N_, "assets": assets.urls, "qr": qr, "languages": LANGUAGES}
        self._environment.filters |= {
            "filled": _filled,
            "inert": inert,
            "raw": raw,
            "grouped": amounts.grouped,
            "short": amounts.short,
            "clock": amounts.clock,
            "day": amounts.day,
        }

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        return self._environment.get_template(name).render(values)
