"""WebSocket guests of the door: a page or program directly, and the extension with its ports."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any, Self

import aiohttp

from tests.flows.door_client import PAGE, Up

EXTENSION = "chrome-extension://" + "abcdefghijklmnop" * 2
SECONDS_MAX = 120


class Socket:
    """JSON-RPC over a WebSocket: answers by id, what comes unasked in `events`."""

    def __init__(self, running: Up, origin: str | None = PAGE, path: str = "/") -> None:
        self._url, self._headers = running.websocket + path, {"Origin": origin} if origin else {}
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.events: asyncio.Queue[Any] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers)
        self.connection = await self._session.ws_connect(self._url, max_msg_size=0)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.connection.close()
        await self._session.close()
        await self._listening

    async def _listen(self) -> None:
        async for message in self.connection:
            document = json.loads(message.data)
            number = document.get("id")
            if number in self._answers:
                self._answers.pop(number).set_result(document)
            else:
                self.events.put_nowait(document)

    async def answer(self, method: str, *params: Any) -> Any:
        number = next(self._numbers)
        future = self._answers[number] = asyncio.get_running_loop().create_future()
        await self.connection.send_json({"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)})
        return await asyncio.wait_for(future, SECONDS_MAX)

    async def ask(self, method: str, *params: Any) -> Any:
        answer = await self.answer(method, *params)
        assert "result" in answer, answer
        return answer["result"]

    async def code(self, method: str, *params: Any) -> int:
        answer = await self.answer(method, *params)
        assert "error" in answer, answer
        return int(answer["error"]["code"])

    async def event(self) -> Any:
        return await asyncio.wait_for(self.events.get(), SECONDS_MAX)


class Extension:
    """The extension's socket, message by message."""

    def __init__(self, running: Up, origin: str = EXTENSION) -> None:
        self._url, self._origin = running.websocket + "/extension", origin

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers={"Origin": self._origin})
        self.connection = await self._session.ws_connect(self._url)
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.connection.close()
        await self._session.close()

    async def say(self, **message: Any) -> None:
        await self.connection.send_json(message)

    async def hear(self) -> Any:
        """The next message; None when the socket was closed."""
        message = await self.connection.receive(timeout=SECONDS_MAX)
        return json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else None

    async def said(self, **message: Any) -> Any:
        await self.say(**message)
        return await self.hear()

    async def rpc(self, port: str, method: str, *params: Any) -> None:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        await self.say(type="rpc", port=port, message=request)
