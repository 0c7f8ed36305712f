"""What sending a token costs the operator now: gas of the usual transfer at what the next block asks for."""

from __future__ import annotations

from collections.abc import Callable

from chain.node import Node
from chain.token import Token

GAS_OF_COIN, GAS_OF_TOKEN = 21_000, 65_000
"""Of a transfer of the chain's own coin, and of a token's to somebody who had none of it."""
KEPT_NS = 2_000_000_000


class GasCost:
    """Wei, by token; a price of gas is used for two seconds. `clock` gives monotonic nanoseconds."""

    def __init__(self, node: Node, clock: Callable[[], int]) -> None:
        self._node, self._clock = node, clock
        self._price, self._asked_at = 0, -KEPT_NS

    async def __call__(self, token: Token) -> int:
        """Raises ChainError where no node says what gas costs."""
        now = self._clock()
        if now - self._asked_at >= KEPT_NS:
            fees = await self._node.fees()
            self._price = await self._node.gas_price() if fees is None else fees.base + fees.priority
            self._asked_at = now
        return self._price * (GAS_OF_COIN if token.is_native else GAS_OF_TOKEN)
