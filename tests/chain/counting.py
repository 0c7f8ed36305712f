"""A JSON-RPC proxy that counts: how often a node was really asked, and for what."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web


class Counting:
    """`trips` are the methods of each POST that came, in their order."""

    def __init__(self, target: str, runs_no_code: bool) -> None:
        self.url, self._runs_no_code = "", runs_no_code
        self.trips: list[list[str]] = []
        self._target = target

    async def pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        calls = json.loads(body)
        self.trips.append([call["method"] for call in (calls if isinstance(calls, list) else [calls])])
        if self._runs_no_code:
            body = body.replace(b'{"data": "0x', b'{"data": "0xfe')
        headers = {"Content-Type": "application/json"}
        async with aiohttp.ClientSession() as session, session.post(self._target, data=body, headers=headers) as answer:
            return web.Response(body=await answer.read(), status=answer.status, content_type="application/json")


@asynccontextmanager
async def counting(target: str, *, runs_no_code: bool = False) -> AsyncIterator[Counting]:
    """A proxy before the node at `target`, on a free port of loopback.

    `runs_no_code`: an eth_call that creates fails, as on nodes that refuse those (0xfe is EVM's INVALID).
    """
    proxy = Counting(target, runs_no_code)
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/", proxy.pass_on)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield proxy
    finally:
        await runner.cleanup()
