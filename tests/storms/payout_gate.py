"""A proxy before a node that stops at one call: before it is passed on, or before its answer is given back."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web


class Gate:
    """`url` is the node's. While `method` is set, the first such call is held: `reached` says that it is there."""

    def __init__(self, behind, session):
        self.url, self._behind, self._session = "", behind, session
        self.method, self.passes, self.refuses = None, False, False
        self.reached = asyncio.Event()

    def hold(self, method, *, passes):
        """Hold that call; `passes`: the node gets it, and the answer is held."""
        self.method, self.passes = method, passes
        self.reached.clear()

    def open(self):
        self.method = None

    async def handle(self, request):
        body = await request.read()
        if self.refuses:
            raise web.HTTPServiceUnavailable
        calls = json.loads(body)
        held = any(call["method"] == self.method for call in (calls if isinstance(calls, list) else [calls]))
        answer = await self._forward(body) if not held or self.passes else b""
        if held:
            self.reached.set()
            await asyncio.Event().wait()  # until who asked is gone
        return web.Response(body=answer, content_type="application/json")

    async def _forward(self, body):
        async with self._session.post(self._behind, data=body, headers={"Content-Type": "application/json"}) as answer:
            return await answer.read()


@asynccontextmanager
async def gate(behind):
    async with ClientSession() as session:
        one = Gate(behind, session)
        app = web.Application(client_max_size=2**24)
        app.router.add_post("/", one.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        one.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        try:
            yield one
        finally:
            await runner.cleanup()
