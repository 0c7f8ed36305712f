"""Quotes: made from the price feeds, signed by the operator, kept until they are accepted or long over.

A quote is firm for a minute and accepted once: the journal takes its id as the source of the conversion's posting. A
stale or missing price closes the pair. Nothing is reserved: the operator's liquidity is asked when the order comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fractions import Fraction
from os import urandom

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from api.database import recording
from api.deposit_rows import frozen_assets
from api.errors import AssetFrozen, QuoteExpired, QuoteUnavailable, QuoteUnknown
from api.prices import PriceBook, PriceState
from api.strict_json import parse
from api.tables import quotes
from chain.errors import ChainError
from chain.token import Token
from fiat.bridge_quote import BridgeQuote, Pair, bridge_quote, bridge_quote_from_json
from fiat.conversion import RATE_TERM_MAX, convert
from fiat.currency import Currency
from fiat.fee import ceiling
from fiat.order import LedgerConversion
from fiat.quote import Quote, quote, quote_from_json
from fiat.signature import OperatorKey
from fiat.tariff import Tariff

SECONDS = 60
"""How long a quote is firm."""
KEPT_NS = 3600 * 10**9
"""Quotes that nobody accepted are forgotten that long after their end; accepted ones are evidence and stay."""
DOCUMENT_BYTES_MAX = 4096
COIN = "ETH"
"""What gas is priced as."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A quote with its id and the operator's signature over it; `priced_at` is the feeds' older age (Unix seconds)."""

    quote: Quote
    id: bytes
    signature: bytes
    priced_at: int | None


@dataclass(frozen=True, slots=True)
class BridgeOffer:
    """The same between a currency and a token."""

    quote: BridgeQuote
    id: bytes
    signature: bytes
    priced_at: int | None


