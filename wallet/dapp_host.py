"""The house behind the door: who is connected, what they were granted, which chain they are on, and who is told.

Every change of a grant or a chain goes through `Host.change`: files first, then events to those concerned, then
prompts that lost their ground.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from chain.address import Address
from wallet.approvals import SETTLE_SECONDS
from wallet.asking import Client, ClientKind
from wallet.config import Config
from wallet.contacts import addresses_of, contacts_of
from wallet.dapp_chains import Chains
from wallet.dapp_policy import Judge
from wallet.dapp_prices import prices_in
from wallet.desk import Desk
from wallet.errors import RpcRefused, SignerLost
from wallet.grants import GrantBook
from wallet.happenings import Event, to_whom
from wallet.permissions import Grant, Grants, Seen, permitted, seen, with_grant, without
from wallet.process_table import is_alive
from wallet.purse import DESCRIPTORS, TOKENS, Purse
from wallet.review import Known
from wallet.rpc import Code
from wallet.signing import Signer
from wallet.state import Store
from wallet.uses import Uses


class Ears(Protocol):
    """Something that hears events: a WebSocket, or a port of the extension."""

    def tell(self, event: Event) -> None:
        """Never waits; what nobody reads is dropped by whoever hears."""


@dataclass(eq=False, slots=True)
class Session:
    """One connection of one client. `subscriptions` end with it; `named` are those of wallet events, by number.

    Without `ears` (HTTP) nothing comes unasked.
    """

    client: Client
    ears: Ears | None = None
    subscriptions: dict[str, Callable[[], None]] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)


class Host:
    """What every method needs. Made once by `tandem up`."""

    def __init__(self, config: Config, store: Store, signer: Signer, settle_seconds: float = SETTLE_SECONDS) -> None:
        self.config, self.store, self.signer = config, store, signer
        self.chains = Chains(config, store)
        self.book = GrantBook(store)
        self.uses = Uses(store)
        judge = Judge(signer, lambda currency: prices_in(currency, config, store), config.server_host)
        self.desk = Desk(self.view, judge, settle_seconds=settle_seconds)
        self._sessions: dict[str, set[Session]] = {}
        self._processes: dict[str, Client] = {}

    # Who sees what

    def view(self, key: str) -> Seen:
        return seen(self.book.grants, key, self.chains.default)

    def grant(self, client: Client) -> Grant:
        """Raises RpcRefused (UNAUTHORISED)."""
        return permitted(self.book.grants, client.key)

    def chain_of(self, client: Client) -> int:
        return self.view(client.key).chain_id

    def used(self, key: str) -> None:
        """It asks for something; when, is kept of those that were granted something."""
        if key in self.book.grants:
            self.uses.touch(key, int(time.time()))

    def is_here(self, key: str) -> bool:
        """Is a connection of that client open?"""
        return key in self._sessions

    async def own_accounts(self) -> tuple[Address, ...]:
        """Raises RpcRefused (UNAVAILABLE) where there is no wallet yet, or its process is gone."""
        try:
            accounts = (await self.signer.status()).accounts
        except SignerLost:
            accounts = ()
        if not accounts:
            raise RpcRefused(Code.UNAVAILABLE, "There is no wallet yet.", None)
        return accounts

    async def known(self, chain_id: int) -> Known:
        """What the person's own files say, for reviews."""
        network = self.chains.network(chain_id)
        names = {network.chain_id: network.name for network in self.chains.known.values()}
        own = frozenset(await self.own_accounts())
        met = Purse(network, self.store).met() | addresses_of(contacts_of(self.store.read("contacts")))
        return Known(TOKENS, own, met, names, descriptors=DESCRIPTORS)

    # Changes

    def change(self, grants: Grants) -> None:
        """Keeps them, tells those concerned, and lets die what stood on the old ones."""
        before, default = self.book.grants, self.chains.default
        self.book.replace(grants)
        self._tell(before, default)

    def connect(self, client: Client, accounts: tuple[Address, ...], chain_id: int) -> Grant:
        """A grant from now on; a process's ends with it."""
        grant = Grant(client.key, accounts, chain_id, int(time.time()))
        if client.kind is ClientKind.PROCESS:
            self._processes[client.key] = client
        self.change(with_grant(self.book.grants, grant))
        return grant

    def disconnect(self, key: str) -> None:
        if key in self.book.grants:
            self.change(without(self.book.grants, key))

    def revoke(self, key: str) -> None:
        """Grant, program and extension of that key: whatever there is."""
        before = self.book.grants
        self.book.revoke(key)
        self._tell(before, self.chains.default)

    def switch(self, client: Client, chain_id: int) -> None:
        grant = self.book.grants.get(client.key)
        if grant is not None and grant.chain_id != chain_id:
            self.change(with_grant(self.book.grants, grant.on_chain(chain_id)))

    def reread(self) -> None:
        """Another command changed the files: networks, grants, programs."""
        before, default = self.book.grants, self.chains.default
        self.chains.refresh()
        self.book.read()
        self._tell(before, default)

    def stamp(self) -> tuple[int, ...]:
        """Changes when one of the files does that others write too."""
        return tuple(self.store.stamp(name) for name in ("networks", "grants"))

    def sweep(self) -> None:
        """Grants of processes that have ended go; what was used is kept."""
        gone = [key for key, client in self._processes.items() if client.process and not is_alive(client.process)]
        for key in gone:
            del self._processes[key]
        grants = {key: grant for key, grant in self.book.grants.items() if key not in gone}
        if len(grants) != len(self.book.grants):
            self.change(grants)
        self.uses.keep(self.book.grants)

    def clients(self) -> dict[str, Client]:
        """Processes that were granted something, by key."""
        return dict(self._processes)

    def _tell(self, before: Grants, default: int) -> None:
        heard = to_whom(before, self.book.grants, self._sessions, default, self.chains.default)
        for key, events in heard.items():
            for event in events:
                self.tell(key, event)
        self.desk.recheck()

    # Sessions

    def enter(self, session: Session) -> None:
        self._sessions.setdefault(session.client.key, set()).add(session)

    def leave(self, session: Session) -> None:
        """Its subscriptions end."""
        for end in session.subscriptions.values():
            end()
        session.subscriptions.clear()
        there = self._sessions.get(session.client.key, set())
        there.discard(session)
        if not there:
            self._sessions.pop(session.client.key, None)

    def tell(self, key: str, event: Event) -> None:
        for session in tuple(self._sessions.get(key, ())):
            if session.ears is not None:
                session.ears.tell(event)

    def tell_all(self, event: Event) -> None:
        for key in tuple(self._sessions):
            self.tell(key, event)

    async def close(self) -> None:
        self.desk.close()
        await self.chains.close()
