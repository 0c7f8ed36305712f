"""The tokens that bridges deal in, and the operator's own accounts for them.

treasury    a reserve: what the operator's chain account holds, by final logs alone
inventory   what of it may be given; a pending debit is a reservation
gas         what the treasury's transactions have cost
reorg_loss  what a reorganisation deeper than final took
rounding    what did not fit the ledger's scale, once it is a whole minor unit
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from chain.token import Token
from fiat.currency import Currency
from fiat.errors import CurrencyUnknown
from fiat.holder import OPERATOR, account_id
from fiat.journal import Journal
from fiat.token_scale import GAS, INVENTORY, REORG_LOSS, ROUNDING, TREASURY, token_currency

PURPOSES = (TREASURY, INVENTORY, GAS, REORG_LOSS, ROUNDING)


@dataclass(frozen=True, slots=True)
class BridgeAsset:
    """A listed token and what the ledger calls it."""

    token: Token
    currency: Currency

    def account(self, purpose: str) -> int:
        """The operator's account of that purpose."""
        return account_id(OPERATOR, self.currency, purpose)


def bridge_assets(tokens: Iterable[Token]) -> dict[str, BridgeAsset]:
    """By symbol. A token is none whose name is a currency's, or no name a ledger can have, or another's too."""
    found: dict[str, BridgeAsset] = {}
    listed = list(tokens)
    for token in listed:
        if sum(other.symbol == token.symbol for other in listed) > 1:
            continue
        try:
            found[token.symbol] = BridgeAsset(token, token_currency(token.symbol, token.decimals))
        except CurrencyUnknown:
            continue
    return found


async def open_token_accounts(journal: Journal, tokens: Iterable[Token]) -> None:
    """The operator's accounts of every token that a bridge deals in. Idempotent."""
    assets = bridge_assets(tokens).values()
    await asyncio.gather(*(journal.open_account(OPERATOR, a.currency, p) for a in assets for p in PURPOSES))
