"""Quotes: made from the price feeds, signed by the operator, kept until they are accepted or long over.

A quote is firm for a minute and accepted once: the journal takes its id as the source of the conversion's posting. A
stale or missing price closes the pair. Nothing is reserved: the operator's liquidity is asked when the order comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from os import urandom

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from api.database import recording
from api.errors import QuoteExpired, QuoteUnavailable, QuoteUnknown
from api.prices import PriceBook, PriceState
from api.strict_json import parse
from api.tables import quotes
from fiat.conversion import RATE_TERM_MAX, convert
from fiat.currency import Currency
from fiat.order import LedgerConversion
from fiat.quote import Quote, quote, quote_from_json
from fiat.signature import OperatorKey
from fiat.tariff import Tariff

SECONDS = 60
"""How long a quote is firm."""
KEPT_NS = 3600 * 10**9
"""Quotes that nobody accepted are forgotten that long after their end; accepted ones are evidence and stay."""
DOCUMENT_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Offer:
    """A quote with its id and the operator's signature over it; `priced_at` is the feeds' older age (Unix seconds)."""

    quote: Quote
    id: bytes
    signature: bytes
    priced_at: int | None


class QuoteDesk:
    """Gives quotes and finds them again. `prices` reads the feeds as of now; `clock` gives Unix nanoseconds."""

    def __init__(
        self,
        engine: AsyncEngine,
        key: OperatorKey,
        ledger_id: bytes,
        tariff: Tariff,
        spread_ppm: int,
        prices: Callable[[], Awaitable[PriceBook]],
        clock: Callable[[], int],
    ) -> None:
        self._engine, self._key, self._ledger_id = engine, key, ledger_id
        self._tariff, self._spread_ppm, self._prices, self._clock = tariff, spread_ppm, prices, clock

    async def offer(self, holder: bytes, give: Currency, receive: Currency, amount_minor: int) -> Offer:
        """A new quote for the holder. Raises QuoteUnavailable, CurrencyMismatch, AmountNotPositive, AmountTooLarge."""
        price = (await self._prices()).price(give.code, receive.code)
        if price.rate is None or price.state is not PriceState.CURRENT:
            raise QuoteUnavailable(give.code, receive.code, (price.doubt or price.state).value)
        if max(price.rate.numerator, price.rate.denominator) > RATE_TERM_MAX:
            raise QuoteUnavailable(give.code, receive.code, PriceState.MISSING.value)
        schedule = self._tariff.schedule("conversion", give.code)
        worked_out = convert(give, receive, amount_minor, price.rate, spread_ppm=self._spread_ppm, schedule=schedule)
        now = self._clock()
        found = quote(worked_out, holder=holder, salt=urandom(32), expires_at=now // 10**9 + SECONDS)
        digest = found.digest(self._ledger_id)
        row = {"id": digest, "holder": holder, "expires_at": found.expires_at, "document": _document(found)}
        async with recording(self._engine).begin() as conn:
            over = quotes.c.expires_at < (now - KEPT_NS) // 10**9
            await conn.execute(delete(quotes).where(over, quotes.c.accepted_sequence.is_(None)))
            await conn.execute(insert(quotes).values(**row))
        return Offer(found, digest, self._key.sign_digest(digest), price.at)

    async def accepted_by(self, order: LedgerConversion) -> Quote:
        """The quote that the order names, if it is the holder's, for the same, and not over.

        Raises QuoteUnknown, QuoteExpired. Whether it was used before the journal knows.
        """
        query = select(quotes.c.document).where(quotes.c.id == order.reference, quotes.c.holder == order.holder)
        async with self._engine.connect() as conn:
            document = (await conn.execute(query)).scalar_one_or_none()
        reference = "0x" + order.reference.hex()
        if document is None:
            raise QuoteUnknown(reference)
        fields = parse(document.encode(), DOCUMENT_BYTES_MAX)
        assert isinstance(fields, dict), "it was written here"
        found = quote_from_json(fields)
        signed = (order.currency, order.exponent, order.amount_minor, order.receive_asset)
        if signed != (found.currency, found.exponent, found.amount_minor, found.receive_asset):
            raise QuoteUnknown(reference)
        if found.expires_at <= (now := self._clock() // 10**9):
            raise QuoteExpired(found.expires_at, now)
        return found

    async def keep(self, reference: bytes, sequence: int) -> None:
        """The conversion that accepted this quote stands at that sequence."""
        mine = (quotes.c.id == reference, quotes.c.accepted_sequence.is_(None))
        async with recording(self._engine).begin() as conn:
            await conn.execute(update(quotes).where(*mine).values(accepted_sequence=sequence))


def _document(found: Quote) -> str:
    """The signed fields as one JSON text; all of them are plain ASCII without quotation marks."""
    return "{" + ",".join(f'"{name}":"{value}"' for name, value in found.to_json().items()) + "}"
