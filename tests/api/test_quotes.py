"""Quotes: firm, itemised, signed, used once; closed when the price is stale or missing."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import pytest
from sqlalchemy import insert, select

from api.database import open_database
from api.errors import QuoteExpired, QuoteUnavailable, QuoteUnknown
from api.migrations import upgrade
from api.prices import PriceBook, Reading
from api.quotes import KEPT_NS, QuoteDesk
from api.tables import quotes, users
from fiat.currency import currency
from fiat.errors import AmountNotPositive, CurrencyMismatch
from fiat.fee import FeeSchedule
from fiat.order import LedgerConversion
from fiat.quote import quote_from_json
from fiat.signature import recover
from fiat.tariff import Tariff
from tests.api.people import Key
from tests.api.test_orders import operator

NOW = 1_800_000_000
HOLDER, LEDGER = b"\1" * 32, b"\7" * 32


async def asked(person, amount="10000", give="EUR", receive="USD"):
    return await person.post("/v1/quotes", {"from": give, "to": receive, "amount_minor": amount})


async def test_a_quote_is_signed_itemised_and_converts_once(person, running):
    alice = await person(funded=25_000)
    answer = await asked(alice)
    assert answer.status == 201, answer.body
    told = answer.json
    quote = quote_from_json(told["quote"])
    assert quote.adds_up and quote.holder == alice.holder and quote.spread_ppm == 5000
    digest = quote.digest(running.ledger_id)
    assert told["id"] == "0x" + digest.hex()
    assert recover(digest, bytes.fromhex(told["signature"][2:])) == await operator(alice)
    assert (told["amount"], told["fee"], told["total_minor"]) == ("100.00", "0.00", "10000")
    order = alice.conversion(told)
    answers = await asyncio.gather(*(alice.order(order) for _ in range(4)))
    assert sorted(a.status for a in answers) == [200] * 3 + [201]
    assert (await alice.balance(), await alice.balance("USD")) == (15_000, quote.receive_minor)
    items = (await alice.get("/v1/activity")).json["items"]
    assert [item["kind"] for item in items] == ["conversion", "topup"], "two legs are one item"
    assert (items[0]["amount"], items[0]["received"]["amount"]) == ("100.00", told["receive"])
    used = await alice.order(alice.conversion(told))
    assert (used.status, used.slug) == (409, "quote_used")
    assert (await alice.balance(), await alice.balance("USD")) == (15_000, quote.receive_minor)


async def test_a_quote_is_for_its_holder_and_its_amount(person):
    alice, eve = await person(funded=25_000), await person(funded=25_000)
    told = (await asked(alice)).json
    assert (await eve.order(eve.conversion(told))).slug == "quote_unknown"
    assert (await alice.order(alice.conversion(told, amount_minor=9_999))).slug == "quote_unknown"
    assert (await alice.order(alice.conversion(told, reference=b"\5" * 32))).slug == "quote_unknown"
    assert (await alice.order(alice.conversion(told, receive_asset="GBP"))).slug == "quote_unknown"
    more = int(told["quote"]["receiveMinor"]) + 1
    assert (await alice.order(alice.conversion(told, receive_min_minor=more))).slug == "receive_too_little"
    assert (await alice.order(alice.conversion(told, receive_to=b"\1" * 20))).slug == "quote_unknown"
    assert (await alice.order(alice.conversion(told))).status == 201, "what was refused did not use it up"


async def test_a_quote_does_not_make_money(person):
    """There and back again: the spread is lost twice, and nothing is gained in rounding."""
    alice = await person(funded=10_000)
    there = (await asked(alice)).json
    assert (await alice.order(alice.conversion(there))).status == 201
    dollars = await alice.balance("USD")
    back = (await asked(alice, str(dollars), "USD", "EUR")).json
    assert (await alice.order(alice.conversion(back))).status == 201
    assert 9800 < await alice.balance() < 10_000 and await alice.balance("USD") == 0


async def test_too_little_money_keeps_the_quote_unused(person):
    alice = await person(funded=100)
    told = (await asked(alice)).json
    assert (await alice.order(alice.conversion(told))).slug == "exceeds_credits"
    await alice.top_up(10_000)
    assert (await alice.order(alice.conversion(told))).status == 201


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [
        ({"receive": "EUR"}, 422, "invalid_input"),
        ({"receive": "CHF"}, 503, "quote_unavailable"),
        ({"give": "KWD"}, 503, "quote_unavailable"),
        ({"receive": "XTS"}, 422, "currency_unknown"),
        ({"amount": "0"}, 422, "amount_not_positive"),
        ({"amount": "1.0"}, 422, "invalid_input"),
        ({"amount": str(10**17 + 1)}, 422, "amount_too_large"),
    ],
)
async def test_what_cannot_be_quoted(person, changes, status, slug):
    answer = await asked(await person(), **changes)
    assert (answer.status, answer.slug) == (status, slug), answer.body


class Desk:
    """A quote desk whose clock and feeds are the test's."""

    def __init__(self, engine, tariff):
        self.now, self.age, self.key = NOW * 10**9, 0, Key()

        async def prices():
            return PriceBook(self.now // 10**9, {"EUR/USD": Reading(108_000_000, 8, self.now // 10**9 - self.age)})

        self.desk = QuoteDesk(engine, self, LEDGER, tariff, 10_000, prices, lambda: self.now)
        self.address, self.sign_digest = self.key.address, self.key.sign

    async def offer(self, amount=10_000, give="EUR", receive="USD"):
        return await self.desk.offer(HOLDER, currency(give), currency(receive), amount)


def accepting(offer, **changes):
    quote = offer.quote
    fields = {
        "holder": HOLDER,
        "key_epoch": 1,
        "nonce": bytes(32),
        "valid_after": 1,
        "valid_before": 2,
        "seen_head": HOLDER,
        "shown": bytes(32),
        "currency": quote.currency,
        "exponent": quote.exponent,
        "amount_minor": quote.amount_minor,
        "total_max_minor": quote.total_minor,
        "receive_asset": quote.receive_asset,
        "receive_min_minor": quote.receive_minor,
        "receive_to": bytes(20),
        "reference": offer.id,
    }
    return LedgerConversion(**(fields | changes))


@pytest.fixture
async def engine(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'db.sqlite3'}", None)
    await upgrade(engine)
    async with engine.begin() as conn:
        row = {"holder": HOLDER, "handle": "alice", "skeleton": "alice", "genesis": b"", "created_at": 1}
        await conn.execute(insert(users).values(**row))
    yield engine
    await engine.dispose()


async def test_the_fee_is_the_tariffs_and_the_spread_the_setting(engine):
    desk = Desk(engine, Tariff({("conversion", "EUR"): FeeSchedule(fixed_minor=30)}))
    offer = await desk.offer()
    assert (offer.quote.amount_minor, offer.quote.fee_minor, offer.quote.receive_minor) == (10_000, 30, 10_692)
    assert offer.quote.rate == Fraction(108, 100) * Fraction(99, 100)
    assert await desk.desk.accepted_by(accepting(offer)) == offer.quote


async def test_a_quote_is_over_after_a_minute_and_forgotten_an_hour_later(engine):
    desk = Desk(engine, Tariff({}))
    used, unused = await desk.offer(), await desk.offer()
    await desk.desk.keep(used.id, 7)
    desk.now += 60 * 10**9
    with pytest.raises(QuoteExpired):
        await desk.desk.accepted_by(accepting(unused))
    desk.now += KEPT_NS + 10**9
    desk.age = 0
    await desk.offer()
    with pytest.raises(QuoteUnknown):
        await desk.desk.accepted_by(accepting(unused))
    async with engine.connect() as conn:
        kept = (await conn.execute(select(quotes.c.id, quotes.c.accepted_sequence))).all()
    assert (used.id, 7) in kept and len(kept) == 2, "what was accepted is evidence"


async def test_a_stale_or_missing_price_closes_the_pair(engine):
    desk = Desk(engine, Tariff({}))
    desk.age = 24 * 3600 + 1
    with pytest.raises(QuoteUnavailable) as stale:
        await desk.offer()
    assert stale.value.fields["reason"] == "stale"
    desk.age = -3600  # from the future
    with pytest.raises(QuoteUnavailable) as missing:
        await desk.offer()
    assert missing.value.fields["reason"] == "from-the-future"


async def test_what_would_come_to_nothing_is_refused(engine):
    desk = Desk(engine, Tariff({}))
    with pytest.raises(AmountNotPositive):
        await desk.offer(1, "USD", "EUR")
    with pytest.raises(CurrencyMismatch):
        await desk.offer(1, "EUR", "EUR")
