"""What strangers send, as `tandem balance` and `tandem activity` say it: tokens on no list, and addresses that deceive.

The server's marks are its claims; whether an address passes for one that was paid from here is worked out here as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chain.address import Address
from chain.errors import AddressMalformed
from chain.look_alike import Payees
from wallet.cli.inert import inert
from wallet.contacts import addresses_of, contacts_of, sent_to
from wallet.state import Store
from wallet.texts import N_, _

LOOKS_ALIKE, UNLISTED = "looks-alike", "unlisted"
MARKS = {
    LOOKS_ALIKE: N_("looks like somebody you pay, and is not: never send there"),
    "nothing": N_("nothing moved"),
    UNLISTED: N_("token on no list"),
}

Item = Mapping[str, Any]


def payees_known(store: Store, chain_ids: set[int]) -> Payees:
    """Contacts, and whom one sent to from here on these chains."""
    named = addresses_of(contacts_of(store.read("contacts")))
    paid = {address for chain_id in chain_ids for address in sent_to(store.chain(chain_id).read("sent"))}
    return Payees.of(named | paid)


def marked(items: list[dict[str, Any]], store: Store) -> None:
    """Adds to each item's `marks` what is known here and was not said by the server."""
    chain_ids = {item["chain_id"] for item in items if isinstance(item["chain_id"], int)}
    payees = payees_known(store, chain_ids)
    for item in items:
        marks = item["marks"] if isinstance(item["marks"], list) else []
        item["marks"] = [mark for mark in MARKS if mark in marks or (mark == LOOKS_ALIKE and _deceives(item, payees))]


def odd(item: Item) -> str:
    """What is to be said about an item, in words."""
    return "; ".join(_(MARKS[mark]) for mark in item["marks"] or ())


def is_deceptive(item: Item) -> bool:
    """Its other side is not shown where it could be copied from."""
    return LOOKS_ALIKE in (item["marks"] or ())


def claim(position: Item) -> str:
    """What a token that is on no list is shown as: its address, and what it says of itself."""
    claimed = position["claimed"] if isinstance(position["claimed"], dict) else {}
    symbol, decimals = claimed.get("symbol"), claimed.get("decimals")
    told = _("calls itself “{symbol}”").format(symbol=inert(symbol, 20)) if symbol else _("its name is not shown")
    claims = _("{n} decimals as claimed").format(n=inert(decimals, 3)) if decimals is not None else _("no decimals")
    return f"{inert(position['contract'], 42)} ({told}, {claims})"


def _deceives(item: Item, payees: Payees) -> bool:
    other = item["counterparty"]
    try:
        return item["rail"] == "chain" and payees.is_imitated_by(Address(str((other or {}).get("address"))))
    except AddressMalformed:
        return False
