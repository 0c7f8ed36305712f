"""Events: who is told what when grants and chains change, by comparing what each client saw with what it sees. Pure.

Nobody hears of another's accounts or chain, since nobody's view holds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wallet.permissions import Grants, Seen, seen
from wallet.rpc import Code


@dataclass(frozen=True, slots=True)
class Event:
    """As EIP-1193 names it, with what its listener gets."""

    name: str
    data: Any


def connected(view: Seen) -> Event:
    """First of all, to who has just come."""
    return Event("connect", {"chainId": view.chain_hex})


def disconnected(message: str) -> Event:
    """The client ends, or its nodes are gone."""
    return Event("disconnect", {"code": int(Code.DISCONNECTED), "message": message})


def subscribed(subscription: str, result: Any) -> Event:
    """What eth_subscribe asked for."""
    return Event("message", {"type": "eth_subscription", "data": {"subscription": subscription, "result": result}})


def between(before: Seen, after: Seen) -> list[Event]:
    """What one client is told. The chain comes first, so that a page reads accounts on the right one."""
    events = []
    if before.chain_id != after.chain_id:
        events += [Event("chainChanged", after.chain_hex), Event("networkChanged", str(after.chain_id))]
    if before.accounts != after.accounts:
        events.append(Event("accountsChanged", list(after.accounts)))
    return events


def to_whom(
    before: Grants, after: Grants, keys: Iterable[str], default_before: int, default_after: int
) -> Mapping[str, list[Event]]:
    """By client key, those who are told anything. `default` is the chain of who has no grant."""
    changes = {key: between(seen(before, key, default_before), seen(after, key, default_after)) for key in set(keys)}
    return {key: events for key, events in changes.items() if events}
