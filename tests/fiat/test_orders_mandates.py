"""Mandates: collections counted against their period, at its edges, after its end, in races, and not while frozen."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest

from fiat import history, history_orders
from fiat.errors import (
    AmountNotPositive,
    AmountTooLarge,
    HolderFrozen,
    NonceConflict,
    OrderMalformed,
    OrderTotalTooSmall,
    OrderUnknown,
    OrderUntilWrong,
    PayeeUnknown,
    UseRefused,
)
from fiat.holder import OPERATOR
from fiat.journal import Journal
from fiat.limit import LimitKey, LimitKind, Period
from fiat.transfer import NANOSECONDS
from tests.fiat.agreements import DAY, Agreements, Clock, intact
from tests.fiat.conftest import OPERATOR_KEY, Person


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
async def funded(alice, credit):
    await credit(alice, 10_000)
    return alice


@pytest.fixture
def begins(engine):
    """The instant (ns) from which a mandate's periods count."""

    async def read(order):
        async with engine.connect() as conn:
            return (await history_orders.mandate(conn, order.holder, order.nonce)).timestamp

    return read


async def refused(awaitable, status, rest=None):
    with pytest.raises(UseRefused) as caught:
        await awaitable
    assert caught.value.status == status
    assert rest is None or caught.value.rest_minor == rest


async def booked(engine, who):
    async with engine.connect() as conn:
        (balance,) = await history.balances(conn, who.id)
    return balance.booked


async def test_each_period_has_its_own_rest(engine, agree, clock, funded, bob):
    order = await agree.mandate(funded, bob, 1_000)
    assert await booked(engine, bob) == 0  # a mandate moves nothing by itself
    await agree.collect(order, 600)
    await refused(agree.collect(order, 401), "exceeds_mandate_period", 400)
    await agree.collect(order, 400)
    await refused(agree.collect(order, 1), "exceeds_mandate_period", 0)
    clock.wait(DAY + 1)
    await agree.collect(order, 1_000)
    clock.wait(3 * DAY)  # what was not collected in between is not owed later
    await refused(agree.collect(order, 1_001), "exceeds_mandate_period", 1_000)
    await agree.collect(order, 1_000)
    assert (await booked(engine, funded), await booked(engine, bob)) == (7_000, 3_000)
    await intact(engine)


async def test_a_period_ends_on_the_nanosecond(engine, agree, clock, begins, funded, bob):
    order = await agree.mandate(funded, bob, 100)
    await agree.collect(order, 100)
    edge = await begins(order) + DAY * NANOSECONDS
    clock.now = edge - 1
    await refused(agree.collect(order, 1), "exceeds_mandate_period", 0)
    clock.now = edge
    await agree.collect(order, 100)
    async with engine.connect() as conn:
        mandate = await history_orders.mandate(conn, order.holder, order.nonce)
    assert (mandate.period, mandate.period_collected_minor, mandate.collected_minor) == (1, 100, 200)
    await intact(engine)


async def test_nothing_after_until(engine, agree, clock, funded, bob):
    order = await agree.mandate(funded, bob, 100, until=clock.seconds + 2 * DAY)
    clock.now = order.until * NANOSECONDS - 1
    await agree.collect(order, 60)
    clock.now += 1
    await refused(agree.collect(order, 1), "mandate_ended", 0)
    async with engine.connect() as conn:
        assert not (await history_orders.mandate(conn, order.holder, order.nonce, clock.now)).is_open
    await intact(engine)


async def test_nothing_after_the_last_period(engine, agree, clock, begins, funded, bob):
    order = await agree.mandate(funded, bob, 100, count=2)
    clock.now = await begins(order) + 2 * DAY * NANOSECONDS - 1
    await agree.collect(order, 100)
    clock.now += 1
    await refused(agree.collect(order, 1), "mandate_ended", 0)
    await intact(engine)


async def test_a_collection_is_once(engine, agree, clock, funded, bob):
    order, use_id = await agree.mandate(funded, bob, 100), os.urandom(32)
    first = await agree.collect(order, 100, use_id=use_id)
    clock.wait(300 * DAY)
    again = await agree.collect(order, 100, use_id=use_id)
    assert (first.first, again.first, again.sequence) == (True, False, first.sequence)
    with pytest.raises(NonceConflict):
        await agree.collect(order, 99, use_id=use_id)
    assert await booked(engine, bob) == 100
    await intact(engine)


async def test_two_race_for_the_rest_of_a_period(engine, agree, clock, funded, bob):
    """One of them in another process; and many more on one."""
    other = await Journal.open(engine, OPERATOR_KEY, clock, drift_max_ns=None)
    order = await agree.mandate(funded, bob, 1_000)
    await agree.collect(order, 300)
    sides = (agree, Agreements(other, clock))
    results = await asyncio.gather(*[side.collect(order, 700) for side in sides], return_exceptions=True)
    assert sorted(isinstance(result, UseRefused) for result in results) == [False, True]
    clock.wait(DAY + 1)
    results = await asyncio.gather(
        *[side.collect(order, 300) for side in sides for _ in range(6)], return_exceptions=True
    )
    assert sum(isinstance(result, UseRefused) for result in results) == 9
    assert await booked(engine, bob) == 1_900
    await other.close()
    await intact(engine)