class QuoteDesk:
    """Gives quotes and finds them again. `prices` reads the feeds as of now; `clock` gives Unix nanoseconds.

    `gas_cost` is what sending a token is expected to cost the operator now, in wei.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        key: OperatorKey,
        ledger_id: bytes,
        tariff: Tariff,
        spread_ppm: int,
        prices: Callable[[], Awaitable[PriceBook]],
        clock: Callable[[], int],
        gas_cost: Callable[[Token], Awaitable[int]] | None = None,
    ) -> None:
        self._gas_cost = gas_cost
        self._engine, self._key, self._ledger_id = engine, key, ledger_id
        self._tariff, self._spread_ppm, self._prices, self._clock = tariff, spread_ppm, prices, clock

    async def offer(self, holder: bytes, give: Currency, receive: Currency, amount_minor: int) -> Offer:
        """A new quote for the holder. Raises QuoteUnavailable, CurrencyMismatch, AmountNotPositive, AmountTooLarge."""
        rate, at = _firm(await self._prices(), give.code, receive.code)
        schedule = self._tariff.schedule("conversion", give.code)
        worked_out = convert(give, receive, amount_minor, rate, spread_ppm=self._spread_ppm, schedule=schedule)
        found = quote(worked_out, holder=holder, salt=urandom(32), expires_at=self._end())
        digest, signature = await self._keep_offer(found)
        return Offer(found, digest, signature, at)

    async def offer_bridge(
        self, holder: bytes, currency: Currency, token: Token, amount: int, *, to_token: bool
    ) -> BridgeOffer:
        """A new quote between a currency and a token; `amount` in the smallest units of what is given.

        To a token, the gas that is expected is a fee. Raises what `offer` does, AssetFrozen and FeeExceedsAmount.
        """
        async with self._engine.connect() as conn:
            if token.symbol in await frozen_assets(conn, token.chain_id):
                raise AssetFrozen(token.symbol)
        prices = await self._prices()
        give, receive = (currency.code, token.symbol) if to_token else (token.symbol, currency.code)
        rate, at = _firm(prices, give, receive)
        pair = Pair(
            to_token=to_token,
            currency=currency.code,
            exponent=currency.exponent,
            chain_id=token.chain_id,
            token=bytes(20) if token.address is None else token.address.raw,
            symbol=token.symbol,
            decimals=token.decimals,
        )
        found = bridge_quote(
            pair,
            amount,
            rate,
            holder=holder,
            salt=urandom(32),
            spread_ppm=self._spread_ppm,
            schedule=self._tariff.schedule("conversion", currency.code),
            network_fee_minor=await self._network_fee(prices, currency, token) if to_token else 0,
            expires_at=self._end(),
        )
        digest, signature = await self._keep_offer(found)
        return BridgeOffer(found, digest, signature, at)

    async def _network_fee(self, prices: PriceBook, currency: Currency, token: Token) -> int:
        """Minor units, rounded up. Raises QuoteUnavailable where nobody can say what gas costs."""
        if self._gas_cost is None:
            return 0
        rate, _ = _firm(prices, COIN, currency.code)
        try:
            wei = await self._gas_cost(token)
        except ChainError:
            raise QuoteUnavailable(currency.code, token.symbol, "no-node") from None
        cost = wei * rate * Fraction(10**currency.exponent, 10**18)
        return ceiling(cost.numerator, cost.denominator)

    def _end(self) -> int:
        return self._clock() // 10**9 + SECONDS

    async def _keep_offer(self, found: Quote | BridgeQuote) -> tuple[bytes, bytes]:
        """Its id and the operator's signature, once it is kept."""
        digest = found.digest(self._ledger_id)
        row = {"id": digest, "holder": found.holder, "expires_at": found.expires_at, "document": _document(found)}
        async with recording(self._engine).begin() as conn:
            over = quotes.c.expires_at < (self._clock() - KEPT_NS) // 10**9
            await conn.execute(delete(quotes).where(over, quotes.c.accepted_sequence.is_(None)))
            await conn.execute(insert(quotes).values(**row))
        return digest, self._key.sign_digest(digest)

    async def accepted_by(self, order: LedgerConversion) -> Quote:
        """The quote that the order names, if it is the holder's, for the same, and not over.

        Raises QuoteUnknown, QuoteExpired. Whether it was used before the journal knows.
        """
        found = await self._document_of(order.reference, order.holder)
        signed = (order.currency, order.exponent, order.amount_minor, order.receive_asset)
        if not isinstance(found, Quote) or signed != (
            *(found.currency, found.exponent),
            *(found.amount_minor, found.receive_asset),
        ):
            raise QuoteUnknown("0x" + order.reference.hex())
        self._check_end(found)
        return found

    async def bridge_accepted_by(self, order: LedgerConversion) -> BridgeQuote:
        """The same for an order that gives a currency for a token."""
        found = await self._document_of(order.reference, order.holder)
        signed = (order.currency, order.exponent, order.amount_minor, order.receive_asset)
        if (
            not isinstance(found, BridgeQuote)
            or not found.to_token
            or signed != (found.currency, found.exponent, found.give_amount, found.asset)
        ):
            raise QuoteUnknown("0x" + order.reference.hex())
        self._check_end(found)
        return found

    async def bridge(self, holder: bytes, quote_id: bytes) -> BridgeQuote:
        """The holder's quote between a currency and a token, over or not. Raises QuoteUnknown."""
        found = await self._document_of(quote_id, holder)
        if not isinstance(found, BridgeQuote):
            raise QuoteUnknown("0x" + quote_id.hex())
        return found

    async def _document_of(self, quote_id: bytes, holder: bytes) -> Quote | BridgeQuote:
        """The holder's quote of that id. Raises QuoteUnknown."""
        query = select(quotes.c.document).where(quotes.c.id == quote_id, quotes.c.holder == holder)
        async with self._engine.connect() as conn:
            document = (await conn.execute(query)).scalar_one_or_none()
        if document is None:
            raise QuoteUnknown("0x" + quote_id.hex())
        fields = parse(document.encode(), DOCUMENT_BYTES_MAX)
        assert isinstance(fields, dict), "it was written here"
        return bridge_quote_from_json(fields) if "toToken" in fields else quote_from_json(fields)

    def _check_end(self, found: Quote | BridgeQuote) -> None:
        """Raises QuoteExpired."""
        if found.expires_at <= (now := self._clock() // 10**9):
            raise QuoteExpired(found.expires_at, now)

    async def keep(self, reference: bytes, sequence: int) -> None:
        """The conversion that accepted this quote stands at that sequence."""
        mine = (quotes.c.id == reference, quotes.c.accepted_sequence.is_(None))
        async with recording(self._engine).begin() as conn:
            await conn.execute(update(quotes).where(*mine).values(accepted_sequence=sequence))


def _firm(prices: PriceBook, give: str, receive: str) -> tuple[Fraction, int | None]:
    """The rate to quote at, and the older age of its feeds. Raises QuoteUnavailable where anything is in doubt."""
    price = prices.price(give, receive)
    if price.rate is None or price.state is not PriceState.CURRENT:
        raise QuoteUnavailable(give, receive, (price.doubt or price.state).value)
    if max(price.rate.numerator, price.rate.denominator) > RATE_TERM_MAX:
        raise QuoteUnavailable(give, receive, PriceState.MISSING.value)
    return price.rate, price.at


def _document(found: Quote | BridgeQuote) -> str:
    """The signed fields as one JSON text; all of them are plain ASCII without quotation marks."""
    return "{" + ",".join(f'"{name}":"{value}"' for name, value in found.to_json().items()) + "}"
