"""The outermost layer (ASGI): bodies are bounded and strictly JSON before any route sees them; answers carry the time.

`Tandem-Time` is the server's clock in Unix nanoseconds, so that a client with a wrong clock can be told.
"""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ApiError, BodyTooLarge, UnsupportedMediaType
from api.problems import BODY_TOO_SLOW, MEDIA_TYPE, Problem, of
from api.strict_json import parse

BODY_MAX = 64 * 1024
RELAY_BODY_MAX = 1024 * 1024
RELAY_PATH = "/v1/rpc/"
BODY_SECONDS_MAX = 15
_WITH_BODY = {"POST", "PUT", "PATCH", "DELETE"}


class Edge:
    """Wraps the application. Refuses what is too large, too slow or not strict JSON; adds the common headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        if scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        try:
            body = await _read(scope, receive)
        except TimeoutError:
            await _answer(Problem(BODY_TOO_SLOW, {}), send)
        except ApiError as error:
            await _answer(of(error), send)
        else:
            if body is not None:
                await self._app(scope, _replay(body, receive), send)


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """The whole body, checked; None when the client went away. Raises ApiError, TimeoutError."""
    headers = Headers(scope=scope)
    limit = RELAY_BODY_MAX if scope["path"].startswith(RELAY_PATH) else BODY_MAX
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length[:18]) > limit:
        raise BodyTooLarge(limit)
    chunks, size = [], 0
    async with asyncio.timeout(BODY_SECONDS_MAX):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(limit)
            chunks.append(chunk)
            if not message.get("more_body", False):
                break
    body = b"".join(chunks)
    if body:
        media_type = headers.get("content-type", "").split(";")[0].strip().lower()
        if media_type != "application/json":
            raise UnsupportedMediaType
        parse(body, limit)
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Tandem-Time"] = str(time.time_ns())
            headers["X-Content-Type-Options"] = "nosniff"
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending


async def _answer(problem: Problem, send: Send) -> None:
    body = problem.body()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": problem.row.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
