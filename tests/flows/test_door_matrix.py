"""Host x Origin x content type x transport x path x token on raw sockets: exactly the listed ones get in (I-1 to I-4).

1,200 requests to a real `tandem up`, byte by byte as a hostile client could send them. The same matrix against a door
whose Host check is left out has to complain.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from tests.flows.door_client import PAGE, STEPS_MAX, Http, Up, up
from tests.flows.door_sockets import EXTENSION, Extension
from wallet.asking import RULES, Rule, exact_host, json_by_post, one_origin
from wallet.config import Config
from wallet.dapp_extension import Pairing
from wallet.dapp_host import Host
from wallet.dapp_provider import Provider
from wallet.dapp_server import DappServer
from wallet.listen import Listen
from wallet.loopback import sockets
from wallet.signing import Signer
from wallet.state import Store

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTS = ("127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}", "rebound.test:{port}", "0.0.0.0:{port}")
ORIGINS = ("", PAGE, "null", EXTENSION, "https://app.example:443")
TYPES = ("", "application/json", "text/plain")
TRANSPORTS = ("http", "ws")
PATHS = ("/", "/p/hardhat", "/extension", "/elsewhere")
CHAIN_ID = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
AT_ONCE = 8


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    """Without a node, and without --token-approves."""
    async with up(tmp_path_factory.mktemp("matrix") / "home", "http://127.0.0.1:9") as started:
        yield started


@dataclass(frozen=True)
class Try:
    """One request. `token`: the extension says its token, anybody else sends it as a bearer's."""

    host: str
    origin: str
    content_type: str
    transport: str
    path: str
    token: bool

    @property
    def is_listed(self) -> bool:
        """Written down by hand, from docs/door.md."""
        if self.host not in HOSTS[:3]:
            return False
        if self.origin == EXTENSION:
            return self.transport == "ws" and self.path == "/extension" and self.token
        places = {PAGE: ("/",), "": ("/", "/p/hardhat")}.get(self.origin, ())
        return self.path in places and (self.transport == "ws" or self.content_type == "application/json")


def everything() -> Iterator[Try]:
    return itertools.starmap(Try, itertools.product(HOSTS, ORIGINS, TYPES, TRANSPORTS, PATHS, (False, True)))


def head(one: Try, port: int, token: str) -> str:
    lines = [f"Host: {one.host.format(port=port)}"]
    lines += [f"Origin: {one.origin}"] if one.origin else []
    lines += [f"Content-Type: {one.content_type}"] if one.content_type else []
    lines += [f"Authorization: Bearer {token}"] if one.token and one.origin != EXTENSION else []
    if one.transport == "http":
        lines += [f"Content-Length: {len(json.dumps(CHAIN_ID))}", "Connection: close"]
        return "\r\n".join([f"POST {one.path} HTTP/1.1", *lines, "", json.dumps(CHAIN_ID)])
    lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    lines += [f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}"]
    return "\r\n".join([f"GET {one.path} HTTP/1.1", *lines, "", ""])


async def gets_in(one: Try, port: int, token: str) -> bool:
    """Did it learn the chain's id, or was the extension made welcome?"""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head(one, port, token).encode())
        status = (await reader.readline()).split()[1:2]
        while (await reader.readline()).strip():
            pass
        if status == [b"200"] and one.transport == "http":
            return json.loads(await reader.read()).get("result") == "0x7a69"
        if status != [b"101"]:
            return False
        is_extension = one.origin == EXTENSION
        hello = {"type": "hello", "token": token if one.token else "x" * 43}
        writer.write(frame(json.dumps(hello if is_extension else CHAIN_ID)))
        said = await unframed(reader)
        return said == {"type": "welcome"} if is_extension else said.get("result") == "0x7a69"
    finally:
        writer.close()


def frame(text: str) -> bytes:
    """A masked text frame with a mask of zeros."""
    body = text.encode()
    assert len(body) < 126
    return bytes([0x81, 0x80 | len(body)]) + bytes(4) + body


