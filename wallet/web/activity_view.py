"""Items of the history as pages show them, and their filters. Pure but for words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wallet.cli.activity_rows import HELD, KINDS, STATES, UNMOVED, other_side
from wallet.cli.strangers import odd
from wallet.texts import _

Item = Mapping[str, Any]


def rows_of(items: Sequence[Item]) -> list[dict[str, Any]]:
    """In their order."""
    return [row_of(item) for item in items]


def row_of(item: Item) -> dict[str, Any]:
    value = item["value"] if isinstance(item["value"], dict) else {}
    return {
        "id": str(item["id"]),
        "at": item["at"],
        "kind": _word(KINDS, item["kind"]),
        "icon": _icon(item),
        "rail": item["rail"],
        "sign": sign(item),
        "amount": str(item["amount"]),
        "asset": str(item["asset"]),
        "other": other_side(dict(item)),
        "state": _word(STATES, item["state"]),
        "is_settled": item["state"] in ("done", "paid", "accepted"),
        "is_bad": item["state"] in ("failed", "archived", "returned"),
        "odd": odd(item),
        "memo": str(item["memo"] or ""),
        "value": value.get("amount"),
        "currency": value.get("currency"),
    }


def sign(item: Item) -> str:
    """What is only reserved, freed or agreed has moved nothing."""
    if item["kind"] in UNMOVED or item["state"] in HELD or item["direction"] == "self":
        return ""
    return "−" if item["direction"] == "out" else "+"


def _icon(item: Item) -> str:
    if item["kind"] == "conversion":
        return "convert"
    return {"in": "receive", "out": "send"}.get(str(item["direction"]), "activity")


def _word(words: Mapping[str, str], name: object) -> str:
    return _(words[str(name)]) if str(name) in words else str(name)
