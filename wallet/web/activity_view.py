"""Items of the history as pages show them, and their filters. Pure but for words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from fiat.money import decimal_text
from wallet.cli.activity_rows import HELD, KINDS, STATES, UNMOVED, other_side
from wallet.cli.strangers import odd
from wallet.texts import N_, _
from wallet.web.amounts import fraction, moment

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


CATEGORIES = {
    "payments": (N_("Payments"), frozenset({"transfer", "chain_transfer", "capture", "collection"})),
    "cash": (N_("Money in and out"), frozenset({"topup", "withdrawal", "withdrawal_return"})),
    "conversions": (N_("Conversions"), frozenset({"conversion"})),
    "agreements": (N_("Holds and mandates"), frozenset({"hold", "release", "expiry", "mandate"})),
    "costs": (N_("Fees"), frozenset({"fee"})),
    "operator": (N_("By the operator"), frozenset({"operator"})),
}
DIRECTIONS = {"in": N_("Coming in"), "out": N_("Going out")}
RAILS = {"ledger": N_("At the server"), "chain": N_("On the chain")}


@dataclass(frozen=True, slots=True)
class Filters:
    """ "" is everything. `text` is looked for in names, memos, assets, numbers and hashes."""

    text: str = ""
    category: str = ""
    direction: str = ""
    rail: str = ""

    @property
    def are_set(self) -> bool:
        return any((self.text, self.category, self.direction, self.rail))

    def match(self, item: Item) -> bool:
        if self.category in CATEGORIES and item["kind"] not in CATEGORIES[self.category][1]:
            return False
        if self.direction and item["direction"] != self.direction:
            return False
        if self.rail and item["rail"] != self.rail:
            return False
        return self.text.casefold() in haystack(item)

    def query(self, **more: str) -> str:
        """As an address of ours has it."""
        given = {name: getattr(self, name) for name in self.__slots__} | more
        return urlencode({name: value for name, value in given.items() if value})


def haystack(item: Item) -> str:
    """All of an item's words, in one case."""
    other = item["counterparty"] if isinstance(item["counterparty"], dict) else {}
    words = [item[name] for name in ("asset", "amount", "memo", "nonce", "transaction", "kind", "state")]
    words += [other_side(dict(item)), other.get("address"), _word(KINDS, item["kind"]), _word(STATES, item["state"])]
    return "\n".join(str(word) for word in words if word).casefold()


def days_of(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Items under their days (UTC), each with what the day came to where all of it has a value."""
    days: list[dict[str, Any]] = []
    for item in items:
        at = moment(item["at"])
        day = f"{at:%Y-%m-%d}" if at is not None else ""
        if not days or days[-1]["day"] != day:
            days.append({"day": day, "at": item["at"], "rows": [], "items": []})
        days[-1]["rows"].append(row_of(item))
        days[-1]["items"].append(item)
    for one in days:
        one["total"] = total_of(one.pop("items"))
    return days


def total_of(items: Sequence[Item]) -> dict[str, str] | None:
    """In less out, in the currency of the values; None where something that moved has no value."""
    total, currency, places = Fraction(0), "", 0
    for item in items:
        way = {"+": 1, "−": -1}.get(sign(item), 0)
        if way == 0 or item["state"] in ("failed", "archived") or item["kind"] == "conversion":
            continue
        value = item["value"] if isinstance(item["value"], dict) else {}
        amount = fraction(value.get("amount"))
        if amount is None:
            return None
        total, currency = total + way * amount, str(value.get("currency"))
        places = max(places, len(str(value.get("amount")).partition(".")[2]))
    if not currency:
        return None
    minor = int(abs(total) * 10**places)
    return {"amount": ("−" if total < 0 else "+") + decimal_text(minor, places), "currency": currency}
