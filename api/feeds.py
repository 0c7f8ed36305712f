"""The price feeds of one chain: what to ask with a block, what of it counts, and which rounds were taken lately.

It asks nobody by itself: its views are read together with balances (head_reader.py), in the same round trip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from api.price_guard import Watched, judge, reading
from api.prices import Doubt, PriceBook, Reading
from api.reference_rates import Reference, doubts
from chain.address import Address
from chain.price_feed import Round, feed_views, read_round
from chain.views import Answer, View

NEW_MAX = 1000
_VIEWS = 2


class PriceFeeds:
    """The feeds of one chain by pair (`ETH/USD`). `reference` is the newest second source for currencies, if any."""

    def __init__(self, feeds: Mapping[str, Address]) -> None:
        self._feeds = dict(feeds)
        self._watched: dict[str, Watched] = dict.fromkeys(self._feeds, Watched())
        self._new: dict[tuple[str, int, int], Round] = {}
        self.reference: Reference | None = None

    def remember(self, taken: Mapping[str, Round]) -> None:
        """The rounds that counted last, so that a restart takes no jump unseen."""
        self._watched |= {pair: Watched(known) for pair, known in taken.items() if pair in self._feeds}

    def views(self) -> list[View]:
        """What to ask."""
        return [view for feed in self._feeds.values() for view in feed_views(feed)]

    def book(self, answers: Sequence[Answer], now: int) -> PriceBook:
        """The prices as of `now` (Unix seconds), of the answers to `views`."""
        readings: dict[str, Reading] = {}
        closed: dict[str, Doubt] = {}
        for place, pair in enumerate(self._feeds):
            seen = read_round(answers[_VIEWS * place : _VIEWS * (place + 1)])
            doubt = Doubt.NO_ANSWER if seen is None else self._judged(pair, seen, now)
            if doubt is not None:
                closed[pair] = doubt
            elif seen is not None:
                readings[pair] = reading(seen)
        book = PriceBook(now, readings, closed)
        apart = doubts(book, self.reference)
        return PriceBook(now, readings, closed | apart) if apart else book

    def new_rounds(self) -> list[tuple[str, Round]]:
        """Rounds that were taken since this was asked last, for the history."""
        found = [(key[0], taken) for key, taken in self._new.items()]
        self._new.clear()
        return found

    def _judged(self, pair: str, seen: Round, now: int) -> Doubt | None:
        before = self._watched[pair]
        self._watched[pair], doubt = judge(pair, before, seen, now)
        if doubt is None and before.taken != seen and len(self._new) < NEW_MAX:
            self._new[pair, seen.id, seen.updated_at] = seen
        return doubt
