"""Who is at the other end, as Linux tells it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace

from wallet.process_table import Peer, _asked, _looked_up, is_alive, is_told, peer_of, process_of, started_at

CHILD = "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); sys.stdin.read()"


def test_a_child_is_recognised_and_told_from_a_later_one():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(port)], stdin=subprocess.PIPE)
        try:
            connection, theirs = server.accept()
            with connection:
                peer = peer_of(theirs, connection.getsockname())
                assert peer is not None and peer.uid == os.getuid()
                process = process_of(peer)
            assert process is not None and process.pid == child.pid
            assert process.executable == os.path.realpath(sys.executable)
            assert process.name and is_alive(process)
            assert not is_alive(replace(process, started=process.started - 1))
        finally:
            child.communicate()
    assert not is_alive(process) and started_at(child.pid) is None


def test_ipv6_too():
    if not socket.has_ipv6:
        return
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        ours = socket.create_connection(server.getsockname()[:2])
        connection, theirs = server.accept()
        with ours, connection:
            peer = peer_of(theirs[:2], connection.getsockname()[:2])
            assert peer is not None and process_of(peer).pid == os.getpid()


def test_the_kernels_answer_is_that_of_its_table():
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.create_server((host, 0), family=family) as server:
            ours = socket.create_connection(server.getsockname()[:2])
            connection, theirs = server.accept()
            with ours, connection:
                ends = (family, theirs[:2], connection.getsockname()[:2])
                assert _asked(*ends) == _looked_up(*ends) is not None
                other = (family, theirs[:2], (host, 1))
                assert _asked(*other) is _looked_up(*other) is None
            listening = (family, server.getsockname()[:2], (host, 1))
            assert _asked(*listening) is None


def test_nobody():
    assert peer_of(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
    assert process_of(Peer(os.getuid(), 1)) is None
    assert is_told()
