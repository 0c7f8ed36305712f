"""Price feeds of the AggregatorV3Interface (Chainlink's and others' adapters): what to ask, what was said. Pure.

Tokens and currencies are priced by the same interface. Nothing here judges an answer; whoever uses it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chain.address import Address
from chain.calldata import decode, encode_call
from chain.errors import CalldataMalformed
from chain.views import Answer, View

VIEWS = (encode_call("latestRoundData()"), encode_call("decimals()"))
_ROUND = "(uint80,int256,uint256,uint256,uint80)"


@dataclass(frozen=True, slots=True)
class Round:
    """`answer` at `decimals`; times in Unix seconds, as the feed says them. `answered_in` below `id`: carried over."""

    id: int
    answer: int
    started_at: int
    updated_at: int
    answered_in: int
    decimals: int


def feed_views(feed: Address) -> list[View]:
    """What to ask a feed for its newest round."""
    return [View(feed, calldata) for calldata in VIEWS]


def read_round(told: Sequence[Answer]) -> Round | None:
    """Of the answers to `feed_views`; None where it did not answer as the interface has it."""
    data, places = (answer.whole() for answer in told)
    if data is None or places is None:
        return None
    try:
        identity, answer, started_at, updated_at, answered_in = decode(_ROUND, data)
        (decimals,) = decode("(uint8)", places)
    except CalldataMalformed:
        return None
    numbers = [n for n in (identity, answer, started_at, updated_at, answered_in, decimals) if isinstance(n, int)]
    return Round(*numbers)
