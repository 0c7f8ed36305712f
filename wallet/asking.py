"""Who is asking at the door: an HTTP request's own marks become a client, or it is not let in. Pure.

The rules are those of incidents I-1 to I-5: an exact Host ends DNS rebinding, an exact Origin and JSON alone end form
posts and WebSocket hijacks, and what a browser sends is never taken for a program. Nobody is let in by a cookie, by a
member of the body, or because it comes from this machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from wallet.errors import CallerRefused, InputMalformed

EXTENSION_PATH = "/extension"
PROGRAM_PATH = "/p/"
FORBIDDEN, NOT_FOUND, METHOD_WRONG, MEDIA_WRONG = 403, 404, 405, 415
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}", re.ASCII)
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = rf"{_LABEL}(\.{_LABEL})*\.?|\[[0-9a-f:.]{{2,45}}\]"
_PAGE = re.compile(rf"(?P<scheme>https?)://(?P<host>{_HOST})(:(?P<port>[1-9][0-9]{{0,4}}))?", re.ASCII)
_EXTENSION = re.compile(
    r"chrome-extension://[a-p]{32}|moz-extension://[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_JSON = re.compile(r"application/json([ \t]*;[ \t]*charset=\"?utf-8\"?)?", re.ASCII | re.IGNORECASE)


class Transport(StrEnum):
    HTTP = "http"
    WEBSOCKET = "ws"


class ClientKind(StrEnum):
    """A page by its origin, a program by its path, a process by its id, an extension by origin and token."""

    PAGE = "page"
    PROGRAM = "program"
    PROCESS = "process"
    EXTENSION = "extension"


@dataclass(frozen=True, slots=True)
class Process:
    """A process of this user. `started` (ticks since boot) tells it from a later one of the same id."""

    pid: int
    started: int
    name: str
    executable: str

    def to_json(self) -> dict[str, Any]:
        return {"pid": self.pid, "name": self.name, "executable": self.executable}


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks. `name` is the page's or extension's origin, or the program's name; a process has only itself."""

    kind: ClientKind
    name: str = ""
    process: Process | None = None

    @property
    def key(self) -> str:
        """What grants, chains and prompts are kept under: a page's is its full origin."""
        match self.kind:
            case ClientKind.PAGE | ClientKind.EXTENSION:
                return self.name
            case ClientKind.PROGRAM:
                return f"program:{self.name}"
            case _:
                assert self.process is not None
                return f"process:{self.process.pid}:{self.process.started}"

    def to_json(self) -> dict[str, Any]:
        """For prompts: `process` is there for programs alone."""
        document: dict[str, Any] = {"kind": self.kind, "name": self.name or (self.process.name if self.process else "")}
        return document | ({"process": self.process.to_json()} if self.process else {})


@dataclass(frozen=True, slots=True)
class Envelope:
    """The marks of one HTTP request or WebSocket handshake; each header with every value that came.

    `peer_is_us`: the process at the other end runs as our user, as far as the system tells.
    """

    transport: Transport
    method: str
    path: str
    hosts: tuple[str, ...]
    origins: tuple[str, ...] = ()
    content_types: tuple[str, ...] = ()
    fetch_sites: tuple[str, ...] = ()
    peer_is_us: bool = True


@dataclass(frozen=True, slots=True)
class House:
    """What this door answers to: its port, and the programs that have a path."""

    port: int
    programs: frozenset[str] = field(default_factory=frozenset)

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]"))


def exact_host(asked: Envelope, house: House) -> None:
    """One Host, one of three spellings (I-1, I-2, I-3)."""
    if len(asked.hosts) != 1 or asked.hosts[0] not in house.hosts:
        raise CallerRefused(FORBIDDEN, "host")


def peer_of_ours(asked: Envelope, _house: House) -> None:
    """Other users of this machine have wallets of their own."""
    if not asked.peer_is_us:
        raise CallerRefused(FORBIDDEN, "peer")


def one_origin(asked: Envelope, _house: House) -> None:
    """At most one, spelt as a browser spells it; `null` is nobody (I-4)."""
    if len(asked.origins) > 1 or not all(is_page_origin(o) or is_extension_origin(o) for o in asked.origins):
        raise CallerRefused(FORBIDDEN, "origin")


