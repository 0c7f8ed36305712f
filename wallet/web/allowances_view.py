"""Allowances as rows, the most at risk first. Pure but for words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from wallet.allowances import Allowance
from wallet.export import worth
from wallet.texts import _
from wallet.web.amounts import fraction, minute

KINDS = ("allowance", "collection", "permit2")


def rows(
    found: Sequence[Allowance],
    *,
    prices: Mapping[str, str],
    exponent: int,
    names: Mapping[str, str],
) -> list[dict[str, Any]]:
    """`prices` by asset in the currency whose decimals are `exponent`; `names` of one's own accounts and contacts."""
    told = [_row(one, prices, exponent, names) for one in found]
    return sorted(told, key=lambda row: (-(fraction(row["value"]) or Fraction(0)), not row["is_boundless"]))


def kind_of(one: Allowance) -> str:
    if one.given.via is not None:
        return "permit2"
    return "collection" if one.units is None else "allowance"


def _row(one: Allowance, prices: Mapping[str, str], exponent: int, names: Mapping[str, str]) -> dict[str, Any]:
    symbol = one.listed.symbol if one.listed else ""
    value = worth({"asset": symbol, "amount": one.at_risk}, prices, exponent) if one.at_risk else ""
    return {
        "asset": symbol or _("not in your list"),
        "token": str(one.given.token),
        "spender": str(one.given.spender),
        "spender_name": names.get(str(one.given.spender), ""),
        "owner": str(one.owner),
        "owner_name": names.get(str(one.owner), ""),
        "kind": kind_of(one),
        "is_boundless": one.is_boundless or one.units is None,
        "much": _much(one, symbol),
        "ends": minute(min(one.ends, 2**35)) if one.ends is not None else "",
        "at_risk": f"{one.at_risk} {symbol}" if one.at_risk else "",
        "value": value,
    }


def _much(one: Allowance, symbol: str) -> str:
    if one.units is None:
        return _("every piece of the collection")
    if one.is_boundless:
        return _("without a limit")
    return f"{one.shown} {symbol}" if one.shown else _("{units} of the smallest unit").format(units=one.units)
