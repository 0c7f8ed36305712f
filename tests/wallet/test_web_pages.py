"""What pages are made of: others' words are text in a box of their own, nothing is inline, scripts are small."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from wallet.web.assets import DIST, Assets
from wallet.web.pages import TEMPLATES, Pages

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\u202egnp.exe",
    "a" * 10_000,
    "\x1b[31mred",
    "{{ 7 * 7 }}",
    '"><b>',
    "javascript:alert(1)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_others_say_is_markup_or_longer_than_its_box(text):
    """Memo, handle and token name of an item, in the row that every list uses."""
    item = {
        **dict.fromkeys(("id", "at", "kind", "amount", "asset", "other", "state", "memo"), text),
        "icon": "send", "rail": "ledger", "sign": "+", "is_settled": False, "is_bad": False, "odd": "", "value": None,
        "currency": None,
    }  # fmt: skip
    taste = type("Taste", (), {"private": False, "language": "en", "currency": "EUR"})()
    drawn = Pages(Assets.read()).render("activity_row.html", {"item": item, "taste": taste})
    inside = re.sub(r"<svg>.*?</svg>", "", drawn)
    assert set(re.findall(r"<(\w+)", inside)) <= {"li", "a", "span", "div", "small"}
    assert re.search(r"<[^>]*\son\w+=", inside) is None and 'href="javascript' not in inside
    assert not re.search("[\u202e\x1b]", drawn) and "a" * 700 not in re.sub(r'href="[^"]*"', "", drawn)


INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|hx-on|javascript:|hx-vals=.js|https?://")


def inline_of(source):
    return INLINE.findall(source)


def test_no_template_has_anything_inline_or_from_elsewhere():
    for template in TEMPLATES.glob("*.html"):
        assert not inline_of(template.read_text()), template.name
    for seeded in (
        "<script>x</script>",
        "<p style='x'>",
        "<a onclick='x'>",
        "<div hx-on:click='x'>",
        "<img src='https://a.b'>",
    ):
        assert inline_of(seeded)


def test_no_template_calls_anything_safe():
    """Only a QR code of our own making is markup that is no template's."""
    for template in TEMPLATES.glob("*.html"):
        assert "|safe" not in template.read_text().replace(" ", ""), template.name
        assert "autoescape" not in template.read_text(), template.name


def test_the_scripts_are_small():
    named = json.loads((DIST / "manifest.json").read_text())
    sizes = {
        name: len(gzip.compress((DIST / file).read_bytes(), 9)) for name, file in named.items() if name.endswith(".js")
    }
    assert sizes.keys() == {"app.js", "chart.js", "scan.js"} and sum(sizes.values()) <= 150_000, sizes
