"""How fresh a remembered answer is: a read that many share, and a bounded memory for a few seconds."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")
Key = TypeVar("Key", bound=Hashable)


class Latest(Generic[Value]):
    """A read that is shared by all who ask while another is running, and never older than the asking.

    Whoever asks gets a read that began after they asked: those who come while one runs wait for the next, together.
    """

    def __init__(self, read: Callable[[], Awaitable[Value]]) -> None:
        self._read = read
        self._running: asyncio.Future[Value] | None = None
        self._next: asyncio.Future[Value] | None = None

    async def get(self) -> Value:
        if self._next is None:
            self._next = asyncio.ensure_future(self._after(self._running))
        return await asyncio.shield(self._next)

    async def _after(self, running: asyncio.Future[Value] | None) -> Value:
        if running is not None:
            await asyncio.wait([running])
        self._running, self._next = self._next, None
        return await self._read()


class Recent(Generic[Key, Value]):
    """Values remembered for `keep_ns` at most, `size` of them; the oldest go first. It is given `now` (ns)."""

    def __init__(self, keep_ns: int, size: int) -> None:
        self._keep_ns, self._size = keep_ns, size
        self._values: OrderedDict[Key, tuple[int, Value]] = OrderedDict()

    def get(self, key: Key, now: int) -> Value | None:
        found = self._values.get(key)
        return found[1] if found is not None and 0 <= now - found[0] < self._keep_ns else None

    def put(self, key: Key, value: Value, now: int) -> None:
        self._values[key] = (now, value)
        self._values.move_to_end(key)
        if len(self._values) > self._size:
            self._values.popitem(last=False)

    def drop(self, key: Key) -> None:
        self._values.pop(key, None)

    def forget(self, wanted: Callable[[Key], bool]) -> None:
        for key in [key for key in self._values if wanted(key)]:
            del self._values[key]
