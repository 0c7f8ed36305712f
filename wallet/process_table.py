"""Who is at the other end of a loopback connection: the user, the process and its executable, as Linux tells it.

Another system tells nothing here; then pages are let in by their origin alone, and programs are not.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wallet.asking import Process

_TABLES = {socket.AF_INET: Path("/proc/net/tcp"), socket.AF_INET6: Path("/proc/net/tcp6")}
_PROC = Path("/proc")
_NAME_LENGTH = 64
_PATH_LENGTH = 400

End = tuple[str, int]

# linux/inet_diag.h and linux/sock_diag.h
_SOCK_DIAG, _BY_FAMILY, _ERROR = 4, 20, 2
_ALL_STATES = 0xFFFFFFFF
_DIAG_ID = struct.Struct("!HH16s16sI8s")
_NO_COOKIE = b"\xff" * 8


@dataclass(frozen=True, slots=True)
class Peer:
    """One end of a connection on this machine, by its socket's owner and number."""

    uid: int
    inode: int


def is_told() -> bool:
    """Does this system tell whose a connection is?"""
    return _TABLES[socket.AF_INET].exists()


def peer_of(theirs: End, ours: End) -> Peer | None:
    """The socket whose local end is `theirs` and whose remote end is `ours`; None where there is none to be seen."""
    if not is_told():
        return None
    family = socket.AF_INET6 if ":" in theirs[0] else socket.AF_INET
    try:
        return _asked(family, theirs, ours)
    except OSError:
        return _looked_up(family, theirs, ours)


def _asked(family: socket.AddressFamily, theirs: End, ours: End) -> Peer | None:
    """By sock_diag(7), for that one socket. Raises OSError where the kernel does not answer so."""
    ends = _DIAG_ID.pack(theirs[1], ours[1], _raw(family, theirs), _raw(family, ours), 0, _NO_COOKIE)
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, _ALL_STATES) + ends
    header = struct.pack("=IHHII", 16 + len(body), _BY_FAMILY, 1, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.settimeout(1)
        kernel.send(header + body)
        answer = kernel.recv(4096)
    length, kind = struct.unpack_from("=IH", answer)
    if kind != _BY_FAMILY:
        if kind == _ERROR and -struct.unpack_from("=i", answer, 16)[0] == errno.ENOENT:
            return None
        raise OSError(errno.EOPNOTSUPP, "sock_diag")
    if length < 16 + 72 or _DIAG_ID.unpack_from(answer, 20)[:4] != _DIAG_ID.unpack(ends)[:4]:
        return None  # a socket that listens at the same port, for instance
    uid, inode = struct.unpack_from("=II", answer, 16 + 64)
    return Peer(uid, inode)


def _looked_up(family: socket.AddressFamily, theirs: End, ours: End) -> Peer | None:
    """In the table of all connections, which takes milliseconds."""
    try:
        table = _TABLES[family].read_bytes()
    except OSError:
        return None
    # Found as bytes: with a thousand connections the table is long, and each new one looks through it.
    place = table.find(f" {_spelt(family, theirs)} {_spelt(family, ours)} ".encode())
    if place < 0:
        return None
    fields = table[place : table.index(b"\n", place)].split()
    return Peer(int(fields[6]), int(fields[8]))


def process_of(peer: Peer) -> Process | None:
    """The process that has this socket open; None where it is another user's, or gone."""
    wanted = f"socket:[{peer.inode}]"
    for folder in _own_processes():
        with suppress(OSError), os.scandir(folder / "fd") as descriptors:
            for descriptor in descriptors:
                with suppress(OSError):
                    if os.readlink(descriptor.path) == wanted:  # noqa: PTH115  # pathlib doubles the cost of a scan
                        return _process(folder)
    return None


def is_alive(process: Process) -> bool:
    """The same one, not a later one of its number."""
    return started_at(process.pid) == process.started


def started_at(pid: int) -> int | None:
    """In clock ticks since boot."""
    try:
        return int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def _own_processes() -> Iterator[Path]:
    """Newest first: who connects is often young."""
    uid = os.getuid()
    numbers = sorted((int(entry.name) for entry in os.scandir(_PROC) if entry.name.isdigit()), reverse=True)
    for number in numbers:
        folder = _PROC / str(number)
        with suppress(OSError):
            if folder.stat().st_uid == uid:
                yield folder


def _process(folder: Path) -> Process | None:
    started = started_at(int(folder.name))
    if started is None:
        return None
    try:
        executable = str((folder / "exe").readlink())
        name = (folder / "comm").read_text().strip()
    except OSError:
        return None
    return Process(int(folder.name), started, name[:_NAME_LENGTH], executable[:_PATH_LENGTH])


def _raw(family: int, end: End) -> bytes:
    return socket.inet_pton(family, end[0].partition("%")[0])


def _spelt(family: int, end: End) -> str:
    """As the kernel writes it: 32-bit words in the machine's order, the port in plain hex."""
    raw = _raw(family, end)
    words = (int.from_bytes(raw[at : at + 4], sys.byteorder) for at in range(0, len(raw), 4))
    return "".join(f"{word:08X}" for word in words) + f":{end[1]:04X}"
