"""Security: the lock, accounts and names, what is only watched, networks and whose nodes they are, the receipts check.

What the server knows (freeze, limits, keys) comes by itself afterwards (wallet.web.controls); this page stands without.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from chain.address import Address
from fiat.currency import ISO_4217
from wallet.cli.accounts import derived, drop_watched, keep_watched, whose
from wallet.cli.audit import own_receipts
from wallet.cli.own import accounts_kept, names_taken, own_account
from wallet.cli.running import Run
from wallet.errors import WalletError
from wallet.names import new_name
from wallet.networks import Network, add_network, current_network, networks, set_second, use_network
from wallet.signing import IDLE_SECONDS
from wallet.texts import _
from wallet.web.visit import Answer, Go, Page, Visit, get, post

PLACE = "/security"
FINDINGS_MAX = 20


async def security(visit: Visit) -> Answer:
    kept = visit.place.store.read("vault")
    values: dict[str, Any] = {
        "idle_minutes": IDLE_SECONDS // 60,
        "backed_up": bool(kept.get("backed_up")),
        "accounts": _accounts(visit),
        "watched": [
            {"address": address, "name": entry.get("name", "")}
            for address, entry in visit.place.store.read("watched").items()
        ],
        "networks": [_network(visit, one) for one in networks(visit.place.config, visit.place.store)],
        "is_overridden": visit.place.config.rpc is not None,
        "server": visit.place.config.server,
        "currencies": sorted(ISO_4217),
    }
    return Page("security.html", values, _("Security"))


async def add_account(visit: Visit) -> Answer:
    """The next one of the phrase, or the one at a path. Raises InputMalformed, NameTaken, VaultFull, AccountKnown."""
    run = _run(visit)
    async with visit.wallet() as wallet:
        await derived(run, wallet, visit.given("path", 100), 0, visit.given("name"))
    return Go(PLACE)


async def rename(visit: Visit) -> Answer:
    """Without a name it has none. Raises AccountUnknown, NameTaken, InputMalformed."""
    run = _run(visit)
    found, name = own_account(run, visit.given("account")), visit.given("name")
    if name:
        new_name(name, [other for other in names_taken(run) if other != found.name])
    await visit.place.signer.edit_account(found.address, name=name)
    return Go(PLACE)


async def watch(visit: Visit) -> Answer:
    """An address without any key. Raises AddressMalformed, AccountKnown, NameTaken."""
    keep_watched(_run(visit), Address(visit.given("address")), visit.given("name"))
    return Go(PLACE)


async def unwatch(visit: Visit) -> Answer:
    drop_watched(_run(visit), Address(visit.given("address")))
    return Go(PLACE)


async def new_network(visit: Visit) -> Answer:
    """Raises InputMalformed."""
    given = [visit.given(name, 300) for name in ("id", "name", "url")]
    add_network(visit.place.config, visit.place.store, *given)
    return Go(PLACE)


async def work_on(visit: Visit) -> Answer:
    use_network(visit.place.config, visit.place.store, visit.given("id"))
    return Go(PLACE)


async def cross_check(visit: Visit) -> Answer:
    """Another node for a network, or none."""
    set_second(visit.place.config, visit.place.store, visit.given("id"), visit.given("url", 300) or None)
    return Go(PLACE)


async def receipts(visit: Visit) -> Answer:
    """Everything that is kept of the ledger, against itself and against what it says now."""
    async with visit.wallet() as wallet:  # the check asks with the session that is kept
        with contextlib.suppress(WalletError):  # without one it compares what is kept here, and says so
            await wallet.ensure_session()
    found, _show = await asyncio.to_thread(own_receipts, _run(visit))
    return Page("security_receipts.html", {"found": found, "shown_max": FINDINGS_MAX})


def _run(visit: Visit) -> Run:
    return Run(visit.place.config, True)


def _accounts(visit: Visit) -> list[dict[str, Any]]:
    kept = accounts_kept(_run(visit))
    several = any(account.phrase for account in kept)
    rows = []
    for number, account in enumerate(kept):
        told = {**account.to_json(), "imported": account.is_imported, "watched": False}
        row = {"address": str(account.address), "name": account.name, "number": number}
        rows.append(row | {"whose": whose(told, several)})
    return rows


def _network(visit: Visit, one: Network) -> dict[str, Any]:
    """Whose node it is decides who sees what is asked, and who could lie about it."""
    owner = _("your server's relay: it sees what you ask") if one.relayed else _("a node that you chose")
    if not one.relayed and one.is_local:
        owner = _("a node on this machine")
    return {
        "id": one.chain_id,
        "name": one.name,
        "url": one.url,
        "owner": owner,
        "second": one.second or "",
        "is_current": one.chain_id == current_network(visit.place.config, visit.place.store).chain_id,
    }


ROUTES = (
    get(PLACE, security),
    post("/security/accounts", add_account),
    post("/security/rename", rename),
    post("/security/watch", watch),
    post("/security/unwatch", unwatch),
    post("/security/networks", new_network),
    post("/security/network", work_on),
    post("/security/second", cross_check),
    post("/security/receipts", receipts),
)
