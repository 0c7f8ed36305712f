"""A PostgreSQL server of the benchmarks' own with its durable defaults, its CPU time, and pgbench as the peer."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pgserver

_BIN = Path(pgserver.__file__).parent / "pginstall" / "bin"
_TPS = re.compile(rb"tps = ([0-9.]+)")
PEER = "pgbench_peer"


@contextmanager
def postgres() -> Iterator[Any]:
    """Defaults (fsync, full_page_writes and synchronous_commit on) but for one: memory, as the runbook says it.

    The peer runs on the same server.
    """
    with tempfile.TemporaryDirectory(prefix="tandem-pg-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(folder, cleanup_mode="stop")
        server.psql(f"ALTER SYSTEM SET shared_buffers = '{_quarter_of_memory_mb()}MB';")
        server.cleanup()
        server = pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server
        finally:
            server.cleanup()


def _quarter_of_memory_mb() -> int:
    """What PostgreSQL's manual begins with for a server of its own; its default of 128 MB is for the smallest."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 // 2**20


def database(server: Any, name: str) -> str:
    """A fresh database's URL."""
    server.psql(f"DROP DATABASE IF EXISTS {name};")
    server.psql(f"CREATE DATABASE {name};")
    return str(server.get_uri(name))


def prepare_peer(server: Any, scale: int) -> None:
    """pgbench's own tables (tpcb-like) at this scale, in a database beside ours."""
    database(server, PEER)
    _pgbench(server, "--initialize", "--quiet", f"--scale={scale}")


def peer(server: Any, seconds: int, clients: int = 8) -> float:
    """tpcb-like transactions a second, without the time of connecting."""
    said = _pgbench(server, f"--client={clients}", "--jobs=2", f"--time={seconds}", "--no-vacuum")
    found = _TPS.search(said)
    assert found is not None, said
    return float(found.group(1))


def cpu_seconds(server: Any) -> float:
    """CPU time of the server's processes that live now; connections stay open over a measurement."""
    postmaster = server.get_pid()
    return sum(_running_ns(pid) for pid in [postmaster, *_children(postmaster)]) / 1e9


def _pgbench(server: Any, *options: str) -> bytes:
    uri = server.get_uri(PEER)
    return subprocess.run([_BIN / "pgbench", *options, uri], check=True, capture_output=True).stdout


def _children(parent: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{parent}/task").iterdir():
        found += [int(pid) for pid in (task / "children").read_text().split()]
    return found


def _running_ns(pid: int) -> int:
    """Nanoseconds on a CPU (/proc/PID/schedstat); 0 for a process that is gone."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return 0
