"""Intents: a person says what they will pay to the treasury, and the operator signs the terms. Nothing moves here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.bridge_assets import BridgeAsset, bridge_assets
from api.currencies import CURRENCIES
from api.database import recording
from api.deposit_rows import Deposit, frozen_assets, read_deposit, width32
from api.errors import AssetFrozen, DepositsClosed, IdConflict, NotFound, QuoteExpired, QuoteUnknown, SenderUnproved
from api.quotes import QuoteDesk
from api.tables import addresses, deposit_intents, deposits
from chain.address import Address
from chain.token import Token, TokenAmount
from fiat.bridge_quote import BridgeQuote
from fiat.deposit import DepositTerms
from fiat.errors import AmountNotPositive, AmountTooLarge, CurrencyUnknown, QuoteUsed
from fiat.money import AMOUNT_MINOR_MAX
from fiat.order import ZERO_32
from fiat.signature import OperatorKey
from fiat.token_scale import minor_and_dust

INTENT_SECONDS = 24 * 3600
"""So long an intent waits to be paid."""
_CONTENT = ("chain_id", "asset", "token", "sender", "units", "currency", "quote", "if_late")


@dataclass(frozen=True, slots=True)
class Asked:
    """Of a quote, or of an asset, an amount and a currency."""

    sender: Address
    if_late: str
    quote: bytes | None = None
    asset: str = ""
    amount: str = ""
    currency: str = ""


class DepositDesk:
    """`treasury` None: none are taken. `tokens` begin with the chain's own coin; `clock` gives Unix nanoseconds."""

    def __init__(
        self,
        engine: AsyncEngine,
        key: OperatorKey,
        ledger_id: bytes,
        quotes: QuoteDesk,
        treasury: Callable[[], Address | None],
        tokens: Sequence[Token],
        clock: Callable[[], int],
    ) -> None:
        self._engine, self._key, self._ledger_id, self._quotes = engine, key, ledger_id, quotes
        self._treasury, self._chain_id, self._clock = treasury, tokens[0].chain_id, clock
        self._assets = bridge_assets(tokens)

    async def open(self, holder: bytes, intent: bytes, asked: Asked) -> tuple[RowMapping, bool]:
        """The intent's row, and whether this call made it.

        Raises IdConflict, DepositsClosed, SenderUnproved, AssetFrozen, QuoteUnknown, QuoteExpired, QuoteUsed, and what
        is wrong with an amount.
        """
        known = await self.row(holder, intent)
        content = await self._content(holder, asked, is_new=known is None)
        if known is None:
            fresh = self._row(holder, intent, content)
            try:
                async with recording(self._engine).begin() as conn:
                    await conn.execute(insert(deposit_intents).values(**fresh))
            except IntegrityError:  # the same request, sent twice at once; or a quote that another intent has
                known = await self.row(holder, intent)
                if known is None:
                    raise QuoteUsed("0x" + (asked.quote or b"").hex()) from None
        found = await self.row(holder, intent)
        assert found is not None, "it is there by now"
        if any(found[name] != content[name] for name in _CONTENT):
            raise IdConflict("0x" + intent.hex())
        return found, known is None

    async def row(self, holder: bytes, intent: bytes) -> RowMapping | None:
        c = deposit_intents.c
        query = select(deposit_intents).where(c.holder == holder, c.id == intent)
        async with self._engine.connect() as conn:
            return (await conn.execute(query)).mappings().one_or_none()

    async def deposit(self, holder: bytes, intent: bytes) -> Deposit | None:
        """What pays it."""
        query = select(deposits).where(deposits.c.holder == holder, deposits.c.intent == intent)
        async with self._engine.connect() as conn:
            row = (await conn.execute(query)).one_or_none()
        return None if row is None else read_deposit(row)

    def terms(self, row: Mapping[str, Any]) -> DepositTerms:
        """What was signed."""
        document = None if row["quote_document"] is None else json.loads(row["quote_document"])
        return DepositTerms(
            holder=row["holder"],
            id=row["id"],
            chain_id=row["chain_id"],
            treasury=row["treasury"],
            token=row["token"] or bytes(20),
            sender=row["sender"],
            asset=row["asset"],
            decimals=row["decimals"],
            amount_units=int.from_bytes(row["units"], "big"),
            currency=row["currency"],
            quote=row["quote"] or ZERO_32,
            if_late=row["if_late"],
            valid_before=row["ends"] if document is None else int(document["expiresAt"]),
        )

    async def _content(self, holder: bytes, asked: Asked, *, is_new: bool) -> dict[str, Any]:
        """What is asked for, whole. What a known intent says is not asked of prices and tables again."""
        treasury = self._treasury()
        if treasury is None:
            raise DepositsClosed
        quote = None if asked.quote is None else await self._quote(holder, asked.quote, is_new=is_new)
        if quote is None:
            asset, amount = self._asset(asked.asset), None
            amount = TokenAmount.parse(asked.amount, asset.token)
            currency = asked.currency
        else:
            asset = self._asset(quote.symbol)
            amount, currency = TokenAmount(quote.give_amount, asset.token), quote.currency
        if amount.units == 0:
            raise AmountNotPositive(asked.amount)
        if minor_and_dust(amount.units, asset.token.decimals)[0] > AMOUNT_MINOR_MAX:
            raise AmountTooLarge(str(amount.units))
        if currency not in CURRENCIES:
            raise CurrencyUnknown(currency)
        if is_new:
            await self._check(holder, asked.sender, asset.token.symbol)
        contract = asset.token.address
        return {
            "chain_id": self._chain_id,
            "treasury": treasury.raw,
            "asset": asset.token.symbol,
            "token": None if contract is None else contract.raw,
            "decimals": asset.token.decimals,
            "sender": asked.sender.raw,
            "units": width32(amount.units),
            "currency": currency,
            "quote": asked.quote,
            "quote_document": None if quote is None else json.dumps(quote.to_json()),
            "if_late": asked.if_late,
        }

    async def _quote(self, holder: bytes, reference: bytes, *, is_new: bool) -> BridgeQuote:
        found = await self._quotes.bridge(holder, reference)
        if found.to_token or found.chain_id != self._chain_id:
            raise QuoteUnknown("0x" + reference.hex())
        if is_new and found.expires_at <= (now := self._clock() // 10**9):
            raise QuoteExpired(found.expires_at, now)
        return found

    def _asset(self, symbol: str) -> BridgeAsset:
        """Raises NotFound."""
        if symbol not in self._assets:
            raise NotFound("asset")
        return self._assets[symbol]

    async def _check(self, holder: bytes, sender: Address, asset: str) -> None:
        """Raises SenderUnproved, AssetFrozen."""
        c = addresses.c
        mine = select(c.address).where(c.chain_id == self._chain_id, c.address == sender.raw, c.holder == holder)
        async with self._engine.connect() as conn:
            if (await conn.execute(mine)).first() is None:
                raise SenderUnproved(sender)
            if asset in await frozen_assets(conn, self._chain_id):
                raise AssetFrozen(asset)

    def _row(self, holder: bytes, intent: bytes, content: Mapping[str, Any]) -> dict[str, Any]:
        now = self._clock()
        row = {"holder": holder, "id": intent, **content, "created_at": now, "ends": now // 10**9 + INTENT_SECONDS}
        return {**row, "signature": self._key.sign_digest(self.terms(row).digest(self._ledger_id))}
