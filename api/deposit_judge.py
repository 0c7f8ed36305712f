"""Whose a deposit is, which intent it pays, and at what rate: asked of the tables and the prices as they stand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from fractions import Fraction

from api.currencies import CURRENCIES
from api.deposit_rows import Deposit, DepositRows, rate_text
from api.deposits import Arrival, Intent, Rate, Reason, Stage, Waiting, held_for, is_late, paid_intent
from api.prices import PriceBook, PriceState
from chain.address import Address
from fiat.bridge_quote import BridgeQuote, bridge_quote_from_json
from fiat.conversion import RATE_TERM_MAX
from fiat.tariff import Tariff


class Judge:
    """`screened` are addresses of whom nothing is taken unseen; `prices` reads the feeds as of now."""

    def __init__(
        self,
        rows: DepositRows,
        tariff: Tariff,
        spread_ppm: int,
        prices: Callable[[], Awaitable[PriceBook]],
        screened: Collection[Address],
        clock: Callable[[], int],
    ) -> None:
        self._rows, self._tariff, self._spread_ppm = rows, tariff, spread_ppm
        self._prices, self._screened, self._clock = prices, frozenset(screened), clock

    async def judge(self, deposit: Deposit, arrival: Arrival, *, is_frozen: bool) -> Deposit | None:
        """Holds it, or writes down its holder, currency and rate. It waits where there is no current price."""
        at = {
            "units": arrival.units.to_bytes(32, "big"),
            "block_number": arrival.block,
            "block_time": arrival.timestamp,
        }
        if deposit.stage is Stage.GONE:  # it is there again, maybe as something else
            return await self._rows.change(deposit, self._clock(), stage=Stage.SEEN, **at)
        if deposit.released:
            return await self._rate(deposit, deposit.currency or "EUR", None, is_frozen)
        owner = await self._rows.owner(arrival.sender)
        intents = [] if owner is None else await self._rows.unpaid(owner, arrival.sender)
        intent = paid_intent(arrival, intents)
        is_screened = arrival.sender in self._screened
        reason = held_for(arrival, intent, is_known=owner is not None, is_screened=is_screened)
        known = {"holder": owner, "intent": None if intent is None else intent.id}
        if reason is not None:
            stage = Stage.RETURNING if reason is Reason.LATE else Stage.HELD
            currency = None if intent is None else intent.currency
            return await self._rows.change(
                deposit, self._clock(), stage=stage, reason=reason, currency=currency, waiting=None, **known
            )
        assert intent is not None, "without one it is held"
        quote = await self._quote(arrival, intent)
        return await self._rate(deposit, intent.currency, quote, is_frozen, **known)

    async def _quote(self, arrival: Arrival, intent: Intent) -> BridgeQuote | None:
        """The intent's, as long as it was firm when the block came."""
        if intent.quote_ends is None or is_late(arrival, intent):
            return None
        document = await self._rows.quote_document(intent.holder, intent.id)
        return None if document is None else bridge_quote_from_json(document)

    async def _rate(
        self, deposit: Deposit, currency: str, quote: BridgeQuote | None, is_frozen: bool, **known: bytes | None
    ) -> Deposit | None:
        waiting, rate = Waiting.CASE, None
        if not is_frozen:
            market = await self._market(deposit.asset, currency) if quote is None else quote.market
            waiting, rate = Waiting.PRICE, self._of(deposit, currency, market, quote)
        if rate is None:
            return await self._rows.change(deposit, deposit.updated_at, waiting=waiting)
        values: Mapping[str, object] = {"currency": currency, "rate": rate_text(rate), "waiting": None, **known}
        return await self._rows.change(deposit, self._clock(), **values)

    async def _market(self, asset: str, currency: str) -> Fraction | None:
        price = (await self._prices()).price(asset, currency)
        if price.rate is None or price.state is not PriceState.CURRENT:
            return None
        fits = max(price.rate.numerator, price.rate.denominator) <= RATE_TERM_MAX
        return price.rate if fits else None

    def _of(self, deposit: Deposit, currency: str, market: Fraction | None, quote: BridgeQuote | None) -> Rate | None:
        if market is None:
            return None
        return Rate(
            decimals=deposit.decimals,
            receive=CURRENCIES[currency],
            market=market,
            spread_ppm=self._spread_ppm if quote is None else quote.spread_ppm,
            schedule=self._tariff.schedule("conversion", currency),
            quoted=None if quote is None else (quote.give_amount, quote.fees_minor, quote.receive_amount),
        )
