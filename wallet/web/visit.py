"""What a screen is given and what it answers: the contract between the web server and its screens.

A screen is a module with `ROUTES`. A handler takes a Visit and returns a Page, a Go, a Document or Same; what it raises
of WalletError, ChainError and FiatError is worded by the same tables as on the command line, and shown in the page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from wallet.cli.register import happened
from wallet.config import Config
from wallet.dapp_aftermath import Aftermath
from wallet.dapp_extension import Pairing
from wallet.dapp_host import Host
from wallet.desk import Desk
from wallet.errors import InputMalformed, PasswordNeeded, SignerLocked, StateBusy
from wallet.signing import Signer
from wallet.state import Store
from wallet.wallet import Wallet
from wallet.web.sessions import Session
from wallet.web.taste import Taste

TURN_SECONDS = 30
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Place:
    """The running client, as every screen finds it."""

    host: Host
    aftermath: Aftermath
    pairing: Pairing
    hang_up: Callable[[str], Awaitable[None]]
    """Closes the connection of an extension whose token is gone."""
    dapp_port: int

    @property
    def config(self) -> Config:
        return self.host.config

    @property
    def store(self) -> Store:
        return self.host.store

    @property
    def signer(self) -> Signer:
        return self.host.signer

    @property
    def desk(self) -> Desk:
        return self.host.desk


@dataclass(frozen=True, slots=True)
class Page:
    """A template with its values; `title` is translated already. A fragment has none, and is put into a page."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    status: int = 200


@dataclass(frozen=True, slots=True)
class Go:
    """On to another page of ours."""

    path: str


@dataclass(frozen=True, slots=True)
class Document:
    """A file for the person to keep."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Same:
    """What the page shows already; it stays as it is."""


Answer = Page | Go | Document | Same


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a page that was let in. `parts` are the path's, `form` was sent to change something; `many` has
    every value of fields that come more than once."""

    place: Place
    session: Session
    taste: Taste
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    parts: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    is_fragment: bool = False
    notices: list[str] = field(default_factory=list)
    """What is to be told above the page: things that happened by themselves."""

    def asked(self, name: str, length_max: int = 200) -> str:
        """A field of the query, "" where it is missing. Raises InputMalformed."""
        return _bounded(name, self.query.get(name, ""), length_max)

    def given(self, name: str, length_max: int = 200) -> str:
        """A field of the form, without blanks around it. Raises InputMalformed."""
        return _bounded(name, self.form.get(name, "").strip(), length_max)

    @property
    def password(self) -> str:
        """As it was typed. On its way to the signer; nothing keeps it."""
        return self.form.get("password", "")

    @asynccontextmanager
    async def wallet(self) -> AsyncIterator[Wallet]:
        """The wallet over the running client's signer. It asks nobody: a password that is needed is in the form.

        Raises SignerLocked where the keys are locked, PasswordNeeded where the policy wants the password.
        """

        def locked() -> str:
            raise SignerLocked

        def beyond(needed: PasswordNeeded) -> str:
            if not self.password:
                raise needed
            return self.password

        async with Wallet(self.place.config, self.place.store, locked, beyond) as wallet:
            try:
                yield wallet
            finally:
                self.notices.extend(said for said in happened(wallet) if said not in self.notices)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One command at a time moves money, and this one waits without holding up the others. Raises StateBusy."""
        async with AsyncExitStack() as stack:
            deadline = asyncio.get_running_loop().time() + TURN_SECONDS
            while True:
                try:
                    stack.enter_context(self.place.store.one_command(0))
                    break
                except StateBusy:
                    if asyncio.get_running_loop().time() > deadline:
                        raise
                    await asyncio.sleep(_POLL_SECONDS)
            yield


def _bounded(name: str, text: str, length_max: int) -> str:
    if len(text) > length_max:
        raise InputMalformed(name, text[:40], "it is too long")
    return text


Handler = Callable[[Visit], Awaitable[Answer]]


class Route(NamedTuple):
    """`path` as aiohttp writes it (`/activity/{id}`)."""

    method: str
    path: str
    handler: Handler


class Screen(NamedTuple):
    """A place in the navigation. `name` is the catalogue's, `icon` a symbol of icons.svg."""

    path: str
    name: str
    icon: str


def get(path: str, handler: Handler) -> Route:
    return Route("GET", path, handler)


def post(path: str, handler: Handler) -> Route:
    """A change: only with the header that our own pages send."""
    return Route("POST", path, handler)
