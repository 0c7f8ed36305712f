"""What Home shows, worked out of what the server said. Pure but for words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from markupsafe import escape

from fiat.money import decimal_text
from wallet.cli.ask import TOTALS, short_price
from wallet.cli.strangers import claim
from wallet.texts import N_, _
from wallet.web.amounts import fraction, minute, percent
from wallet.web.line import Line, Point, change_of
from wallet.web.views import Portfolio, Row

WAITING = {
    "frozen": N_("Your account is frozen: nothing leaves it until you unfreeze it."),
    "operator_holds": N_("The operator holds money of yours ({n}): see what for, and until when."),
    "pending_changes": N_("Changes of your account wait ({n}): you can still cancel them."),
}
ROWS_MAX = 12


def positions(found: Sequence[Row]) -> list[dict[str, Any]]:
    """Both kinds, the worthiest first; what is on no list comes last and counts for nothing."""
    values = [fraction(row["value"]) if row["counted"] is not False else None for row in found]
    whole = sum((value for value in values if value is not None), Fraction(0))
    ranked = sorted(zip(found, values, strict=True), key=lambda pair: (pair[1] is None, -(pair[1] or 0)))
    return [_position(row, value, whole) for row, value in ranked]


def _position(row: Row, value: Fraction | None, whole: Fraction) -> dict[str, Any]:
    is_stranger = row["claimed"] is not None
    return {
        "asset": claim(row) if is_stranger else str(row["asset"]),
        "mark": "?" if is_stranger else str(row["asset"])[:4],
        "rail": row["rail"],
        "where": _("at the server") if row["rail"] == "ledger" else _("chain {id}").format(id=row["chain_id"]),
        "amount": str(row["amount"]),
        "free": None if row["available"] in (None, row["amount"]) else str(row["available"]),
        "price": None if row["price"] is None else short_price(str(row["price"])),
        "is_stale": row["price_state"] == "stale",
        "price_at": row["price_at"],
        "value": row["value"] if value is not None else None,
        "unvalued": _("not counted") if is_stranger else _("no price"),
        "share": percent(value, whole) if value is not None else "",
        "change_id": "" if is_stranger else change_id(row),
    }


def remarks(view: Portfolio, backed_up: bool) -> list[dict[str, str]]:
    """What one should look at, with where; the gravest first."""
    found: list[dict[str, str]] = []
    waiting = view.document.get("waiting")
    for name, sentence in WAITING.items():
        count = waiting.get(name) if isinstance(waiting, dict) else None
        if isinstance(count, int) and count > 0:
            found.append({"text": _(sentence).format(n=int(count)), "path": "/security", "kind": "bad"})
    if not backed_up:
        text = _("Not backed up: if this machine is lost, everything is. Write your recovery phrase down.")
        found.append({"text": text, "path": "/security", "kind": "warn"})
    if (remark := TOTALS.get(str(view.document.get("total_state")))) is not None:
        found.append({"text": _(remark), "path": "", "kind": "warn"})
    for chain in view.chains:
        if chain["state"] != "current":
            text = _("Chain {id} does not answer: its amounts are not current.").format(id=str(chain["chain_id"])[:20])
            found.append({"text": text, "path": "", "kind": "warn"})
    return found


def amounts_of(found: Sequence[Row]) -> dict[str, Fraction]:
    """What one holds of each listed asset, over both rails."""
    held: dict[str, Fraction] = {}
    for row in found:
        if row["claimed"] is None and (amount := fraction(row["amount"])) is not None:
            held[str(row["asset"])] = held.get(str(row["asset"]), Fraction(0)) + amount
    return held


def price_changes(found: Sequence[Row], lines: Mapping[str, Sequence[Point]]) -> list[dict[str, Any]]:
    """How far the price of each position moved, by the id of its place in the list."""
    rows = []
    for row in found:
        ends = change_of(lines.get(str(row["asset"]), ())) if row["claimed"] is None else None
        if ends is not None:
            text = percent(ends[1] - ends[0], ends[0], signed=True)
            rows.append({"id": change_id(row), "text": text, "is_up": ends[1] >= ends[0]})
    return rows


def change_id(row: Row) -> str:
    """An element's id; the letters of an asset's name alone."""
    return f"change-{row['rail']}-" + "".join(c for c in str(row["asset"]) if c.isascii() and c.isalnum())


def line_told(line: Line, currency: str) -> dict[str, Any]:
    """The line as JSON for the chart, as a sentence, and as a table of a few moments."""
    texts = line.texts()
    numbers = ",".join("null" if text is None else text for text in texts)  # plain decimals are JSON numbers
    label = json.dumps(_("Total"))
    points = f'{{"times":[{",".join(map(str, line.times))}],"values":[{numbers}],"unit":"{currency}","label":{label}}}'
    step = max(1, len(texts) // ROWS_MAX)
    table = [{"at": minute(at), "amount": text} for at, text in list(zip(line.times, texts, strict=True))[::step]]
    if (ends := line.ends) is None:
        return {"points": escape(points), "table": table, "change": "", "percent": "", "is_up": True}
    change = ends[1] - ends[0]
    sign = "−" if change < 0 else "+"
    return {
        "points": escape(points),
        "table": table,
        "change": sign + decimal_text(abs(change), line.exponent),
        "percent": percent(Fraction(change), Fraction(ends[0]), signed=True),
        "is_up": change >= 0,
    }
