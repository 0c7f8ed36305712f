"""Holds: taken in parts to the last cent, let go, left to expire; never more than was promised, each use once."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest
from sqlalchemy import event

from fiat import history, history_orders
from fiat.errors import (
    AmountNotPositive,
    DebitUnauthorised,
    NonceConflict,
    OrderMalformed,
    OrderTotalTooSmall,
    OrderUnknown,
    OrderUntilWrong,
    PayeeUnknown,
    UseRefused,
)
from fiat.holder import OPERATOR, leg_id
from fiat.journal import Journal
from fiat.transfer import Transfer, TransferFlags, TransferStatus
from tests.fiat.agreements import DAY, EUR, Agreements, Clock, intact
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
def minor(engine):
    """Booked and available minor units of a person."""

    async def read(who):
        async with engine.connect() as conn:
            (balance,) = await history.balances(conn, who.id)
        return balance.booked, balance.available

    return read


async def refused(awaitable, status, rest=None):
    with pytest.raises(UseRefused) as caught:
        await awaitable
    assert caught.value.status == status
    assert rest is None or caught.value.rest_minor == rest


async def test_captured_in_parts_to_the_last_cent(engine, agree, funded, bob, minor):
    order = await agree.hold(funded, bob, 5_000)
    assert await minor(funded) == (10_000, 5_000)
    taken = 0
    for part in (1, 1_999, 2_999, 1):
        await agree.capture(order, part)
        taken += part
        assert (await minor(funded), await minor(bob)) == ((10_000 - taken, 5_000), (taken, taken))
    await refused(agree.capture(order, 1), "pending_transfer_already_posted", 0)
    await refused(agree.release(order), "pending_transfer_already_posted", 0)
    await intact(engine)


async def test_never_more_than_is_reserved(engine, journal, agree, funded, bob, minor):
    order = await agree.hold(funded, bob, 5_000)
    await refused(agree.capture(order, 5_001), "exceeds_pending_transfer_amount", 5_000)
    await agree.capture(order, 4_000)
    before = journal.sequence
    await refused(agree.capture(order, 1_001), "exceeds_pending_transfer_amount", 1_000)
    for nothing in (0, -1):
        with pytest.raises(AmountNotPositive):
            await agree.capture(order, nothing)
    assert journal.sequence == before
    assert (await minor(funded), await minor(bob)) == ((6_000, 5_000), (4_000, 4_000))
    await intact(engine)


async def test_a_refused_use_burns_nothing(agree, funded, bob):
    order, use_id = await agree.hold(funded, bob, 100), os.urandom(32)
    await refused(agree.capture(order, 101, use_id=use_id), "exceeds_pending_transfer_amount")
    assert (await agree.capture(order, 100, use_id=use_id)).first


async def test_a_final_capture_frees_the_rest(engine, agree, funded, bob, minor):
    order = await agree.hold(funded, bob, 5_000)
    await agree.capture(order, 1_000)
    await agree.capture(order, 500, final=True)
    assert (await minor(funded), await minor(bob)) == ((8_500, 8_500), (1_500, 1_500))
    await refused(agree.capture(order, 1), "pending_transfer_already_posted")
    await intact(engine)


async def test_released_by_its_captor(engine, agree, funded, bob, minor):
    order = await agree.hold(funded, bob, 5_000)
    await agree.capture(order, 1_000)
    await agree.release(order)
    assert (await minor(funded), await minor(bob)) == ((9_000, 9_000), (1_000, 1_000))
    await refused(agree.capture(order, 1), "pending_transfer_already_voided")
    await intact(engine)


async def test_the_rest_expires_at_until(engine, journal, agree, clock, funded, bob, minor):
    order = await agree.hold(funded, bob, 5_000, until=clock.seconds + 100)
    clock.wait(40)
    await agree.capture(order, 1_000)
    clock.wait(58)
    await agree.capture(order, 1)
    clock.wait(2)  # 250 ms past `until`; what was reserved ended within its last second
    await refused(agree.capture(order, 1), "pending_transfer_expired", 0)
    assert (await minor(funded), await minor(bob)) == ((8_999, 8_999), (1_001, 1_001))
    async with engine.connect() as conn:
        hold = await history_orders.hold(conn, order.holder, order.nonce)
    assert (hold.expired, hold.is_open, hold.pending_minor, hold.captured_minor) == (True, False, 0, 1_001)
    await intact(engine)


async def test_a_capture_in_the_last_second_leaves_nothing_reserved(engine, agree, clock, funded, bob, minor):
    """A reservation lasts whole seconds, and none could end in time any more."""
    order = await agree.hold(funded, bob, 5_000, until=clock.seconds + 101)
    clock.now = order.until * 10**9 - 800_000_000
    use_id = os.urandom(32)
    assert (await agree.capture(order, 1_000, use_id=use_id)).first
    assert await minor(funded) == (9_000, 9_000)
    assert not (await agree.capture(order, 1_000, use_id=use_id)).first
    await refused(agree.capture(order, 1), "pending_transfer_already_posted")
    await intact(engine)


async def test_only_its_captor_uses_it(agree, journal, funded, bob, person):
    carol, order = await person(0xCA401), await agree.hold(funded, bob, 5_000)
    before = journal.sequence
    for stranger in (carol.id, funded.id, OPERATOR):
        for use in (agree.capture(order, 1, captor=stranger), agree.release(order, captor=stranger)):
            with pytest.raises(OrderUnknown):
                await use
    with pytest.raises(OrderUnknown):
        await agree.capture(replace(order, nonce=os.urandom(32)), 1)
    with pytest.raises(OrderUnknown):
        await agree.collect(order, 1, payee=bob.id)
    assert journal.sequence == before


async def test_a_use_is_once(engine, agree, funded, bob, minor):
    order, use_id = await agree.hold(funded, bob, 5_000), os.urandom(32)
    first = await agree.capture(order, 1_000, use_id=use_id)
    again = await agree.capture(order, 1_000, use_id=use_id)
    assert (first.first, again.first, first.sequence) == (True, False, again.sequence)
    for other in (
        agree.capture(order, 1_001, use_id=use_id),
        agree.capture(order, 1_000, final=True, use_id=use_id),
        agree.capture(order, 10_000, use_id=use_id),
        agree.release(order, use_id=use_id),
    ):
        with pytest.raises(NonceConflict):
            await other
    released = os.urandom(32)
    await agree.release(order, use_id=released)
    assert not (await agree.release(order, use_id=released)).first
    assert not (await agree.capture(order, 1_000, use_id=use_id)).first  # also when the hold is over
    assert await minor(funded) == (9_000, 9_000)
    await intact(engine)


async def test_the_same_use_at_once_from_two_processes(engine, agree, clock, funded, bob, minor):
    other = await Journal.open(engine, OPERATOR_KEY, clock, drift_max_ns=None)
    order, use_id = await agree.hold(funded, bob, 5_000), os.urandom(32)
    both = (agree, Agreements(other, clock))
    results = await asyncio.gather(*[side.capture(order, 700, use_id=use_id) for side in both for _ in range(10)])
    assert [result.first for result in results].count(True) == 1
    assert len({result.sequence for result in results}) == 1
    assert await minor(bob) == (700, 700)
    await other.close()
    await intact(engine)


async def test_many_captures_at_once_take_no_more_than_is_there(engine, agree, funded, bob, minor):
    order = await agree.hold(funded, bob, 1_000)
    results = await asyncio.gather(*[agree.capture(order, 100) for _ in range(20)], return_exceptions=True)
    assert sum(isinstance(result, UseRefused) for result in results) == 10
    assert (await minor(funded), await minor(bob)) == ((9_000, 9_000), (1_000, 1_000))
    await intact(engine)


async def test_what_is_reserved_is_not_spent_twice(engine, agree, funded, bob, send, clock):
    await agree.hold(funded, bob, 9_000)
    result = await send(funded, bob, 1_001, now=clock.seconds)
    assert result.status is TransferStatus.EXCEEDS_CREDITS
    assert (await agree.submit(agree.a_hold(funded, bob, 1_001))).status is TransferStatus.EXCEEDS_CREDITS
    assert (await send(funded, bob, 1_000, now=clock.seconds)).accepted
    await intact(engine)


async def test_the_last_leg_is_kept_for_the_end(engine, agree, funded, bob, minor):
    order = await agree.hold(funded, bob, 5_000)
    for _ in range(49):
        await agree.capture(order, 1)
    await refused(agree.capture(order, 1), "too_many_legs", 4_951)
    await agree.capture(order, 1, final=True)
    assert (await minor(funded), await minor(bob)) == ((9_950, 9_950), (50, 50))
    await intact(engine)


async def test_a_fee_is_taken_at_acceptance(engine, journal, agree, funded, bob, minor):
    await journal.open_account(OPERATOR, EUR, "fees")
    signed = agree.a_hold(funded, bob, 5_000, total_max_minor=5_100)
    with pytest.raises(OrderTotalTooSmall):
        await agree.submit(signed, fee_minor=101)
    assert (await agree.submit(signed, fee_minor=100)).accepted
    await agree.capture(signed.order, 2_000)
    await agree.capture(signed.order, 3_000)
    assert await minor(funded) == (4_900, 4_900)
    await intact(engine)


@pytest.mark.parametrize("seconds", [-1, 0, 366 * DAY + 1])
async def test_until_is_ahead_and_not_too_far(agree, journal, funded, bob, clock, seconds):
    before = journal.sequence
    signed = agree.a_hold(funded, bob, 10, until=clock.seconds + seconds)
    for _ in range(2):  # the nonce stays free
        with pytest.raises(OrderUntilWrong):
            await agree.submit(signed)
    assert journal.sequence == before


async def test_until_may_be_a_year_ahead(engine, agree, funded, bob, clock):
    await agree.hold(funded, bob, 10, until=clock.seconds + 366 * DAY)
    await agree.hold(funded, bob, 10, until=clock.seconds + 2)
    await intact(engine)


async def test_the_captor_is_another_person_who_is_there(agree, journal, funded):
    for captor in (funded, type("Nobody", (), {"id": OPERATOR})):
        with pytest.raises(OrderMalformed):
            await agree.submit(agree.a_hold(funded, captor, 10))
    with pytest.raises(PayeeUnknown):
        await agree.submit(agree.a_hold(funded, Person(0xDEAD), 10))
    with pytest.raises(AmountNotPositive):
        await agree.submit(agree.a_hold(funded, Person(0xDEAD), 0))


async def test_the_operator_alone_takes_nothing_from_a_hold(journal, agree, funded, bob, minor):
    """What a person reserved is resolved by uses of their order, not by a posting of the operator's."""
    order = await agree.hold(funded, bob, 5_000)
    held = leg_id(order.holder, order.nonce, 0)
    for flags in (TransferFlags.POST_PENDING_TRANSFER, TransferFlags.VOID_PENDING_TRANSFER):
        with pytest.raises(DebitUnauthorised):
            await journal.post([Transfer(77, amount=5_000, pending_id=held, flags=flags)])
    assert await minor(funded) == (10_000, 5_000)


