"""What screens ask our server: what `tandem balance` and `tandem activity` ask, checked in the same way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from wallet.cli.ask import check_positions, items_of
from wallet.cli.strangers import marked
from wallet.errors import ProofMissing, ServerRefused
from wallet.wallet import Wallet
from wallet.web.line import Point

ATTEMPTS_MAX = 3
AT_ONCE_MAX = 8

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Portfolio:
    """`document` as it came; its `positions` are what the operator signed. `is_restarted`: the chain was, just now."""

    document: Mapping[str, Any]
    positions: Sequence[Row]
    chains: Sequence[Row]
    is_restarted: bool


async def portfolio(wallet: Wallet, currency: str) -> Portfolio:
    """Raises ServerError, HeadRefused, ProofMissing. What is paid between the two questions changes the head."""
    await _enter(wallet)
    client = wallet.client
    for attempt in range(ATTEMPTS_MAX):
        document = await _get(wallet, f"/portfolio?{urlencode({'in': currency})}")
        positions = items_of(client.host, document, "positions")
        try:
            check_positions(client.host, positions, await client.head())
            break
        except ProofMissing:
            if attempt == ATTEMPTS_MAX - 1:
                raise
    chains = items_of(client.host, document, "chains")
    restarted = [_is_restarted(wallet, str(chain["chain_id"]), chain["generation"]) for chain in chains]
    return Portfolio(document, positions, chains, any(restarted))


async def _enter(wallet: Wallet) -> None:
    """The ledger first: one that was reset is a new one, at which there is no session to be refused."""
    await wallet.client.ledger()
    await wallet.ensure_session()


async def _get(wallet: Wallet, path: str) -> dict[str, Any]:
    """A session that the server has ended is begun anew, once."""
    try:
        return await wallet.client.get(path, session=True)
    except ServerRefused as refused:
        if refused.status != 401:
            raise
        await wallet.sign_in()
    return await wallet.client.get(path, session=True)


def _is_restarted(wallet: Wallet, name: str, generation: object) -> bool:
    """Has the server seen the chain restart since it was last asked? It is kept, so that it is told once."""
    folder = wallet.client.folder
    known = folder.read("generations").get(name)
    if isinstance(generation, int) and known != generation:
        folder.change("generations", lambda document: document.update({name: generation}))
    return known is not None and isinstance(generation, int) and known != generation


@dataclass(frozen=True, slots=True)
class History:
    """Newest first; `cursor` is where the next page begins, "" at the end."""

    items: Sequence[Row]
    cursor: str
    untraced_from: int | None


async def history(wallet: Wallet, currency: str, limit: int, cursor: str = "") -> History:
    """One page. What was on a chain that is gone says so as its state; what deceives is marked."""
    await _enter(wallet)
    client = wallet.client
    wanted = {"limit": str(limit), "in": currency} | ({"cursor": cursor} if cursor else {})
    document = await _get(wallet, f"/activity?{urlencode(wanted)}")
    items = items_of(client.host, document, "items")
    for item in items:
        if item["archived"] is True:
            item["state"] = "archived"
    marked(items, wallet.store)
    following, untraced = document.get("next_cursor"), document.get("untraced_from")
    return History(items, str(following) if items and following else "", untraced if type(untraced) is int else None)


async def price_lines(wallet: Wallet, assets: Sequence[str], currency: str, hours: int) -> dict[str, list[Point]]:
    """By asset, what one was worth; an asset without a feed has no line."""
    client, gate = wallet.client, asyncio.Semaphore(AT_ONCE_MAX)
    query = urlencode({"in": currency, "hours": hours, "points": 200})

    async def line(asset: str) -> list[Point]:
        async with gate:
            try:
                found = await client.get(f"/prices/{quote(asset, safe='')}/history?{query}", session=True)
            except ServerRefused:
                return []
        return [point for row in items_of(client.host, found, "points") if (point := Point.read(row)) is not None]

    return dict(zip(assets, await asyncio.gather(*map(line, assets)), strict=True))