async def test_a_payer_without_money_is_asked_again(engine, journal, agree, funded, bob, send, clock):
    order, use_id = await agree.mandate(funded, bob, 10_000), os.urandom(32)
    await send(funded, bob, 9_500, now=clock.seconds)
    before = journal.sequence
    await refused(agree.collect(order, 501, use_id=use_id), "exceeds_credits")
    assert journal.sequence == before
    await agree.collect(order, 500, use_id=use_id)
    await intact(engine)


async def test_only_its_payee_collects(journal, agree, funded, bob, person):
    carol, order = await person(0xCA401), await agree.mandate(funded, bob, 100)
    before = journal.sequence
    for stranger in (carol.id, funded.id, OPERATOR):
        with pytest.raises(OrderUnknown):
            await agree.collect(order, 1, payee=stranger)
    with pytest.raises(OrderUnknown):
        await agree.capture(order, 1, captor=bob.id)
    with pytest.raises(OrderUnknown):
        await agree.release(order, captor=bob.id)
    with pytest.raises(OrderUnknown):
        await agree.collect(replace(order, nonce=os.urandom(32)), 1)
    for amount, error in ((0, AmountNotPositive), (-1, AmountNotPositive), (10**17 + 1, AmountTooLarge)):
        with pytest.raises(error):
            await agree.collect(order, amount)
    assert journal.sequence == before


WRONG = [
    ({"period_seconds": 59}, OrderMalformed),
    ({"count": 0}, OrderMalformed),
    ({"per_period_minor": 0}, AmountNotPositive),
    ({"per_period_minor": 10**17 + 1}, AmountTooLarge),
    ({"payee": OPERATOR}, OrderMalformed),
    ({"payee": Person(0xA11CE).id}, OrderMalformed),
    ({"payee": Person(0xDEAD).id}, PayeeUnknown),
    ({"until": 1_900_000_000}, OrderUntilWrong),
]


@pytest.mark.parametrize(("fields", "error"), WRONG, ids=[next(iter(fields)) for fields, _ in WRONG])
async def test_terms_that_allow_nothing_are_refused(journal, agree, funded, bob, fields, error):
    before = journal.sequence
    with pytest.raises(error):
        await agree.mandate(funded, bob, 100, **fields)
    assert journal.sequence == before


async def test_a_mandate_bears_no_fee(agree, funded, bob):
    with pytest.raises(OrderTotalTooSmall):
        await agree.submit(agree.a_mandate(funded, bob, 100), fee_minor=1)


async def test_nothing_after_it_was_revoked(engine, agree, funded, bob):
    order, other = await agree.mandate(funded, bob, 100), await agree.mandate(funded, bob, 100)
    await agree.collect(order, 10)
    await agree.control(funded, "mandate-revoke", subject=order.nonce)
    await refused(agree.collect(order, 1), "mandate_revoked", 0)
    await agree.collect(other, 1)
    async with engine.connect() as conn:
        ours = {m.order.nonce: m for m in await history_orders.mandates(conn, bob.id)}
    assert (ours[order.nonce].is_open, ours[other.nonce].is_open) == (False, True)
    assert ours[order.nonce].revoked_at is not None
    await intact(engine)


async def test_a_revocation_and_collections_in_one_batch(engine, agree, funded, bob):
    order = await agree.mandate(funded, bob, 100)
    results = await asyncio.gather(
        agree.collect(order, 1),
        agree.control(funded, "mandate-revoke", subject=order.nonce),
        agree.collect(order, 1),
        return_exceptions=True,
    )
    assert isinstance(results[2], UseRefused) and results[2].status == "mandate_revoked"
    assert await booked(engine, bob) == 1
    await intact(engine)


async def test_a_frozen_holder_is_not_collected_from_but_keeps_their_promise(engine, agree, funded, bob):
    mandate, hold = await agree.mandate(funded, bob, 100), await agree.hold(funded, bob, 500)
    await agree.control(funded, "freeze")
    with pytest.raises(HolderFrozen):
        await agree.collect(mandate, 1)
    with pytest.raises(HolderFrozen):
        await agree.submit(agree.a_hold(funded, bob, 1))
    await agree.capture(hold, 300)
    await agree.release(hold)
    assert await booked(engine, bob) == 300
    await intact(engine)


async def test_collections_count_against_limits(engine, agree, clock, funded, bob):
    order = await agree.mandate(funded, bob, 1_000)
    subject = LimitKey(LimitKind.MANDATE, "EUR", Period.DAY).subject
    await agree.control(funded, "limit", subject=subject, value=700)
    await agree.collect(order, 700)
    with pytest.raises(UseRefused) as caught:
        await agree.collect(order, 1)
    told = {"status": "exceeds_credits", "rest_minor": 300}
    assert caught.value.fields() == told, "nothing of the payer's limits and spending"
    clock.wait(DAY + 1)
    await agree.collect(order, 700)
    await intact(engine)