def origin_of_a_browser(asked: Envelope, _house: House) -> None:
    """A browser's request without an Origin (navigation, image, form of old) is not a program's."""
    if not asked.origins and any(site != "none" for site in asked.fetch_sites):
        raise CallerRefused(FORBIDDEN, "origin-missing")


def own_path(asked: Envelope, house: House) -> None:
    """Pages and processes at `/`, a program at its own path and without Origin, an extension at its own."""
    by_extension = bool(asked.origins) and is_extension_origin(asked.origins[0])
    if asked.path == EXTENSION_PATH:
        if not by_extension or asked.transport is not Transport.WEBSOCKET:
            raise CallerRefused(FORBIDDEN, "extension")
    elif by_extension:
        raise CallerRefused(FORBIDDEN, "extension")
    elif asked.path.startswith(PROGRAM_PATH):
        if asked.origins:
            raise CallerRefused(FORBIDDEN, "origin-at-program")
        if asked.path.removeprefix(PROGRAM_PATH) not in house.programs:
            raise CallerRefused(NOT_FOUND, "program")
    elif asked.path != "/":
        raise CallerRefused(NOT_FOUND, "path")


def json_by_post(asked: Envelope, _house: House) -> None:
    """A body is JSON and says so, so that no form and no simple request gets in (I-1). A preflight has none."""
    if asked.transport is Transport.WEBSOCKET:
        if asked.method != "GET":
            raise CallerRefused(METHOD_WRONG, "method")
        return
    if asked.method == "OPTIONS" and asked.origins:
        return
    if asked.method != "POST":
        raise CallerRefused(METHOD_WRONG, "method")
    if len(asked.content_types) != 1 or not _JSON.fullmatch(asked.content_types[0]):
        raise CallerRefused(MEDIA_WRONG, "content-type")


Rule = Callable[[Envelope, House], None]
RULES: tuple[Rule, ...] = (exact_host, peer_of_ours, one_origin, origin_of_a_browser, own_path, json_by_post)
"""In this order; the first that fails answers."""


def admit(asked: Envelope, house: House, process: Process | None = None, rules: tuple[Rule, ...] = RULES) -> Client:
    """Who it is. `process` is the peer's, needed where no Origin tells more. Raises CallerRefused.

    An extension that is let in here has shown no token yet.
    """
    for rule in rules:
        rule(asked, house)
    if asked.origins:
        kind = ClientKind.EXTENSION if asked.path == EXTENSION_PATH else ClientKind.PAGE
        return Client(kind, asked.origins[0])
    if process is None:
        raise CallerRefused(FORBIDDEN, "process")
    if asked.path.startswith(PROGRAM_PATH):
        return Client(ClientKind.PROGRAM, asked.path.removeprefix(PROGRAM_PATH), process)
    return Client(ClientKind.PROCESS, "", process)


def cors_headers(asked: Envelope) -> dict[str, str]:
    """For an answer to a page that was let in: its own origin, never `*`, never credentials."""
    if not asked.origins:
        return {}
    headers = {"Access-Control-Allow-Origin": asked.origins[0], "Vary": "Origin"}
    if asked.method != "OPTIONS":
        return headers
    return headers | {
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "content-type",
        "Access-Control-Max-Age": "600",
    }


def is_page_origin(origin: str) -> bool:
    """`https://app.example` or `http://localhost:3000`: as browsers serialise it, so without a default port."""
    found = _PAGE.fullmatch(origin) if len(origin) <= 300 else None
    if found is None:
        return False
    port = found["port"]
    return port is None or (int(port) < 65536 and port != _DEFAULT_PORTS[found["scheme"]])


def is_extension_origin(origin: str) -> bool:
    return bool(_EXTENSION.fullmatch(origin))


def program_name(text: str) -> str:
    """A name as `tandem pair` takes it. Raises InputMalformed."""
    if not _NAME.fullmatch(text):
        raise InputMalformed("program", text[:40], "up to 32 small letters, digits, dots, dashes and underscores")
    return text
