"""Prices for rules with an amount in fiat: what our server says of what the person holds. Claims, and bounded ones.

Asked only where a rule wants them, with the session that is there; without one there is no price, and it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from fractions import Fraction
from typing import Any

from chain.address import Address
from chain.errors import ChainError
from wallet.client import Client
from wallet.config import Config
from wallet.errors import WalletError
from wallet.policy import NANO
from wallet.policy_request import Price
from wallet.state import Store


async def prices_in(currency: str, config: Config, store: Store) -> tuple[Price, ...]:
    """Of tokens on chains. Empty where the server does not answer, or nobody is signed in."""
    with suppress(WalletError):
        async with Client(config, store) as client:
            return read_prices(currency, await client.get(f"/portfolio?in={currency}", session=True))
    return ()


def read_prices(currency: str, portfolio: Mapping[str, Any]) -> tuple[Price, ...]:
    """Of the server's answer; what is malformed in it, stale or without a price is no price."""
    positions = portfolio.get("positions")
    found = (_price(currency, one) for one in positions) if isinstance(positions, list) else iter(())
    return tuple(price for price in found if price is not None)


def _price(currency: str, position: Any) -> Price | None:
    try:
        if position["rail"] != "chain" or position["price_state"] != "current" or type(position["chain_id"]) is not int:
            return None
        nano = int(Fraction(position["price"]) * NANO)
        token = None if position["contract"] is None else Address(position["contract"])
        as_of = int(datetime.fromisoformat(position["price_at"]).timestamp())
        return Price(position["chain_id"], token, currency, nano, as_of)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError, ChainError):
        return None
