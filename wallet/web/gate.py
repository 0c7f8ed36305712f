"""Which requests a page of ours could have made: marks of an HTTP request, before anything is looked up. Pure.

A cookie is sent by whoever makes a browser send it, and to every port of this machine (THREATS I-4). So it counts only
on a request that the browser itself says comes from our own pages: the exact Host, `Sec-Fetch-Site: same-origin`,
never inside a frame. Sites cannot set these headers. What a person types is `none`: the one-time link opens by it, and
anything else gets a doorstep, a page with nothing on it that goes on to where the person wanted from our own origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wallet.errors import CallerRefused

FORBIDDEN, METHOD_WRONG = 403, 405
LINK_PATH = "/open"
STATIC_PATH = "/static/"
_FRAMES = frozenset({"iframe", "frame", "fencedframe", "object", "embed"})


class Way(StrEnum):
    """How a request that is let in goes on."""

    LINK = "link"
    DOORSTEP = "doorstep"
    WITHIN = "within"


@dataclass(frozen=True, slots=True)
class Marks:
    """Each header with every value that came. `peer_is_us`: the other end runs as our user, as far as is told."""

    method: str
    path: str
    hosts: tuple[str, ...]
    sites: tuple[str, ...]
    origins: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    dests: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    peer_is_us: bool = True


def host_of(port: int) -> str:
    """The one spelling: a cookie of `localhost` is none of 127.0.0.1's."""
    return f"localhost:{port}"


def own_path(at: str) -> str:
    """A path of ours as it came; what a browser could take for another place leads home."""
    return at if at.startswith("/") and not at.startswith(("//", "/\\")) and at.isprintable() else "/"


def admit(marks: Marks, port: int) -> Way:
    """Raises CallerRefused."""
    if marks.hosts != (host_of(port),):
        raise CallerRefused(FORBIDDEN, "host")
    if not marks.peer_is_us:
        raise CallerRefused(FORBIDDEN, "peer")
    if marks.method not in ("GET", "POST"):
        raise CallerRefused(METHOD_WRONG, "method")
    if not _FRAMES.isdisjoint(marks.dests):
        raise CallerRefused(FORBIDDEN, "frame")
    if any(origin != f"http://{host_of(port)}" for origin in marks.origins):
        raise CallerRefused(FORBIDDEN, "origin")
    if marks.sites == ("same-origin",) and marks.path != LINK_PATH:
        return Way.WITHIN
    if marks.sites == ("none",) and marks.method == "GET" and marks.modes == ("navigate",) and not marks.purposes:
        return Way.LINK if marks.path == LINK_PATH else Way.DOORSTEP
    raise CallerRefused(FORBIDDEN, "site")
