"""The one history of what happened to a person: ledger entries and chain transfers, newest first. Pure.

Both sides are read newest first and merged by time. A cursor is where each side was left, so that a page never repeats
and never skips, whatever arrives meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from typing import Literal

from pydantic import Field

from api.errors import InvalidInput
from api.fields import Answer, DecimalText, Time
from api.price_line import PriceLine, pairs_of
from api.prices import rate_text
from chain.recorded import Position
from fiat.currency import Currency
from fiat.money import decimal_text

_NONE = "-"
_NUMBER = "(?:0|[1-9][0-9]{0,17})"
_PLACE = rf"(?:{_NUMBER}\.){{4}}(?:-1|{_NUMBER})\.{_NUMBER}"
_CURSOR = re.compile(rf"l(-|{_NUMBER})c(-|{_PLACE})", re.ASCII)

Kind = Literal[
    "transfer", "topup", "withdrawal", "withdrawal_return", "fee", "conversion", "hold", "capture", "release", "expiry",
    "mandate", "collection", "operator", "chain_transfer", "other",
]  # fmt: skip
State = Literal["pending", "done", "accepted", "paid", "returned", "failed", "reserved", "released", "expired"]


class Counterparty(Answer):
    """The other side, as far as it is known; `label` is a destination outside."""

    handle: str | None = None
    holder: str | None = None
    address: str | None = None
    label: str | None = None


class Received(Answer):
    """What a conversion gave for the item's amount."""

    asset: str
    amount: DecimalText
    amount_minor: str
    decimals: int


class Value(Answer):
    """What the amount was worth at the item's time, rounded down; `source` are the feeds that said so."""

    currency: str = Field(examples=["EUR"])
    amount: DecimalText
    amount_minor: str
    price: DecimalText
    source: str = Field(examples=["ETH/USD EUR/USD"])


class Item(Answer):
    """One thing that happened. Amounts are positive; `direction` says which way.

    On the chain, `final` says whether so many blocks stand on it that it stays; `archived`, that it was on a chain that
    was restarted or set back since: it is kept as a memory, and nothing that one holds comes of it.
    `value` is null where no price of that time is known. `marks` are what is odd about it: `looks-alike` (the other
    side passes for somebody that one pays, and is another), `nothing` (no units moved), `unlisted` (the token is on no
    list: `asset` is its contract, the amount raw units).
    """

    id: str
    at: Time
    kind: Kind
    rail: Literal["ledger", "chain"]
    direction: Literal["in", "out", "self"]
    asset: str
    amount: DecimalText
    amount_minor: str
    decimals: int
    state: State
    counterparty: Counterparty
    received: Received | None = None
    memo: str | None = None
    nonce: str | None = None
    sequence: int | None = None
    chain_id: int | None = None
    transaction: str | None = None
    block: int | None = None
    final: bool | None = None
    archived: bool = False
    balance: DecimalText | None = None
    value: Value | None = None
    marks: list[Literal["looks-alike", "nothing", "unlisted"]] = Field(default_factory=list)


class ActivityPage(Answer):
    """Newest first. `next_cursor` is null at the end; `generation` counts how often a chain was restarted or set back.

    From block `untraced_from` on the server's node did not tell what contracts move inside their calls: such coins are
    in no item. Null: nothing is missing.
    """

    items: list[Item]
    generation: int | None = Field(examples=[0])
    untraced_from: int | None = Field(examples=[None])
    next_cursor: str | None = Field(examples=["l12c1795000000.0.9.1.-1.0"])


@dataclass(frozen=True, slots=True)
class Placed:
    """An item with its time (ns) and its place on its rail, where a next page would go on; None: not to be shown."""

    at_ns: int
    place: int | Position
    item: Item | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Each side is read before these places; None: from the newest on."""

    ledger: int | None = None
    chain: Position | None = None

    def __str__(self) -> str:
        return f"l{_NONE if self.ledger is None else self.ledger}c{_NONE if self.chain is None else self.chain}"

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """Raises InvalidInput for what no page has given."""
        if text is None:
            return cls()
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise InvalidInput(("query.cursor", "is no cursor of this server"))
        ledger, chain = match.groups()
        return cls(
            None if ledger == _NONE else int(ledger),
            None if chain == _NONE else Position.parse(chain),
        )


def page(
    ledger: Sequence[Placed],
    chain: Sequence[Placed],
    start: Cursor,
    limit: int,
    generation: int | None,
    untraced_from: int | None = None,
) -> ActivityPage:
    """Merge both sides, each newest first and read one further than `limit`."""
    newest = list(merge(ledger, chain, key=lambda placed: -placed.at_ns))
    after = start
    for placed in newest[:limit]:
        if isinstance(placed.place, Position):
            after = replace(after, chain=placed.place)
        else:
            after = replace(after, ledger=placed.place)
    return ActivityPage(
        items=[placed.item for placed in newest[:limit] if placed.item is not None],
        generation=generation,
        untraced_from=untraced_from,
        next_cursor=str(after) if len(newest) > limit else None,
    )


def valued(placed: Iterable[Placed], line: PriceLine, currency: Currency) -> list[Placed]:
    """The same, with what each item was worth in that currency at its time, where the line knows it."""
    return [
        each if each.item is None else replace(each, item=_valued(each, each.item, line, currency)) for each in placed
    ]


def _valued(placed: Placed, item: Item, line: PriceLine, currency: Currency) -> Item:
    rate = None if "unlisted" in item.marks else line.rate(item.asset, currency.code, placed.at_ns // 10**9)
    if rate is None:
        return item
    minor = int(int(item.amount_minor) * rate * 10**currency.exponent // 10**item.decimals)
    value = Value(
        currency=currency.code,
        amount=decimal_text(minor, currency.exponent),
        amount_minor=str(minor),
        price=rate_text(rate),
        source="" if item.asset == currency.code else " ".join(sorted(pairs_of(item.asset, currency.code))),
    )
    return item.model_copy(update={"value": value})


def memo_of(shown: str | None) -> str | None:
    """What stands below the first line of the text that the payer was shown; the first line names the payee."""
    _, _, memo = (shown or "").partition("\n")
    return memo or None