async def test_a_hold_is_answered_once(engine, agree, funded, bob):
    signed = agree.a_hold(funded, bob, 5_000)
    results = await asyncio.gather(*[agree.submit(signed) for _ in range(5)])
    assert [result.first for result in results].count(True) == 1
    agree.clock.wait(60)  # its timeout would be another now; the first answer stands
    assert not (await agree.submit(signed)).first
    await intact(engine)


async def test_what_a_person_reads_of_their_holds(engine, agree, funded, bob):
    first = await agree.hold(funded, bob, 5_000)
    second = await agree.hold(funded, bob, 1_000)
    await agree.capture(first, 2_000)
    await agree.release(second)
    async with engine.connect() as conn:
        for who in (funded, bob):
            released, open_ = await history_orders.holds(conn, who.id)
            assert (released.order, open_.order) == (second, first)
            assert (released.released, released.is_open, released.pending_minor) == (True, False, 0)
            assert (open_.is_open, open_.captured_minor, open_.pending_minor) == (True, 2_000, 3_000)
            assert [(use.kind, use.amount_minor) for use in open_.uses] == [("capture", 2_000)]
            assert [(use.kind, use.amount_minor) for use in released.uses] == [("release", 1_000)]
        assert [h.order for h in await history_orders.holds(conn, bob.id, before=released.sequence)] == [first]
        assert len(await history_orders.holds(conn, bob.id, limit=1)) == 1
        assert await history_orders.holds(conn, Person(0xCA401).id) == []
        assert await history_orders.hold(conn, funded.id, os.urandom(32)) is None
        assert await history_orders.mandate(conn, first.holder, first.nonce) is None


async def test_what_a_use_looks_up_is_an_index_read(engine, agree, funded, bob):
    """No statement of the committer or of the reads walks all transfers (SQLite tells its plan without statistics)."""
    if engine.dialect.name != "sqlite":
        return
    hold, mandate = await agree.hold(funded, bob, 1_000), await agree.mandate(funded, bob, 1_000)
    seen = []

    def note(_conn, _cursor, statement, parameters, *_rest):
        if statement.lstrip().startswith("SELECT") and "transfers" in statement:
            seen.append((statement, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    await agree.capture(hold, 1)
    await agree.collect(mandate, 1)
    async with engine.connect() as conn:
        await history_orders.holds(conn, bob.id)
        await history_orders.mandates(conn, bob.id)
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert len(seen) >= 8
    async with engine.connect() as conn:
        for statement, parameters in seen:
            plan = [row[3] for row in await conn.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)]
            assert not any(step == "SCAN transfers" or step.startswith("SCAN transfers USING") for step in plan), plan
