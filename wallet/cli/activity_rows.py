"""A row of the history, as `tandem activity` prints it. Items are the server's; what they lack reads as None."""

from __future__ import annotations

from typing import Any

from wallet.cli.strangers import is_deceptive, odd
from wallet.texts import N_, _

ZERO_ADDRESS = "0x" + 40 * "0"
KINDS = {
    "transfer": N_("transfer"),
    "topup": N_("top-up"),
    "withdrawal": N_("withdrawal"),
    "withdrawal_return": N_("withdrawal returned"),
    "fee": N_("fee"),
    "conversion": N_("conversion"),
    "hold": N_("hold"),
    "capture": N_("taken from a hold"),
    "release": N_("hold released"),
    "expiry": N_("hold ended"),
    "mandate": N_("mandate"),
    "collection": N_("collection"),
    "operator": N_("by the operator"),
    "chain_transfer": N_("on the chain"),
}
STATES = {
    "pending": N_("pending"),
    "done": N_("done"),
    "accepted": N_("accepted"),
    "paid": N_("paid"),
    "returned": N_("returned"),
    "failed": N_("failed"),
    "reserved": N_("reserved"),
    "released": N_("released"),
    "expired": N_("expired"),
    "archived": N_("of an earlier chain"),
}
UNMOVED = {"hold", "release", "expiry", "mandate"}
HELD = {"reserved", "released"}

Item = dict[str, Any]


def row(item: Item) -> tuple[str, ...]:
    return (
        str(item["at"])[:19].replace("T", " "),
        _(KINDS.get(item["kind"]) or str(item["kind"])),
        f"{_sign(item)}{item['amount']} {item['asset']}",
        other_side(item),
        _(STATES.get(item["state"]) or str(item["state"])),
        odd(item) or item["memo"] or "",
    )


def _sign(item: Item) -> str:
    """What is only reserved, freed or agreed has moved nothing."""
    unmoved = item["kind"] in UNMOVED or item["state"] in HELD
    return "" if unmoved else "-" if item["direction"] == "out" else "+"


def other_side(item: Item) -> str:
    """Handle, destination or address; not an address that passes for a payee's."""
    received = item["received"]
    if isinstance(received, dict):
        return f"+{received.get('amount')} {received.get('asset')}"
    other = item["counterparty"] or {}
    if other.get("address") == ZERO_ADDRESS:
        return _("(minted)")
    if is_deceptive(item):  # never where it could be copied from
        return _("(an address that deceives)")
    handle = other.get("handle")
    return f"@{handle}" if handle else str(other.get("label") or other.get("address") or "")
