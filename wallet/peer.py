"""Unix sockets between programs of one person: long paths, and who is at the other end."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATH_BYTES_MAX = 100


async def connect_unix(path: Path, *, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a socket of the same user. Raises OSError where none listens, or another user does."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        with short_path(path) as short:
            await asyncio.get_running_loop().sock_connect(connection, short)
        if not is_same_user(connection):
            raise PermissionError("the socket is another user's")
        return await asyncio.open_connection(sock=connection, limit=limit)
    except BaseException:
        connection.close()
        raise


def listen_unix(path: Path) -> socket.socket:
    """A listening socket of mode 0600. Raises OSError, also where the name is taken."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_path(path) as short:
            listener.bind(short)
        path.chmod(0o600)  # until here the folder's own 0700 keeps others out
        listener.listen(16)
        listener.setblocking(False)
        return listener
    except BaseException:
        listener.close()
        raise


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name for `path` that fits the 108 bytes of a socket address, through the folder's descriptor if it must be."""
    if len(os.fsencode(path)) <= _PATH_BYTES_MAX or sys.platform != "linux":
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def is_same_user(connection: socket.socket) -> bool:
    """Whether the process at the other end runs as we do. Where the system does not tell, the folder's mode decides."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return bool(uid == os.getuid())
