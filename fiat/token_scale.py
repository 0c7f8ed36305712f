"""Tokens that the operator owns, as currencies of the operator's own accounts: at a scale that fits 63 bits. Pure.

A token of more than nine decimals is kept in units of 10^-9 (ETH in gwei); one of fewer as it is. What does not fit the
scale is dust: it is never credited to anybody, and what of it adds up to a whole minor unit belongs to `rounding`.
"""

from __future__ import annotations

from fiat.currency import EXPONENT_MAX, ISO_4217, Currency
from fiat.errors import CurrencyUnknown

TREASURY = "treasury"
"""Purpose of the operator's account that says what its own chain account holds: a reserve (debit balance)."""
INVENTORY = "inventory"
"""What of it may be given for other money. May not be overdrawn; a pending debit is a reservation."""
GAS = "gas"
"""What transactions of the treasury have cost."""
REORG_LOSS = "reorg_loss"
"""What a reorganisation deeper than final took from the operator."""
ROUNDING = "rounding"


def token_currency(symbol: str, decimals: int) -> Currency:
    """The ledger's currency for a token. Raises CurrencyUnknown for a name that no ledger can have, or that is money's.

    A token that is called like a currency would be the same account.
    """
    if symbol in ISO_4217 or decimals < 0:
        raise CurrencyUnknown(symbol)
    return Currency(symbol, min(decimals, EXPONENT_MAX))


def minor_and_dust(units: int, decimals: int) -> tuple[int, int]:
    """Whole minor units of the ledger, and the token's units that do not fit."""
    return divmod(units, _step(decimals))


def units_of(minor: int, decimals: int) -> int:
    """The token's units that so many minor units of the ledger are."""
    return minor * _step(decimals)


def _step(decimals: int) -> int:
    step: int = 10 ** max(0, decimals - EXPONENT_MAX)
    return step
