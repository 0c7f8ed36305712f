"""Hosts and ports as authorities write them: which are this machine, and when two are the same. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_USUAL_PORTS = frozenset({None, 80, 443})


def names_host(place: str, host: str) -> bool:
    """The same host by name, this machine by any of its names; and the same port, where both say one."""
    (name, port), (ours, our_port) = host_port(place), host_port(host)
    is_same = name == ours or (name in LOOPBACK and ours in LOOPBACK)
    return is_same and (port == our_port or {port, our_port} <= _USUAL_PORTS)


def host_port(place: str) -> tuple[str | None, int | None]:
    """Of an authority, with whatever may follow it. A place that cannot be read is no host."""
    try:
        parts = urlsplit("//" + place)
        return (parts.hostname or "").rstrip(".") or None, parts.port
    except ValueError:
        return None, None
