"""Reads the price feeds (Chainlink's AggregatorV3Interface) through the node, all in one batch."""

from __future__ import annotations

from collections.abc import Mapping

from api.prices import PriceBook, Reading
from chain.address import Address
from chain.calldata import decode, encode_call
from chain.errors import CalldataMalformed, NodeRefused
from chain.node import Node

_LATEST = encode_call("latestRoundData()")
_DECIMALS = encode_call("decimals()")


class PriceFeeds:
    """The feeds of one chain by pair (`ETH/USD`)."""

    def __init__(self, node: Node, feeds: Mapping[str, Address]) -> None:
        self._node = node
        self._feeds = dict(feeds)

    async def read(self, now: int) -> PriceBook:
        """Every feed's answer as of `now` (Unix seconds). A feed that does not answer has no reading.

        Raises NodeError when the node does not answer at all.
        """
        views = [(address, view) for address in self._feeds.values() for view in (_LATEST, _DECIMALS)]
        answers = await self._node.reads(views)
        readings = {}
        for place, pair in enumerate(self._feeds):
            reading = _reading(answers[2 * place], answers[2 * place + 1])
            if reading is not None:
                readings[pair] = reading
        return PriceBook(now, readings)


def _reading(round_data: bytes | NodeRefused, decimals: bytes | NodeRefused) -> Reading | None:
    if isinstance(round_data, NodeRefused) or isinstance(decimals, NodeRefused):
        return None
    try:
        _, answer, _, updated_at, _ = decode("(uint80,int256,uint256,uint256,uint80)", round_data)
        (places,) = decode("(uint8)", decimals)
    except CalldataMalformed:
        return None
    assert isinstance(answer, int) and isinstance(updated_at, int) and isinstance(places, int)
    return Reading(answer, places, updated_at)
