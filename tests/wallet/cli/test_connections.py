"""No connection to anything that was not configured (no telemetry, no price feed, no update check: THREATS I-9).

Every `connect` of a command and its children is watched by strace, name look-ups too; and what needs no server runs in
a network namespace that has none.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.wallet.cli.conftest import TANDEM

JUNK = "test test test test test test test test test test test junk"
BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
CALLS = "connect,sendto,sendmsg,sendmmsg,bind"
_INET = re.compile(r'sin6?_port=htons\((\d+)\).*?(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)"', re.DOTALL)


def watched(environ, log, *arguments, stdin=""):
    """The command's status, and every internet address that it or a child of it spoke to."""
    traced = ["strace", "-f", "-qq", "-e", f"trace={CALLS}", "-s", "200", "-o", log, *arguments]
    environment = {"PATH": os.environ["PATH"], "TANDEM_LANG": "en", **environ}
    done = subprocess.run(traced, env=environment, input=stdin, capture_output=True, text=True, timeout=120)
    return done, addresses_in(log)


def addresses_in(log):
    """Of what strace wrote: whom a process connected or sent to; what it listens on is no connection."""
    lines = [line for line in Path(log).read_text().splitlines() if "AF_INET" in line and " bind(" not in line]
    return {(found[2], int(found[1])) for line in lines for found in [_INET.search(line)] if found}


def configured(environ):
    parts = [urlsplit(environ[name]) for name in ("TANDEM_SERVER", "TANDEM_RPC") if name in environ]
    return {(part.hostname, part.port) for part in parts}


COMMANDS = [
    ("balance",),
    ("activity",),
    ("receive",),
    ("accounts",),
    ("accounts", "discover", "--gap", "1"),
    ("allowances",),
    ("delegation",),
    ("networks",),
    ("contacts",),
    ("audit",),
    ("send", "0.001", "ETH", BOB, "--yes"),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments[:2]))
def test_only_what_is_configured_is_spoken_to(people, place, tmp_path, arguments):
    environ = {**people[0].environ, "TANDEM_RPC": place.chain}
    done, spoken = watched(environ, tmp_path / "log", TANDEM, *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert spoken <= configured(environ)


def test_a_second_node_is_spoken_to_where_it_is_set_and_nowhere_else(people, place, tmp_path):
    environ = {**people[0].environ, "TANDEM_RPC": place.chain}
    second = place.chain.replace("127.0.0.1", "localhost")

    def set_second(*url):
        done = subprocess.run([TANDEM, "networks", "second", "31337", *url], env={**os.environ, **environ})
        assert done.returncode == 0

    set_second(second)
    try:
        done, spoken = watched(environ, tmp_path / "log", TANDEM, "balance", "--json")
        assert done.returncode == 0 and json.loads(done.stdout)["cross_check"]["state"] == "agrees"
        here = {(host, port) for _host, port in configured(environ) for host in ("127.0.0.1", "::1")}
        assert spoken <= here, "the second is the same port by another name"
    finally:
        set_second()


def test_the_client_that_is_up_speaks_to_its_node_alone(people, place, tmp_path):
    """While a page asks, and the person's other commands do."""
    home = tmp_path / "home"
    listens = {f"TANDEM_{name}_LISTEN": "127.0.0.1:0" for name in ("DAPP", "CONTROL", "UI")}
    environ = {"TANDEM_HOME": str(home), "TANDEM_RPC": place.chain, "TANDEM_SERVER": place.server, **listens}
    environ |= {"TANDEM_PASSWORD_FILE": people[0].environ["TANDEM_PASSWORD_FILE"], "PATH": os.environ["PATH"]}
    subprocess.run([TANDEM, "restore", "--light"], env=environ, input=JUNK, text=True, check=True, capture_output=True)
    log = tmp_path / "log"
    # -D: the client itself is our child, so that it is the one that is told to end.
    traced = ["strace", "-D", "-f", "-qq", "-e", f"trace={CALLS}", "-s", "200", "-o", log, TANDEM, "up", "--json"]
    process = subprocess.Popen(traced, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        door = json.loads(process.stdout.readline())["dapp"]
        for method in ("eth_chainId", "eth_blockNumber", "eth_accounts"):
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": []}).encode()
            headers = {"Content-Type": "application/json", "Origin": "https://app.example"}
            with urllib.request.urlopen(urllib.request.Request(door, body, headers), timeout=60) as answer:
                assert "result" in json.load(answer)
    finally:
        process.terminate()
        process.wait(60)
    node = urlsplit(place.chain)
    for _step in range(2000):  # strace may write a moment longer than the client lives
        if addresses_in(log):
            break
        time.sleep(0.05)
    assert addresses_in(log) == {(node.hostname, node.port)}


def test_the_watch_sees_what_it_should(people, place, tmp_path):
    """The control: a command that asks is seen to ask, and a stranger is seen."""
    _done, spoken = watched({**people[0].environ}, tmp_path / "log", TANDEM, "balance")
    assert spoken == configured(people[0].environ)
    code = "import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(('192.0.2.1', 443))"
    _done, spoken = watched({}, tmp_path / "log", sys.executable, "-c", code)
    assert spoken == {("192.0.2.1", 443)}


def without_network(*arguments, environ, stdin=""):
    """In a namespace that has no interface but an unused loopback."""
    alone = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-r", "-n"]
    environment = {"PATH": os.environ["PATH"], "TANDEM_LANG": "en", **environ}
    return subprocess.run(
        [*alone, *arguments], env=environment, input=stdin, capture_output=True, text=True, timeout=120
    )


def test_keys_are_kept_without_any_network(tmp_path, password_file):
    environ = {"TANDEM_HOME": str(tmp_path / "home"), "TANDEM_PASSWORD_FILE": str(password_file)}
    code = "import socket; socket.create_connection(('127.0.0.1', 9), 5)"
    assert "unreachable" in without_network(sys.executable, "-c", code, environ={}).stderr, "the namespace is empty"
    for arguments, stdin in (
        (("restore", "--light"), JUNK),
        (("accounts", "rename", "0", "Daily"), ""),
        (("accounts", "find", BOB), ""),
        (("contacts", "add", "Bob", BOB), ""),
        (("sign-message", "hello", "--yes"), ""),
        (("shares", "--file", str(tmp_path / "shares")), ""),
        (("drill",), JUNK),
        (("backup", str(tmp_path / "backup")), ""),
    ):
        done = without_network(TANDEM, *arguments, "--json", environ=environ, stdin=stdin)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
