"""Conversions: both sides or none, a quote once, never less than was signed, and only what liquidity can give."""

from __future__ import annotations

import asyncio
import os

import pytest

from fiat import history
from fiat.chart import TransferCode
from fiat.errors import (
    AmountNotPositive,
    AmountTooLarge,
    CurrencyUnknown,
    LiquidityMissing,
    OrderMalformed,
    OrderTotalTooSmall,
    QuoteUsed,
    ReceiveTooLittle,
)
from fiat.holder import MAIN, OPERATOR
from fiat.journal import Journal
from fiat.transfer import AccountFlags, Transfer, TransferStatus
from tests.fiat.agreements import EUR, JPY, Agreements, Clock, intact
from tests.fiat.conftest import OPERATOR_KEY, capital


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def journal(engine, clock):
    journal = await Journal.open(engine, OPERATOR_KEY, clock, drift_max_ns=None)
    yield journal
    await journal.close()


@pytest.fixture
def agree(journal, clock):
    return Agreements(journal, clock)


@pytest.fixture
async def liquidity(journal):
    """The operator's accounts that conversions go through; 50,000 yen in theirs."""
    accounts = {c.code: await journal.open_account(OPERATOR, c, "liquidity") for c in (EUR, JPY)}
    funds = await capital(journal, JPY)
    move = Transfer(1, funds, accounts["JPY"].id, 50_000, ledger=JPY.ledger, code=TransferCode.CONVERSION)
    (outcome,) = await journal.post([move])
    assert outcome.status is TransferStatus.CREATED
    return accounts


@pytest.fixture
async def funded(journal, alice, credit, liquidity):
    await credit(alice, 10_000)
    await journal.open_account(alice.id, JPY, MAIN)
    await journal.open_account(OPERATOR, EUR, "fees")
    return alice


async def booked(engine, holder_id, purpose=MAIN):
    """Minor units by currency."""
    async with engine.connect() as conn:
        rows = await history.account_rows(conn, holder_id)
    return {row.currency: row.account.booked for row in rows if row.purpose == purpose}


async def test_both_sides_and_the_fee(engine, agree, funded):
    signed = agree.a_conversion(funded, 1_000, 1_600, total_max_minor=1_010)
    result = await agree.submit(signed, receive_minor=1_620, fee_minor=10)
    assert result.accepted
    assert await booked(engine, funded.id) == {"EUR": 8_990, "JPY": 1_620}
    assert await booked(engine, OPERATOR, "liquidity") == {"EUR": 1_000, "JPY": 48_380}
    assert await booked(engine, OPERATOR, "fees") == {"EUR": 10}
    assert not (await agree.submit(signed, receive_minor=1_620, fee_minor=10)).first
    await intact(engine)


async def test_liquidity_has_a_floor(liquidity):
    for account in liquidity.values():
        assert account.flags & AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS


async def test_less_than_was_signed_is_refused_before_anything_is_written(engine, journal, agree, funded):
    before, signed = journal.sequence, agree.a_conversion(funded, 1_000, 1_600)
    for receive in (0, 1, 1_599):
        with pytest.raises(ReceiveTooLittle):
            await agree.submit(signed, receive_minor=receive)
    with pytest.raises(ReceiveTooLittle):  # nothing is not something, whatever the minimum
        await agree.submit(agree.a_conversion(funded, 1_000, 0), receive_minor=0)
    assert journal.sequence == before
    assert (await agree.submit(signed, receive_minor=1_600)).accepted
    await intact(engine)


async def test_without_liquidity_nothing_moves(engine, journal, agree, funded):
    before, signed = journal.sequence, agree.a_conversion(funded, 1_000, 1_600)
    for _ in range(2):
        with pytest.raises(LiquidityMissing):
            await agree.submit(signed, receive_minor=50_001)
    assert journal.sequence == before
    assert await booked(engine, funded.id) == {"EUR": 10_000, "JPY": 0}
    assert (await agree.submit(signed, receive_minor=50_000)).accepted
    await intact(engine)


async def test_without_money_nothing_moves(engine, agree, funded):
    signed = agree.a_conversion(funded, 10_001, 1)
    for _ in range(2):
        assert (await agree.submit(signed, receive_minor=100)).status is TransferStatus.EXCEEDS_CREDITS
    assert await booked(engine, funded.id) == {"EUR": 10_000, "JPY": 0}
    assert await booked(engine, OPERATOR, "liquidity") == {"EUR": 0, "JPY": 50_000}
    other = agree.a_conversion(funded, 10_000, 1, reference=signed.order.reference)
    assert (await agree.submit(other, receive_minor=100)).accepted  # a refusal uses no quote up
    await intact(engine)


async def test_a_quote_is_used_once(engine, agree, clock, funded):
    quote, other = os.urandom(32), await Journal.open(engine, OPERATOR_KEY, clock, drift_max_ns=None)
    orders = [agree.a_conversion(funded, 100, 1, reference=quote) for _ in range(8)]
    sides = (agree, Agreements(other, clock))
    tasks = [sides[i % 2].submit(signed, receive_minor=160) for i, signed in enumerate(orders)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(result, QuoteUsed) for result in results) == 7
    (accepted,) = [i for i, result in enumerate(results) if not isinstance(result, Exception)]
    assert not (await agree.submit(orders[accepted], receive_minor=160)).first
    assert await booked(engine, funded.id) == {"EUR": 9_900, "JPY": 160}
    await other.close()
    await intact(engine)


async def test_many_at_once_give_no_more_than_there_is(engine, agree, funded):
    orders = [agree.a_conversion(funded, 10, 1) for _ in range(12)]
    results = await asyncio.gather(
        *[agree.submit(signed, receive_minor=9_000) for signed in orders], return_exceptions=True
    )
    assert sum(isinstance(result, LiquidityMissing) for result in results) == 7
    assert await booked(engine, OPERATOR, "liquidity") == {"EUR": 50, "JPY": 5_000}
    await intact(engine)


WRONG = [
    ({"receive_asset": "EUR"}, {}, OrderMalformed),
    ({"receive_asset": "DUSD"}, {}, CurrencyUnknown),
    ({"receive_to": b"\1" * 20}, {}, OrderMalformed),
    ({"reference": bytes(32)}, {}, OrderMalformed),
    ({"currency": "XXX"}, {}, CurrencyUnknown),
    ({"exponent": 3}, {}, OrderMalformed),
    ({"amount_minor": 0}, {}, AmountNotPositive),
    ({"receive_min_minor": 2**200}, {}, ReceiveTooLittle),
    ({}, {"receive_minor": 10**17 + 1}, AmountTooLarge),
    ({}, {"fee_minor": 1}, OrderTotalTooSmall),
]


@pytest.mark.parametrize(("fields", "terms", "error"), WRONG)
async def test_what_cannot_be_converted(journal, agree, funded, fields, terms, error):
    before, signed = journal.sequence, agree.a_conversion(funded, 100, 1, **fields)
    with pytest.raises(error):
        await agree.submit(signed, **({"receive_minor": 160} | terms))
    assert journal.sequence == before
