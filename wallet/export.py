"""One's history for other programs: beancount's text (double entry), and rows with what they are worth. Pure.

Items are those of the server's `/activity`: its claims, as `tandem activity` shows them. What an item was worth at its
time is the server's word too, where it keeps prices; beside it stands, under another name, what it would be worth now.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from wallet.plain_text import visible

Item = Mapping[str, Any]
MOVING = frozenset({"pending", "done", "accepted", "paid", "returned", "reserved", "released", "expired"})
UNMOVED = frozenset({"hold", "release", "expiry", "mandate"})
"""Kinds that change what is free, and no balance."""
_OTHER_SIDE = {
    "topup": "Assets:Outside",
    "withdrawal": "Assets:Outside",
    "withdrawal_return": "Assets:Outside",
    "fee": "Expenses:Fees",
    "operator": "Equity:Operator",
}
_COMMODITY = re.compile(r"[A-Z][A-Z0-9]{0,22}[A-Z0-9]|[A-Z]", re.ASCII)
_NOT_COMMODITY = re.compile(r"[^A-Z0-9]")
_AMOUNT = re.compile(r"[0-9]{1,80}(\.[0-9]{1,80})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def beancount(items: Iterable[Item]) -> str:
    """A file that beancount reads: every movement with both its sides, oldest first; what waits is marked with !.

    `worth_then`, `worth_now` and `worth_in` of an item, where it has them, become metadata of its transaction.
    """
    moved = [item for item in items if is_movement(item)]
    entries = [_entry(item) for item in reversed(moved)]
    days = [day for day, _text, _accounts in entries]
    accounts = sorted({account for _day, _text, names in entries for account in names})
    opened = [f"{min(days)} open {account}" for account in accounts] if days else []
    return "\n".join([*opened, "", *(text for _day, text, _accounts in entries)]) + "\n"


def is_movement(item: Item) -> bool:
    """Did something leave or arrive, in a form that can be counted?"""
    fits = _AMOUNT.fullmatch(str(item.get("amount"))) and _DAY.match(str(item.get("at")))
    counted = item.get("state") in MOVING and item.get("kind") not in UNMOVED
    return bool(fits) and counted and item.get("direction") in ("in", "out")


def worth(item: Item, prices: Mapping[str, str], exponent: int) -> str:
    """The item's amount at these prices (asset to price), cut to `exponent` decimals; "" where there is no price."""
    price, amount = prices.get(str(item.get("asset")), ""), str(item.get("amount"))
    if not _AMOUNT.fullmatch(price) or not _AMOUNT.fullmatch(amount):
        return ""
    minor = int(Fraction(amount) * Fraction(price) * 10**exponent)
    whole, rest = divmod(minor, 10**exponent)
    return f"{whole}.{rest:0{exponent}d}" if exponent else str(whole)


def worth_then(item: Item, currency: str) -> str:
    """What the server says that it was worth in that currency at its time; "" where it does not say so."""
    value = item.get("value")
    if not isinstance(value, Mapping) or value.get("currency") != currency:
        return ""
    amount = str(value.get("amount"))
    return amount if _AMOUNT.fullmatch(amount) else ""


def prices_of(positions: Sequence[Item], currency: str) -> dict[str, str]:
    """What one of each asset is worth, by the server's portfolio in that currency."""
    found = {str(p.get("asset")): str(p["price"]) for p in positions if p.get("price") is not None}
    return {**found, currency: "1"}


def _entry(item: Item) -> tuple[str, str, set[str]]:
    """Its day, its text, and the accounts in it."""
    day, asset, amount = str(item["at"])[:10], commodity(item["asset"]), str(item["amount"])
    own = f"Assets:Tandem:{'Chain' if item['rail'] == 'chain' else 'Ledger'}"
    incoming = item["direction"] == "in"
    flag = "!" if item["state"] in ("pending", "reserved") else "*"
    with_whom = item.get("counterparty") or {}
    who = f"@{with_whom['handle']}" if with_whom.get("handle") else with_whom.get("label") or with_whom.get("address")
    payee, told = _quoted(who or ""), _quoted(f"{item['kind']} {item.get('memo') or ''}".strip())
    received = item.get("received")
    if isinstance(received, Mapping) and _AMOUNT.fullmatch(str(received.get("amount"))):
        other, got = commodity(received.get("asset")), str(received["amount"])
        lines = [f"  {own}  -{amount} {asset} @@ {got} {other}", f"  {own}  {got} {other}"]
        return day, "\n".join([f"{day} {flag} {payee} {told}", *_worths(item), *lines]) + "\n", {own}
    side = _OTHER_SIDE.get(str(item["kind"]), "Income:Received" if incoming else "Expenses:Sent")
    sign, against = ("", "-") if incoming else ("-", "")
    lines = [f"  {own}  {sign}{amount} {asset}", f"  {side}  {against}{amount} {asset}"]
    return day, "\n".join([f"{day} {flag} {payee} {told}", *_worths(item), *lines]) + "\n", {own, side}


def _worths(item: Item) -> list[str]:
    """As beancount's metadata, each an amount."""
    unit = commodity(item.get("worth_in", ""))
    return [f"  {name}: {item[name]} {unit}" for name in ("worth_then", "worth_now") if item.get(name)]


def commodity(asset: object) -> str:
    """A name that beancount takes."""
    name = _NOT_COMMODITY.sub("", str(asset).upper())[:24]
    return name if _COMMODITY.fullmatch(name) else "X" + name[:22] + "X"


def _quoted(text: object) -> str:
    inner = visible(str(text)[:200]).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'
