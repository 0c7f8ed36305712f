"""The dApp endpoint: HTTP and WebSocket on loopback, JSON-RPC inside. Who asks is decided before anything is read."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from aiohttp import web
from multidict import CIMultiDictProxy

from wallet.asking import (
    RULES,
    Client,
    ClientKind,
    Envelope,
    House,
    Process,
    Rule,
    Transport,
    admit,
    cors_headers,
)
from wallet.dapp_extension import CLOSED_REFUSED, Extension, Pairing
from wallet.dapp_host import Host, Session
from wallet.dapp_provider import Provider
from wallet.dapp_sockets import Outbox, listen
from wallet.errors import CallerRefused, RpcRefused
from wallet.happenings import Event
from wallet.process_table import Peer, is_told, peer_of, process_of
from wallet.rpc import BODY_BYTES_MAX, Answer, Code, encoded, failed, read

SOCKETS_MAX = 2000
HEARTBEAT_SECONDS = 60
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class _Known:
    """Who is at the other end of one TCP connection."""

    is_us: bool
    peer: Peer | None


class DappServer:
    """Serves `host` on sockets that listen already. `rules` say who is let in: all of them, save for a seeded bug."""

    def __init__(
        self, host: Host, provider: Provider, pairing: Pairing, port: int, rules: tuple[Rule, ...] = RULES
    ) -> None:
        self._host, self._provider, self._pairing, self._port = host, provider, pairing, port
        self._rules = rules
        self._peers: WeakKeyDictionary[asyncio.BaseTransport, _Known] = WeakKeyDictionary()
        self._processes: WeakKeyDictionary[asyncio.BaseTransport, Process] = WeakKeyDictionary()
        self._sockets: set[web.WebSocketResponse] = set()
        self._extensions: dict[web.WebSocketResponse, Client] = {}

    def application(self) -> web.Application:
        """One handler for everything, so that nothing is routed before it is let in."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def hang_up(self) -> None:
        for connection in tuple(self._sockets):
            with contextlib.suppress(OSError, RuntimeError):
                await connection.close(code=1001, message=b"the wallet was closed")

    async def hang_up_extension(self, origin: str) -> None:
        """Its token was revoked."""
        for connection, client in tuple(self._extensions.items()):
            if client.name == origin:
                await connection.close(code=CLOSED_REFUSED, message=b"revoked")

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        asked = self._envelope(request)
        try:
            client = admit(asked, self._house(), self._process(request, asked), self._rules)
        except CallerRefused as refused:
            return _refusal(refused)
        headers = cors_headers(asked)
        if asked.method == "OPTIONS":
            return web.Response(status=204, headers=headers)
        if asked.transport is Transport.HTTP:
            return await self._http(request, client, headers)
        if len(self._sockets) >= SOCKETS_MAX:
            return web.Response(status=503, text="too many connections")
        return await self._websocket(request, client)

    def _house(self) -> House:
        return House(self._port, self._host.book.programs)

    def _envelope(self, request: web.Request) -> Envelope:
        headers = request.headers
        is_upgrade = headers.get("Upgrade", "").lower() == "websocket"
        return Envelope(
            Transport.WEBSOCKET if is_upgrade else Transport.HTTP,
            request.method,
            request.raw_path,
            _all(headers, "Host"),
            _all(headers, "Origin"),
            _all(headers, "Content-Type"),
            _all(headers, "Sec-Fetch-Site"),
            self._known(request).is_us,
        )

    def _known(self, request: web.Request) -> _Known:
        """Looked up once a connection."""
        transport = request.transport
        if transport is None:
            return _Known(False, None)
        if transport not in self._peers:
            theirs, ours = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
            peer = peer_of(theirs[:2], ours[:2]) if theirs and ours else None
            is_us = peer.uid == os.getuid() if peer is not None else not is_told()
            self._peers[transport] = _Known(is_us, peer)
        return self._peers[transport]

    def _process(self, request: web.Request, asked: Envelope) -> Process | None:
        """Only where no Origin tells who it is: looking through every process takes a while."""
        transport, known = request.transport, self._known(request)
        if asked.origins or transport is None or known.peer is None or not known.is_us:
            return None
        found = self._processes.get(transport)
        if found is None and (found := process_of(known.peer)) is not None:
            self._processes[transport] = found
        return found

    # HTTP

    async def _http(self, request: web.Request, client: Client, headers: dict[str, str]) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413, text="too large", headers=headers)
        session = Session(client)
        try:
            reply = await self._provider.answer(session, read(body))
        except RpcRefused as refused:
            reply = failed(None, refused)
        if reply is None:
            return web.Response(status=204, headers=headers)
        return web.Response(body=_written(reply), content_type=_JSON, headers=headers)

    # WebSocket

    async def _websocket(self, request: web.Request, client: Client) -> web.WebSocketResponse:
        connection = web.WebSocketResponse(
            max_msg_size=BODY_BYTES_MAX, heartbeat=HEARTBEAT_SECONDS, compress=False, autoping=True
        )
        await connection.prepare(request)
        self._sockets.add(connection)
        try:
            outbox = Outbox(connection)
            async with outbox:
                if client.kind is ClientKind.EXTENSION:
                    self._extensions[connection] = client
                    await Extension(client, self._host, self._provider, self._pairing, outbox.put).serve(connection)
                else:
                    await self._direct(connection, client, outbox)
        finally:
            self._sockets.discard(connection)
            self._extensions.pop(connection, None)
        return connection

    async def _direct(self, connection: web.WebSocketResponse, client: Client, outbox: Outbox) -> None:
        session = Session(client)
        session.ears = DirectEars(session, outbox.put)
        self._host.enter(session)
        try:
            await listen(connection, lambda text: self._say(session, text, outbox))
        finally:
            self._host.leave(session)

    async def _say(self, session: Session, text: str | bytes, outbox: Outbox) -> None:
        try:
            reply = await self._provider.answer(session, read(text))
        except RpcRefused as refused:
            reply = failed(None, refused)
        if reply is not None:
            outbox.put(_written(reply).decode())


class DirectEars:
    """A direct WebSocket hears what it subscribed to, in the form of eth_subscription; wallet events too."""

    def __init__(self, session: Session, put: Callable[[str], None]) -> None:
        self._session, self._put = session, put

    def tell(self, event: Event) -> None:
        if event.name == "message":
            self._send(event.data["data"])
            return
        for number, name in self._session.named.items():
            if name == event.name:
                self._send({"subscription": number, "result": event.data})

    def _send(self, params: object) -> None:
        self._put(encoded({"jsonrpc": "2.0", "method": "eth_subscription", "params": params}).decode())


def _all(headers: CIMultiDictProxy[str], name: str) -> tuple[str, ...]:
    return tuple(headers.getall(name, ()))


def _refusal(refused: CallerRefused) -> web.Response:
    """Says nothing of the wallet, and lets no page read even that."""
    return web.Response(status=refused.status, text=f"refused: {refused.reason}\n", headers={"Connection": "close"})


def _written(reply: Sequence[Answer] | Answer) -> bytes:
    """A node may answer with a number that JSON does not have."""
    try:
        return encoded(reply)
    except ValueError:
        return encoded(failed(None, RpcRefused(Code.INTERNAL, "The answer cannot be written as JSON.", None)))
