"""WebSockets as both kinds of guest use them: messages in, each in a task of its own; messages out, in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Self

from aiohttp import WSMsgType, web

OUTBOX_MAX = 1000
UNDER_WAY_MAX = 200


class Outbox:
    """What is to be sent, in order. Who reads too slowly is hung up on rather than kept in memory."""

    def __init__(self, connection: web.WebSocketResponse) -> None:
        self._connection = connection
        self._waiting: asyncio.Queue[str] = asyncio.Queue(OUTBOX_MAX)
        self._sending: asyncio.Task[None] | None = None

    def put(self, text: str) -> None:
        """Never waits."""
        try:
            self._waiting.put_nowait(text)
        except asyncio.QueueFull:
            if self._sending is not None:
                self._sending.cancel()

    async def __aenter__(self) -> Self:
        self._sending = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *exception: object) -> None:
        """What is left is sent, if that goes at once."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            while not self._waiting.empty() and not self._connection.closed:
                await self._connection.send_str(self._waiting.get_nowait())
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self) -> None:
        try:
            while True:
                await self._connection.send_str(await self._waiting.get())
        except (ConnectionError, RuntimeError):
            return
        except asyncio.CancelledError:
            if self._waiting.full():
                await self._connection.close(code=1008, message=b"reads too slowly")
            raise


async def listen(connection: web.WebSocketResponse, said: Callable[[str | bytes], Coroutine[Any, Any, None]]) -> None:
    """Every message, text or not (web3.py sends bytes); ends with the connection, and withdraws what is under way."""
    under_way: set[asyncio.Task[None]] = set()
    try:
        async for message in connection:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            while len(under_way) >= UNDER_WAY_MAX:
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.create_task(said(message.data))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
    finally:
        for task in tuple(under_way):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