async def unframed(reader: asyncio.StreamReader) -> Any:
    _kind, length = await reader.readexactly(2)
    assert length < 126
    return json.loads(await reader.readexactly(length))


async def wrong(tries: list[Try], port: int, token: str) -> list[Try]:
    """Whoever got in and is not listed, or is listed and did not get in."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def judged(one: Try) -> bool:
        async with turn:
            return await gets_in(one, port, token) is one.is_listed

    verdicts = await asyncio.gather(*map(judged, tries))
    return [one for one, right in zip(tries, verdicts, strict=True) if not right]


async def test_exactly_the_listed_ones_get_in(running: Up) -> None:
    tries = list(everything())
    assert len(tries) == 1200 and sum(one.is_listed for one in tries) == 3 * (2 * (1 + 3) * 3 + 3)
    await running.tandem("pair", "hardhat")
    code = (await running.tandem("pair", "--extension"))["code"]
    async with Extension(running) as extension:
        token = (await extension.said(type="pair", code=code))["token"]
    assert await wrong(tries, running.port, token) == []


@asynccontextmanager
async def door_without(rule: Rule, home: Path) -> AsyncIterator[int]:
    """A door of the same parts whose rules lack one."""
    store = Store(home)
    host = Host(Config(home), store, Signer(home))
    host.book.pair("hardhat", 0)
    listeners, port = sockets(Listen("127.0.0.1", 0))
    rules = tuple(one for one in RULES if one is not rule)
    runner = web.AppRunner(DappServer(host, Provider(host), Pairing(), port, rules).application())
    await runner.setup()
    try:
        for listener in listeners:
            await web.SockSite(runner, listener).start()
        yield port
    finally:
        await runner.cleanup()
        await host.close()


@pytest.mark.parametrize(
    ("rule", "incident"),
    [(exact_host, "rebound.test:{port}"), (one_origin, "null"), (json_by_post, "text/plain")],
    ids=["exact_host", "one_origin", "json_by_post"],
)
async def test_a_rule_that_is_left_out_is_seen(rule: Rule, incident: str, tmp_path: Path) -> None:
    tries = [one for one in everything() if one.origin != EXTENSION and not one.token]
    async with door_without(rule, tmp_path) as port:
        found = await wrong(tries, port, "x")
    assert found and any(incident in (one.host, one.origin, one.content_type) for one in found)


async def test_i02_a_host_of_another_kind_is_refused_with_every_odd_header(running: Up) -> None:
    """Requests that no library sends: doubled headers, absolute targets, other verbs."""
    good, body = f"Host: 127.0.0.1:{running.port}", json.dumps(CHAIN_ID)
    typed = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    for request in (
        f"POST / HTTP/1.1\r\n{good}\r\nHost: evil.test\r\n{typed}",
        f"POST / HTTP/1.1\r\n{good}\r\n{good}\r\n{typed}",
        f"POST http://evil.test/ HTTP/1.1\r\n{good}\r\n{typed}",
        f"POST //evil.test/ HTTP/1.1\r\n{good}\r\n{typed}",
        f"POST /%2e HTTP/1.1\r\n{good}\r\n{typed}",
        f"POST / HTTP/1.0\r\n{typed}",
        f"PUT / HTTP/1.1\r\n{good}\r\n{typed}",
        f"POST / HTTP/1.1\r\n{good}\r\nOrigin: {PAGE}\r\nOrigin: null\r\n{typed}",
        f"POST / HTTP/1.1\r\n{good}\r\nSec-Fetch-Site: cross-site\r\n{typed}",
        f"POST / HTTP/1.1\r\n{good}\r\nContent-Type: text/plain\r\n{typed}",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(request.encode())
        answer = await reader.read()
        writer.close()
        assert b" 200 " not in answer.split(b"\r\n")[0] and b"0x7a69" not in answer, request


async def test_i01_no_page_reads_what_it_was_not_let_in_for(running: Up) -> None:
    """CORS: the page's own origin, never `*`, never credentials; nothing for who is refused."""
    async with aiohttp.ClientSession() as session:
        asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        async with session.options(running.door, headers={"Origin": PAGE, **asks}) as preflight:
            assert preflight.status == 204 and preflight.headers["Access-Control-Allow-Origin"] == PAGE
            assert preflight.headers["Vary"] == "Origin"
            assert preflight.headers["Access-Control-Allow-Methods"] == "POST"
            assert preflight.headers["Access-Control-Allow-Headers"] == "content-type"
            assert "Access-Control-Allow-Credentials" not in preflight.headers
        async with session.post(running.door, headers={"Origin": PAGE}, json=CHAIN_ID) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == PAGE and answer.headers["Vary"] == "Origin"
        for origin in ("null", "file://", EXTENSION):
            async with session.post(running.door, headers={"Origin": origin}, json=CHAIN_ID) as answer:
                assert answer.status == 403 and "Access-Control-Allow-Origin" not in answer.headers
        async with session.post(running.door, headers={"Origin": PAGE}, data=b"x" * 3_000_000) as answer:
            assert answer.status == 415
        large = {**CHAIN_ID, "params": ["x" * 2_200_000]}
        async with session.post(running.door, headers={"Origin": PAGE}, json=large) as answer:
            assert answer.status == 413


