"""Networks: which chain the person is on and which node answers for it. TANDEM_RPC goes before what is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wallet.config import Config, is_loopback, read_url
from wallet.errors import InputMalformed, SettingRefused
from wallet.state import Document, Store

DEVNET_ID = 31337
_ID = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
_NAME = re.compile(r"[\w][\w .-]{0,39}")


@dataclass(frozen=True, slots=True)
class Network:
    """`url` is the JSON-RPC endpoint; `relayed` says it is our server's, which then sees what is asked. `second` is
    another node's, which is asked the same where something is about to be signed."""

    chain_id: int
    name: str
    url: str
    relayed: bool
    is_current: bool = False
    second: str | None = None

    @property
    def is_local(self) -> bool:
        return is_loopback(self.url)


def networks(config: Config, store: Store) -> list[Network]:
    """Every network known, the current one marked."""
    kept = store.read("networks")
    current = kept.get("current", DEVNET_ID)
    named: Document = {str(DEVNET_ID): {"name": "Devnet"}, **kept.get("networks", {})}
    return [_network(config, int(key), entry, int(key) == current) for key, entry in named.items()]


def current_network(config: Config, store: Store) -> Network:
    return next(network for network in networks(config, store) if network.is_current)


def add_network(config: Config, store: Store, chain_id: str, name: str, url: str) -> Network:
    """Raises InputMalformed."""
    if not _ID.fullmatch(chain_id):
        raise InputMalformed("network-id", chain_id[:40], "a chain id is a number")
    if not _NAME.fullmatch(name):
        raise InputMalformed("network-name", name[:40], "up to 40 letters and digits")
    address = _url(url)

    def edit(document: Document) -> None:
        known = document.setdefault("networks", {})
        if known.get(chain_id, {}).get("url"):
            raise InputMalformed("network-id", chain_id, "it is there already")
        known[chain_id] = {**known.get(chain_id, {}), "name": name, "url": address}

    store.change("networks", edit)
    return _network(config, int(chain_id), {"name": name, "url": address}, False)


def set_second(config: Config, store: Store, chain_id: str, url: str | None) -> Network:
    """Another node that cross-checks a network, None for none. Raises InputMalformed."""
    known = _known(config, store, chain_id)
    address = None if url is None else _url(url)
    if address == known.url:
        raise InputMalformed("network-url", address[:100], "it is the first node already")

    def edit(document: Document) -> None:
        entry = document.setdefault("networks", {}).setdefault(chain_id, {"name": known.name})
        entry.update(second=address)

    store.change("networks", edit)
    return _known(config, store, chain_id)


def use_network(config: Config, store: Store, chain_id: str) -> Network:
    """Raises InputMalformed for one that is not known."""
    _known(config, store, chain_id)
    store.change("networks", lambda document: document.update(current=int(chain_id)))
    return next(network for network in networks(config, store) if network.is_current)


def _known(config: Config, store: Store, chain_id: str) -> Network:
    known = {str(network.chain_id): network for network in networks(config, store)}
    if chain_id not in known:
        raise InputMalformed("network", chain_id[:40], "`tandem networks` lists those that are known")
    return known[chain_id]


def _url(url: str) -> str:
    try:
        return read_url("url", url)
    except SettingRefused as refused:
        raise InputMalformed("network-url", url[:100], refused.reason) from None


def _network(config: Config, chain_id: int, entry: Document, is_current: bool) -> Network:
    relay = f"{config.server}/v1/rpc/{chain_id}"
    own = (config.rpc if is_current else None) or entry.get("url")
    name, second = str(entry.get("name", chain_id)), entry.get("second")
    return Network(chain_id, name, own or relay, own is None, is_current, second)
