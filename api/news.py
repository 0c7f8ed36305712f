"""What is news to one listener: the newest items on a rail, compared with those that were told. Pure.

An item is news when it was not there before; when something about it has changed (a withdrawal is paid without a new
entry); or when it is gone (a reorganisation took a transfer away). Nobody is told anything of before they came, unless
they came back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Literal

from api.activity import Cursor, Item, Placed
from chain.recorded import Position

Rail = Literal["ledger", "chain"]
Name = Literal["ledger", "chain", "chain_gone", "quote", "account", "reset"]
WINDOW = 50
"""So many of the newest items on a rail are compared; older ones are settled."""


@dataclass(frozen=True, slots=True)
class Event:
    """One piece of news: `data` is for JSON; `place` is where the listener stands after it, None where it stays."""

    name: Name
    data: Item | Mapping[str, object]
    place: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What one listener knows of one rail: the last place, and the newest items by their ids."""

    place: int | Position | None = None
    items: Mapping[str, tuple[int | Position, Item]] = field(default_factory=dict)


def order(place: int | Position) -> tuple[int, ...]:
    """Places of one rail, as it is ordered."""
    return astuple(place) if isinstance(place, Position) else (place,)


def is_after(place: int | Position, known: int | Position | None) -> bool:
    return known is None or order(place) > order(known)


def first_look(window: Sequence[Placed]) -> Told:
    """Nothing of it is news. `window` is newest first, as in all functions here."""
    return Told(window[0].place if window else None, _by_id(window[:WINDOW]))


def compare(rail: Rail, told: Told, window: Sequence[Placed], cursor: Cursor) -> tuple[list[Event], Told]:
    """News, oldest first, and what is known after them. `cursor` is the listener's place on both rails."""
    events = [_gone(item, cursor) for item in _missing(told, window)] if rail == "chain" else []
    oldest = min((order(place) for place, _ in told.items.values()), default=None)
    place = told.place
    for placed in reversed(window):
        if placed.item is None:
            continue
        known = told.items.get(placed.item.id)
        is_back = oldest is not None and order(placed.place) >= oldest
        is_new = known is None and (is_after(placed.place, told.place) or is_back)
        if is_new or (known is not None and _facts(known[1]) != _facts(placed.item)):
            place = placed.place if is_after(placed.place, place) else place
            cursor = _moved(cursor, place)
            events.append(Event(rail, placed.item, cursor))
    if window and is_after(window[0].place, place):  # what is not shown is passed over too
        place = window[0].place
    return events, Told(place, _by_id(window[:WINDOW]))


def _facts(item: Item) -> Item:
    """Without what is only said about it: whose address it is known to be, what it was worth, what smells."""
    return item.model_copy(update={"counterparty": None, "value": None, "marks": []})


def _by_id(window: Sequence[Placed]) -> dict[str, tuple[int | Position, Item]]:
    return {placed.item.id: (placed.place, placed.item) for placed in window if placed.item is not None}


def _missing(told: Told, window: Sequence[Placed]) -> list[Item]:
    """What was told and is there no more, as far back as the window reaches."""
    there = {placed.item.id for placed in window if placed.item is not None}
    reach = order(window[-1].place) if len(window) >= WINDOW else ()
    return [item for key, (place, item) in told.items.items() if key not in there and order(place) >= reach]


def _gone(item: Item, cursor: Cursor) -> Event:
    return Event("chain_gone", {"id": item.id, "transaction": item.transaction}, cursor)


def _moved(cursor: Cursor, place: int | Position | None) -> Cursor:
    return replace(cursor, chain=place) if isinstance(place, Position) else replace(cursor, ledger=place)
