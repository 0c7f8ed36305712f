"""Listening on this machine alone: sockets on 127.0.0.1 and ::1 at one port."""

from __future__ import annotations

import socket
from contextlib import suppress

from wallet.errors import ListenRefused
from wallet.listen import Listen

_BACKLOG = 128


def sockets(listen: Listen) -> tuple[list[socket.socket], int]:
    """On 127.0.0.1 and, where this machine has it, on ::1 too: a page that names localhost meets no stranger there.

    Returns them with their port. Raises ListenRefused.
    """
    first = _bound(socket.AF_INET, "127.0.0.1", listen.port)
    port = int(first.getsockname()[1])
    made = [first]
    with suppress(ListenRefused):
        made.append(_bound(socket.AF_INET6, "::1", port))
    return made, port


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    try:
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        raise ListenRefused(f"{host}:{port}", "no such address here") from None
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((host, port))
        made.listen(_BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise ListenRefused(f"{host}:{port}", error.strerror or "taken") from None
    return made
