"""The extension's WebSocket: a token bound to its own origin, then pages by ports (docs/door.md has the messages).

Only here may somebody state another's origin, and only the one that the browser told the extension.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from chain import strict_json
from chain.errors import JsonMalformed
from wallet.asking import Client, ClientKind, is_page_origin
from wallet.dapp_host import Host, Session
from wallet.dapp_provider import Provider
from wallet.errors import RpcRefused
from wallet.happenings import Event, connected
from wallet.pairing import PairingCode, Verdict, new_code
from wallet.rpc import BODY_BYTES_MAX, encoded, failed, read_document

HELLO_SECONDS_MAX = 10
PAIRING_SECONDS_MAX = 180
PORTS_MAX = 256
PORT_LENGTH_MAX = 64
CLOSED_REFUSED = 4403
_HELLO = frozenset({"type", "token"})
_PAIR = frozenset({"type", "code"})

Message = dict[str, Any]


class Pairing:
    """The code that is on the screen now, if one is."""

    def __init__(self) -> None:
        self._code: PairingCode | None = None

    def show(self) -> str:
        """A new one; an earlier one is over."""
        self._code = new_code(secrets.randbelow(10**6), time.monotonic())
        return self._code.digits

    def tried(self, digits: str) -> Verdict:
        if self._code is None:
            return Verdict.NO_CODE
        verdict, self._code = self._code.tried(digits, time.monotonic())
        return verdict


class Extension:
    """One connection of one extension."""

    def __init__(
        self, client: Client, host: Host, provider: Provider, pairing: Pairing, put: Callable[[str], None]
    ) -> None:
        self._client, self._host, self._provider, self._pairing = client, host, provider, pairing
        self._put = put
        self._ports: dict[str, Session] = {}
        self._under_way: dict[str, set[asyncio.Task[None]]] = {}

    async def serve(self, connection: web.WebSocketResponse) -> None:
        """Until it leaves. What its ports asked is withdrawn then."""
        if not await self._is_welcome(connection):
            await connection.close(code=CLOSED_REFUSED, message=b"refused")
            return
        try:
            async for message in connection:
                if message.type is not WSMsgType.TEXT:
                    break
                self._hear(message.data)
        finally:
            tasks = [task for name in tuple(self._ports) for task in self._close(name)]
            await asyncio.gather(*tasks, return_exceptions=True)

    # Getting in

    async def _is_welcome(self, connection: web.WebSocketResponse) -> bool:
        first = await self._receive(connection, HELLO_SECONDS_MAX)
        if first is None:
            return False
        if first.get("type") == "hello" and set(first) == _HELLO:
            token = first["token"]
            if isinstance(token, str) and self._host.book.is_extension(self._client.name, token):
                self._say({"type": "welcome"})
                return True
            await self._refuse_now(connection, "token")
            return False
        return await self._pair(connection, first)

    async def _pair(self, connection: web.WebSocketResponse, message: Message | None) -> bool:
        """Digits until they are right, or the code is over."""
        while message is not None:
            if message.get("type") != "pair" or set(message) != _PAIR or not isinstance(message["code"], str):
                await self._refuse_now(connection, "malformed")
                return False
            match self._pairing.tried(message["code"]):
                case Verdict.RIGHT:
                    token = secrets.token_urlsafe(32)
                    self._host.book.keep_extension(self._client.name, token)
                    self._say({"type": "paired", "token": token})
                    return True
                case Verdict.NO_CODE:
                    await self._refuse_now(connection, Verdict.NO_CODE)
                    return False
            await connection.send_str(encoded({"type": "refused", "reason": Verdict.WRONG}).decode())
            message = await self._receive(connection, PAIRING_SECONDS_MAX)
        return False

    async def _receive(self, connection: web.WebSocketResponse, seconds: float) -> Message | None:
        try:
            message = await connection.receive(timeout=seconds)
        except TimeoutError:
            return None
        return _message(message.data) if message.type is WSMsgType.TEXT else None

    async def _refuse_now(self, connection: web.WebSocketResponse, reason: str) -> None:
        await connection.send_str(encoded({"type": "refused", "reason": reason}).decode())

    # Ports

    def _hear(self, text: str) -> None:
        message = _message(text)
        port = message.get("port") if message else None
        match message:
            case {"type": "ping"}:
                self._say({"type": "pong"})
            case {"type": "open", "origin": str() as origin} if isinstance(port, str):
                self._open(port, origin)
            case {"type": "rpc", "message": document} if isinstance(port, str) and port in self._ports:
                task = asyncio.create_task(self._ask(port, document))
                self._under_way[port].add(task)
                task.add_done_callback(self._under_way[port].discard)
            case {"type": "close"} if isinstance(port, str):
                self._close(port)
            case _:
                self._say({"type": "refused", "reason": "malformed"})

    def _open(self, port: str, origin: str) -> None:
        reason = self._fault(port, origin)
        if reason:
            self._say({"type": "refused", "port": port[:PORT_LENGTH_MAX], "reason": reason})
            return
        session = Session(Client(ClientKind.PAGE, origin))
        session.ears = PortEars(port, self._say)
        self._ports[port], self._under_way[port] = session, set()
        self._host.enter(session)
        view = self._host.view(origin)
        told = {"chainId": view.chain_hex, "networkVersion": str(view.chain_id), "accounts": list(view.accounts)}
        self._say({"type": "opened", "port": port, **told})
        session.ears.tell(connected(view))

    def _fault(self, port: str, origin: str) -> str:
        if not is_page_origin(origin):
            return "origin"
        if port in self._ports or not 0 < len(port) <= PORT_LENGTH_MAX:
            return "port"
        return "too-many" if len(self._ports) >= PORTS_MAX else ""

    def _close(self, port: str) -> tuple[asyncio.Task[None], ...]:
        """Its tasks, which are being cancelled."""
        session = self._ports.pop(port, None)
        if session is None:
            return ()
        self._host.leave(session)
        tasks = tuple(self._under_way.pop(port))
        for task in tasks:
            task.cancel()
        return tasks

    async def _ask(self, port: str, document: object) -> None:
        session = self._ports.get(port)
        if session is None:
            return
        reply: object
        try:
            reply = await self._provider.answer(session, read_document(document))
        except RpcRefused as refused:
            reply = failed(None, refused)
        if reply is not None and port in self._ports:
            self._say({"type": "rpc", "port": port, "message": reply})

    def _say(self, message: Message) -> None:
        self._put(encoded(message).decode())


class PortEars:
    """A port hears every event of its origin, as EIP-1193 names them."""

    def __init__(self, port: str, say: Callable[[Message], None]) -> None:
        self._port, self._say = port, say

    def tell(self, event: Event) -> None:
        self._say({"type": "event", "port": self._port, "name": event.name, "data": event.data})


def _message(text: str) -> Message | None:
    try:
        document = strict_json.parse(text, BODY_BYTES_MAX, floats=True)
    except JsonMalformed:
        return None
    return document if isinstance(document, dict) else None
