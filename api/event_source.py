"""Reads the news of one holder: ledger entries, chain transfers, quotes, changes of the account.

Nothing is queued: a listener pulls what happened after the place that they know, in bounded pages, so that a slow one
costs no memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.activity import Cursor, Placed
from api.auth import rfc3339
from api.fields import spelled
from api.news import WINDOW, Event, Rail, Told, compare, first_look, is_after
from api.story import Story
from api.tables import quotes
from chain.indexer_store import IndexerStore
from chain.recorded import Position
from fiat import history

PAGE = 100
MISSED_MAX = 1000
"""Who missed more is told to read `/activity` instead."""
UNSETTLED = ("accepted", "pending")
"""Items whose state changes without a new entry of theirs."""
Spot = int | Position
Read = Callable[[Spot | None], Awaitable[list[Placed]]]


@dataclass(frozen=True, slots=True)
class State:
    """How both sides stand; there is news only where this has changed. `quoted_until`: the newest quote's end."""

    sequence: int
    generation: int
    block: bytes
    quoted_until: int


class EventSource:
    """Reads for all listeners. `clock` gives Unix nanoseconds."""

    def __init__(self, engine: AsyncEngine, index: IndexerStore, story: Story, clock: Callable[[], int]) -> None:
        self._engine, self._index, self.story, self._clock = engine, index, story, clock

    async def state(self) -> State:
        newest = select(quotes.c.expires_at).order_by(quotes.c.expires_at.desc()).limit(1)
        async with self._engine.connect() as conn:
            sequence = await history.last_sequence(conn)
            quoted = (await conn.execute(newest)).scalar_one_or_none() or 0
        tip = await self._index.tip()
        return State(sequence, -1 if tip is None else tip.lives, b"" if tip is None else tip.hash, quoted)

    async def count(self, holder: bytes) -> int:
        """How many records the holder's chain has: of money, keys, limits and freezes."""
        async with self._engine.connect() as conn:
            found = await history.holder(conn, holder)
        return 0 if found is None else found.count

    async def open_quotes(self, holder: bytes) -> dict[bytes, int]:
        """Ends (Unix seconds) of the holder's quotes that are neither over nor accepted, by id."""
        table, now = quotes.c, self._clock() // 10**9
        query = select(table.id, table.expires_at).where(
            table.holder == holder, table.expires_at > now, table.accepted_sequence.is_(None)
        )
        async with self._engine.connect() as conn:
            rows = await conn.execute(query.order_by(table.expires_at.desc()).limit(WINDOW))
            return {row.id: row.expires_at for row in rows}


class Listener:
    """One holder's news. `place` is where they left: None where they come for the first time."""

    def __init__(self, source: EventSource, holder: bytes, place: Cursor | None) -> None:
        self._source, self._holder = source, holder
        self._resumes, self.place = place is not None, place or Cursor()
        self._seen: State | None = None
        self._count = -1
        self._ledger, self._chain = Told(self.place.ledger), Told(self.place.chain)
        self._quotes: dict[bytes, int] = {}

    async def news(self, state: State) -> list[Event]:
        """Since the last look, oldest first on each rail."""
        before, self._seen = self._seen, state
        if before is None and not self._resumes:
            await self._begin()
            return []
        found: list[Event] = []
        if before is None or before.sequence != state.sequence:
            found += await self._ledger_news(is_first=before is None)
        if before is None or (before.generation, before.block) != (state.generation, state.block):
            is_other = before is not None and before.generation != state.generation
            found += await self._chain_news(is_other=is_other)
        if before is None or (before.quoted_until, before.sequence) != (state.quoted_until, state.sequence):
            found += await self._quote_news()
        return found

    async def _begin(self) -> None:
        self._count = await self._source.count(self._holder)
        self._ledger = first_look(await self._read_ledger(None))
        self._chain = first_look(await self._read_chain(None))
        self._quotes = await self._source.open_quotes(self._holder)
        self.place = self._here()

    async def _ledger_news(self, *, is_first: bool) -> list[Event]:
        count = await self._source.count(self._holder)
        known, self._count = self._count, count
        if known == count and not any(item.state in UNSETTLED for _, item in self._ledger.items.values()):
            return []
        found, self._ledger = await self._compared("ledger", self._read_ledger, self._ledger)
        self.place = self._here()
        account = Event("account", {"count": str(count)}, self.place)
        return found if is_first or known == count else [*found, account]

    async def _chain_news(self, *, is_other: bool) -> list[Event]:
        found: list[Event] = []
        if is_other:  # a restarted chain's transfers are no successors of the old one's
            self._chain = Told(self._chain.place)
            found.append(Event("reset", {"reason": "chain-restarted"}))
        more, self._chain = await self._compared("chain", self._read_chain, self._chain)
        self.place = self._here()
        return found + more

    async def _compared(self, rail: Rail, read: Read, told: Told) -> tuple[list[Event], Told]:
        window = await _window(read, told)
        if window is None:
            return [Event("reset", {"reason": "too-much-missed"})], first_look(await read(None))
        return compare(rail, told, window, self.place)

    async def _read_ledger(self, before: Spot | None) -> list[Placed]:
        return await self._source.story.ledger(self._holder, _sequence(before), PAGE)

    async def _read_chain(self, before: Spot | None) -> list[Placed]:
        return await self._source.story.chain(self._holder, _position(before), PAGE)

    async def _quote_news(self) -> list[Event]:
        known, self._quotes = self._quotes, await self._source.open_quotes(self._holder)
        new = {key: end for key, end in self._quotes.items() if key not in known}
        return [Event("quote", {"id": spelled(key), "expires_at": rfc3339(end * 10**9)}) for key, end in new.items()]

    def _here(self) -> Cursor:
        return replace(self.place, ledger=_sequence(self._ledger.place), chain=_position(self._chain.place))


async def _window(read: Read, told: Told) -> list[Placed] | None:
    """The newest items, at least as far back as what was told and as is compared; None where that is too far."""
    found: list[Placed] = []
    while len(found) <= MISSED_MAX:
        page = await read(found[-1].place if found else None)
        found += page
        is_whole = len(page) < PAGE or not is_after(page[-1].place, told.place)
        if is_whole and (len(found) >= WINDOW or len(page) < PAGE):
            return found
    return None


def _sequence(place: Spot | None) -> int | None:
    return place if isinstance(place, int) else None


def _position(place: Spot | None) -> Position | None:
    return place if isinstance(place, Position) else None