async def test_i01_the_control_api_wants_its_token_and_no_origin(running: Up) -> None:
    async with aiohttp.ClientSession() as session:
        assert (running.home / "control-token").stat().st_mode & 0o777 == 0o600
        right = {"Authorization": f"Bearer {running.token}"}
        for headers, status in (
            (right, 200),
            ({}, 401),
            ({"Authorization": "Bearer x"}, 401),
            ({"Authorization": running.token}, 401),
            ({**right, "Origin": PAGE}, 403),
            ({**right, "Origin": "null"}, 403),
            ({**right, "Host": "evil.test"}, 403),
            ({**right, "Host": "0.0.0.0:" + running.control.rpartition(":")[2]}, 403),
        ):
            async with session.get(running.control + "/approvals", headers=headers) as answer:
                assert answer.status == status, headers
                assert "Access-Control-Allow-Origin" not in answer.headers
        body = {"digest": "0x00"}
        async with session.post(running.control + "/approvals/x/approve", headers=right, json=body) as answer:
            assert answer.status == 403 and (await answer.json())["slug"] == "approval-refused"  # no --token-approves
        async with session.post(running.control + "/approvals/x/decline", headers=right, json={}) as answer:
            assert answer.status == 404
        async with session.get(running.control + "/elsewhere", headers=right) as answer:
            assert answer.status == 404


ANOTHER = """
import encodings.idna, os, socket, sys  # what is not loaded yet nobody may read afterwards
os.setuid(65534)
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as asking:
    asking.sendall(sys.stdin.buffer.read())
    sys.stdout.buffer.write(asking.makefile("rb").read())
"""


async def test_another_user_of_this_machine_is_not_let_in(running: Up) -> None:
    """Neither as a program nor with a page's Origin. Only root can become somebody else to try it."""
    if os.getuid() != 0:
        return
    for origin in ("", PAGE):
        one = Try(HOSTS[0], origin, "application/json", "http", "/", False)
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        command = (sys.executable, "-c", ANOTHER, str(running.port))
        process = await asyncio.create_subprocess_exec(*command, **pipes)
        answer, _ = await process.communicate(head(one, running.port, "").encode())
        assert answer.startswith(b"HTTP/1.1 403") and answer.endswith(b"refused: peer\n")


async def test_a_node_that_is_away_is_a_missing_connection(running: Up) -> None:
    async with Http(running) as page:
        assert await page.code("eth_blockNumber") == 4900  # the only chain there is
        await running.tandem("networks", "add", "77", "Other", "http://127.0.0.1:9")
        for _step in range(STEPS_MAX):
            if await page.code("eth_blockNumber") == 4901:
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the added chain was not taken up")
