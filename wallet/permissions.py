"""Grants: which accounts a client may see and use, and the chain it is on; told as EIP-2255 tells permissions. Pure.

A grant belongs to a client's key, which for a page is its full origin (scheme, host and port). A client without a grant
sees no account. Each has an active chain of its own, from its grant on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chain.address import Address
from wallet.errors import AccountUnknown, RpcRefused
from wallet.rpc import Code, Params, bad_params, positional

ACCOUNTS = "eth_accounts"
CHAINS = "endowment:permitted-chains"
GRANTS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Grant:
    """`granted_at` in Unix seconds."""

    key: str
    accounts: tuple[Address, ...]
    chain_id: int
    granted_at: int

    def to_json(self) -> dict[str, Any]:
        return {"accounts": list(self.accounts), "chain_id": self.chain_id, "granted_at": self.granted_at}

    @classmethod
    def from_json(cls, key: str, document: Mapping[str, Any]) -> Grant:
        accounts = tuple(Address(account) for account in document["accounts"])
        return cls(key, accounts, int(document["chain_id"]), int(document["granted_at"]))

    def on_chain(self, chain_id: int) -> Grant:
        return replace(self, chain_id=chain_id)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client sees of the wallet: lower-case accounts (pages compare them as text), and its chain."""

    accounts: tuple[str, ...]
    chain_id: int

    @property
    def chain_hex(self) -> str:
        return hex(self.chain_id)


Grants = Mapping[str, Grant]


def seen(grants: Grants, key: str, default_chain: int) -> Seen:
    """Nothing but the chain that everybody begins on, where there is no grant."""
    grant = grants.get(key)
    if grant is None:
        return Seen((), default_chain)
    return Seen(tuple(account.lower() for account in grant.accounts), grant.chain_id)


def with_grant(grants: Grants, grant: Grant) -> dict[str, Grant]:
    """Another one for the same key is replaced; beyond the most that are kept, the oldest goes."""
    kept = {key: one for key, one in grants.items() if key != grant.key}
    while len(kept) >= GRANTS_MAX:
        del kept[min(kept, key=lambda key: kept[key].granted_at)]
    return {**kept, grant.key: grant}


def without(grants: Grants, key: str) -> dict[str, Grant]:
    return {one: grant for one, grant in grants.items() if one != key}


def permitted(grants: Grants, key: str) -> Grant:
    """Raises RpcRefused (UNAUTHORISED), before anybody is asked."""
    if key not in grants:
        raise RpcRefused(Code.UNAUTHORISED, "Not connected: eth_requestAccounts asks the person first.", None)
    return grants[key]


def permitted_account(grant: Grant, account: Address | None) -> Address:
    """The account if it is granted, the first granted one if none is named. Raises RpcRefused (UNAUTHORISED)."""
    if account is None:
        return grant.accounts[0]
    if account not in grant.accounts:
        raise RpcRefused(Code.UNAUTHORISED, "The account is not one that was granted.", None)
    return account


def in_order(own: Sequence[Address], chosen: Sequence[Address]) -> tuple[Address, ...]:
    """Those that were chosen, in the person's order. Raises AccountUnknown."""
    for account in chosen:
        if account not in own:
            raise AccountUnknown(account)
    return tuple(account for account in own if account in chosen)


def told(grants: Grants, key: str, invoker: str) -> list[dict[str, Any]]:
    """EIP-2255's array of permissions."""
    grant = grants.get(key)
    if grant is None:
        return []
    value = [account.lower() for account in grant.accounts]
    caveat = {"type": "restrictReturnedAccounts", "value": value}
    date = grant.granted_at * 1000
    return [{"invoker": invoker, "parentCapability": ACCOUNTS, "date": date, "caveats": [caveat]}]


def read_requested(params: Params) -> None:
    """`[{"eth_accounts": {}}]`, of wallet_requestPermissions and wallet_revokePermissions. Raises RpcRefused."""
    (requested,) = positional(params, 1, 1)
    if not isinstance(requested, dict) or not requested:
        raise bad_params("params[0]: an object of permissions is expected")
    for name, caveats in requested.items():
        if name not in (ACCOUNTS, CHAINS):
            raise bad_params("params[0]: eth_accounts is the permission that there is")
        if not isinstance(caveats, dict):
            raise bad_params(f"params[0].{name}: an object is expected")
    if ACCOUNTS not in requested:
        raise bad_params("params[0]: eth_accounts is expected")
