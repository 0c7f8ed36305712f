"""What open pages hear: names of what changed, as server-sent events; a page then asks for its own parts again.

Nothing is told but the name (`approvals`, `activity`, `account`, `quote`, `lock`), so that what a page shows always
comes by the way that is checked. The server's own stream is followed while somebody listens.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from aiohttp import web

from chain.errors import ChainError
from wallet.client import Client
from wallet.errors import WalletError
from wallet.web.visit import Place

POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15
AGAIN_SECONDS = 3
STREAMS_MAX = 32
_OF_SERVER = {"ledger": "activity", "chain": "activity", "chain_gone": "activity", "reset": "activity"}
_OF_SERVER |= {"account": "account", "quote": "quote"}


class _Ear:
    """One page. What it has not read yet is not told twice."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.woken = asyncio.Event()

    def tell(self, name: str) -> None:
        self.names[name] = None
        self.woken.set()

    async def heard(self) -> list[str]:
        """After a while without news: nothing."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self.woken.wait()
        told, self.names = list(self.names), {}
        self.woken.clear()
        return told


class Events:
    """The streams of one client's pages."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._ears: set[_Ear] = set()
        self._closed = False
        place.desk.watchers.append(lambda: self.tell("approvals"))

    def tell(self, name: str) -> None:
        for ear in self._ears:
            ear.tell(name)

    def close(self) -> None:
        """The client ends: streams end by themselves, so that nobody waits for them."""
        self._closed = True
        self.tell("end")

    async def stream(self, request: web.Request, headers: Mapping[str, str]) -> web.StreamResponse:
        """Until the page leaves, the keys are locked or the client ends."""
        if len(self._ears) >= STREAMS_MAX:
            return web.Response(status=503, headers=headers)
        response = web.StreamResponse(headers={**headers, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        ear = _Ear()
        self._ears.add(ear)
        try:
            await response.write(b"event: ready\ndata: \n\n")
            while not self._closed:
                told = await ear.heard()
                lines = [f"event: {name}\ndata: \n\n" for name in told] or [": \n\n"]
                await response.write("".join(lines).encode())
                if "lock" in told:
                    break
        except ConnectionError:
            pass  # the page has left
        finally:
            self._ears.discard(ear)
        return response

    async def work(self, on_lock: Callable[[], None]) -> None:
        """Until cancelled: sees when the signer's process ends, and hears what the server tells."""
        follower = asyncio.create_task(self._follow())
        life = self._place.signer.pid
        try:
            while True:
                await asyncio.sleep(POLL_SECONDS)
                now = self._place.signer.pid
                if now != life and life is not None:
                    on_lock()
                    self.tell("lock")
                life = now
        finally:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)

    async def _follow(self) -> None:
        """The server's events, while there is a page; a server that is away is asked again."""
        while True:
            if not self._ears:
                await asyncio.sleep(POLL_SECONDS)
                continue
            with contextlib.suppress(WalletError, ChainError):
                async with Client(self._place.config, self._place.store) as client:
                    async for name in client.events():
                        if name in _OF_SERVER:
                            self.tell(_OF_SERVER[name])
                        if not self._ears:
                            break
            await asyncio.sleep(AGAIN_SECONDS)
