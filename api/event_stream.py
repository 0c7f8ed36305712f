"""Server-sent events (the WHATWG's event streams): one connection, its bounds, and the one look-out for all of them.

A stream writes only as fast as it is read; who takes longer than a while for one write is dropped and may come back to
the place that they had. It ends with its session.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.errors import TooManyRequests
from api.event_source import EventSource, Listener, State
from api.news import Event

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.25
HEARTBEAT_SECONDS = 15.0
WRITE_SECONDS_MAX = 10.0
STREAMS_MAX = 500
STREAMS_OF_HOLDER_MAX = 8
RETRY_MS = 2000
RETRY_AFTER_SECONDS = 10
MEDIA_TYPE = "text/event-stream"


class LookOut:
    """Looks at both sides while anybody listens, and wakes all of them where something has changed."""

    def __init__(self, source: EventSource) -> None:
        self.source = source
        self.is_closed = False
        self._changed = asyncio.Event()
        self._state: State | None = None
        self._by_holder: Counter[bytes] = Counter()
        self._task: asyncio.Task[None] | None = None

    def enter(self, holder: bytes) -> None:
        """Raises TooManyRequests."""
        if self._by_holder.total() >= STREAMS_MAX or self._by_holder[holder] >= STREAMS_OF_HOLDER_MAX:
            raise TooManyRequests(RETRY_AFTER_SECONDS)
        self._by_holder[holder] += 1
        if self._task is None:
            self._task = asyncio.create_task(self._look(), name="look-out for events")

    def leave(self, holder: bytes) -> None:
        self._by_holder[holder] -= 1
        if not self._by_holder[holder]:
            del self._by_holder[holder]
        if not self._by_holder and self._task is not None:
            self._task.cancel()
            self._task, self._state = None, None

    async def close(self) -> None:
        """Ends every stream soon; none begins any more."""
        self.is_closed = True
        self._changed.set()

    async def after(self, seen: State | None) -> State:
        """The state, as soon as it is another than `seen`."""
        while self._state is None or self._state == seen:
            if self.is_closed:
                break
            await self._changed.wait()
        return self._state if self._state is not None else await self.source.state()

    async def _look(self) -> None:
        while not self.is_closed:
            with suppress(Exception):  # the database may be away for a while: streams wait, and their heart beats on
                state = await self.source.state()
                if state != self._state:
                    self._state = state
                    woken, self._changed = self._changed, asyncio.Event()
                    woken.set()
            await asyncio.sleep(LOOK_SECONDS)


class Stream(Response):
    """The answer. `is_signed_in` is asked at every heartbeat and before anything is told."""

    def __init__(
        self, look_out: LookOut, listener: Listener, holder: bytes, is_signed_in: Callable[[], Awaitable[bool]]
    ) -> None:
        super().__init__(media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._look_out, self._listener, self._holder, self._is_signed_in = look_out, listener, holder, is_signed_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Until the session ends, the reader goes or is too slow, or the server ends."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            talking = asyncio.create_task(self._talk(send))
            gone = asyncio.create_task(_gone(receive))
            await asyncio.wait([talking, gone], return_when=asyncio.FIRST_COMPLETED)
            for task in (talking, gone):
                task.cancel()
            await asyncio.gather(talking, gone, return_exceptions=True)
        finally:
            self._look_out.leave(self._holder)

    async def _talk(self, send: Send) -> None:
        with suppress(OSError):  # a write that took too long is one
            reason = await self._until_over(send)
            await _write(send, f'event: end\ndata: {{"reason":"{reason}"}}\n\n'.encode())
            await send({"type": "http.response.body", "body": b""})

    async def _until_over(self, send: Send) -> str:
        """Why it is over. Raises OSError where the reader does not read."""
        try:
            await self._tell_all(send)
        except OSError:
            raise
        except Exception as error:  # the database may be away: who reads comes back to the place that they have
            log.warning("a stream of events ends: %r", error)
            return "interrupted"
        return "closing" if self._look_out.is_closed else "session"

    async def _tell_all(self, send: Send) -> None:
        seen = await self._first(send)
        while not self._look_out.is_closed and await self._is_signed_in():
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    seen = await self._look_out.after(seen)
            except TimeoutError:
                await _write(send, b": heartbeat\n\n")
                continue
            if not self._look_out.is_closed and await self._is_signed_in():
                await self._tell(send, await self._listener.news(seen))

    async def _first(self, send: Send) -> State:
        state = await self._look_out.source.state()
        missed = await self._listener.news(state)
        ready = {"sequence": str(state.sequence), "generation": None if state.generation < 0 else state.generation}
        place = self._listener.place
        begin = f"retry: {RETRY_MS}\n" + ("" if missed else f"id: {place}\n")
        await _write(send, f"{begin}event: ready\ndata: {json.dumps(ready)}\n\n".encode())
        await self._tell(send, missed)
        return state

    async def _tell(self, send: Send, news: list[Event]) -> None:
        for event in news:
            await _write(send, spell(event))


def spell(event: Event) -> bytes:
    """One event of the stream; JSON has no line feeds."""
    data = event.data.model_dump_json() if isinstance(event.data, BaseModel) else json.dumps(dict(event.data))
    place = "" if event.place is None else f"id: {event.place}\n"
    return f"{place}event: {event.name}\ndata: {data}\n\n".encode()


async def _write(send: Send, body: bytes) -> None:
    """Raises TimeoutError where the reader does not read."""
    async with asyncio.timeout(WRITE_SECONDS_MAX):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
