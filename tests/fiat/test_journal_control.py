"""Control orders and limits in the journal: what holds at once, what waits, what is dead, and what a thief can do."""

from __future__ import annotations

import asyncio
import copy
import os
import random
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from fiat import history
from fiat.authority import authorise
from fiat.authority import legs as order_legs
from fiat.control import DELAY_NS
from fiat.currency import ISO_4217
from fiat.errors import (
    ControlNeedsRoot,
    ControlRefused,
    FiatError,
    HolderFrozen,
    HolderUnknown,
    LimitExceeded,
    NonceConflict,
    OrderEpochWrong,
    OrderKeyUnknown,
    OrderMalformed,
    OrderRefused,
    OrderSignatureWrong,
    UseRefused,
)
from fiat.holder import MAIN, Recovery
from fiat.journal import Journal
from fiat.journal_control import ContractKey
from fiat.journal_engine import writing
from fiat.limit import NO_LIMIT, NO_POLICY, LimitKey, Policy, used
from fiat.order import LedgerControl, LedgerTransfer, SignedOrder
from fiat.record import KeyAction, KeyRecord
from fiat.tables import holders
from fiat.transfer import NANOSECONDS, TransferStatus
from tests.fiat.agreements import Agreements, Clock, intact
from tests.fiat.conftest import EUR, OPERATOR_KEY, Key, Person

PHONE, LAPTOP = Key(0xF0E), Key(0x1A9)
ZERO = bytes(32)
SPENT = LimitKey.parse("transfer:EUR:day")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def journal(engine, clock):
    journal = await Journal.open(engine, OPERATOR_KEY, clock, drift_max_ns=None)
    yield journal
    await journal.close()


@pytest.fixture
async def funded(alice, credit):
    await credit(alice, 10_000)
    return alice


class Desk(Agreements):
    """A client of one server process: signs with any key, and asks as the server's routes do."""

    async def control(self, person, action, subject=ZERO, value=0, **fields):
        return await self.journal.control(self.an_order(person, action, subject, value, **fields))

    def an_order(self, person, action, subject=ZERO, value=0, **fields):
        now = self.clock.seconds
        head = {"holder": person.id, "key_epoch": 1, "nonce": os.urandom(32), "seen_head": person.id}
        head |= {"valid_after": now - 60, "valid_before": now + 600}
        order = LedgerControl(**head | fields, action=action, subject=subject, value=value)
        return SignedOrder(order, person.key.sign_digest(order.digest(self.journal.ledger_id)))

    async def limit(self, person, name, value, **fields):
        return await self.control(person, "limit", LimitKey.parse(name).subject, value, **fields)

    def a_payment(self, person, payee, amount, **fields):
        own = {"payee": payee.id, "amount_minor": amount, "total_max_minor": amount}
        return self.sign(person, LedgerTransfer, **own | fields)

    async def pay(self, person, payee, amount=1, *, signed=None, **fields):
        """The status that the order ends with. Raises what a route would answer with."""
        signed = signed or self.a_payment(person, payee, amount, **fields)
        authorise(signed, self.journal.ledger_id, await self.journal.keys(person.id), self.clock.seconds)
        return (await self.submit(signed)).status


@pytest.fixture
def desk(journal, clock):
    return Desk(journal, clock)


def on(key, person):
    """The same person with another of their keys, or with one that somebody else holds."""
    device = copy.copy(person)
    device.key = key
    return device


def key_of(key):
    return bytes(12) + key.address


def ns(day):
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * NANOSECONDS


async def refused(awaitable, error, **facts):
    with pytest.raises(error) as caught:
        await awaitable
    assert facts.items() <= caught.value.fields().items()


async def spent_today(engine, journal, person, clock):
    async with engine.connect() as conn:
        return used((await history.holder(conn, person.id)).spent, SPENT, clock.now)


async def test_a_key_signs_48_hours_after_it_was_added(engine, desk, clock, funded, bob):
    phone = on(PHONE, funded)
    result = await desk.control(funded, "key-add", key_of(PHONE))
    record = result.receipt.check(desk.journal.ledger_id, OPERATOR_KEY.address)
    assert isinstance(record, KeyRecord)
    assert (record.action, record.key, record.epoch) == (KeyAction.KEY_ADD, PHONE.address, 1)
    assert record.effective_at == record.timestamp + DELAY_NS
    await refused(desk.pay(phone, bob), OrderKeyUnknown)
    clock.now = record.effective_at - 1
    await refused(desk.pay(phone, bob), OrderKeyUnknown)
    clock.now += 1
    assert await desk.pay(phone, bob) is TransferStatus.CREATED
    async with engine.connect() as conn:
        assert await history.holders_of_key(conn, PHONE.address, clock.now) == [funded.id]
        assert await history.holders_of_key(conn, PHONE.address, clock.now - 1 - DELAY_NS) == []
    await intact(engine)


async def test_a_key_that_a_stranger_added_still_names_its_own_account_first(engine, desk, clock, alice, person):
    """Whoever knows an address before its owner has an account can add it to theirs, unasked."""
    await desk.control(alice, "key-add", bytes(12) + Key(0xCA201).address)
    clock.now += DELAY_NS + NANOSECONDS
    carol = await person(0xCA201)
    async with engine.connect() as conn:
        assert await history.holders_of_key(conn, carol.key.address, clock.now) == [carol.id, alice.id]


async def test_a_cancelled_key_never_signs(engine, desk, clock, funded, bob):
    await added(desk, funded, LAPTOP)
    nonce = (await added(desk, funded, PHONE, wait=False)).nonce
    await desk.control(on(LAPTOP, funded), "cancel", nonce)
    await refused(desk.control(funded, "cancel", nonce), ControlRefused, reason="nothing_pending")
    clock.now += DELAY_NS
    await refused(desk.pay(on(PHONE, funded), bob), OrderKeyUnknown)
    assert (await desk.journal.keys(funded.id)).signers == {funded.key.address, LAPTOP.address}
    await intact(engine)


async def added(desk, person, key, *, wait=True, **fields):
    signed = desk.an_order(person, "key-add", key_of(key), **fields)
    result = await desk.journal.control(signed)
    record = result.receipt.check(desk.journal.ledger_id, OPERATOR_KEY.address)
    if wait:
        desk.clock.now = record.effective_at
    return signed.order


async def test_a_process_whose_clock_is_ahead_lets_no_key_sign_early(engine, desk, clock, funded, bob):
    """It saw the key in force; the journal's own clock, by which the record is written, has not come so far."""
    result = await desk.control(funded, "key-add", key_of(PHONE))
    effective_at = result.receipt.check(desk.journal.ledger_id, OPERATOR_KEY.address).effective_at
    clock.now = effective_at + NANOSECONDS
    early, root = desk.a_payment(on(PHONE, funded), bob, 1), desk.a_payment(funded, bob, 2)
    keys = await desk.journal.keys(funded.id)
    signers = [authorise(one, desk.journal.ledger_id, keys, clock.seconds) for one in (early, root)]
    clock.now = effective_at - NANOSECONDS
    legs = [order_legs(one.order, desk.journal.ledger_id, ISO_4217, payout="payout:sandbox") for one in (early, root)]
    await refused(desk.journal.submit(early, legs[0], signer=signers[0]), OrderKeyUnknown)
    assert (await desk.journal.submit(root, legs[1], signer=signers[1])).accepted
    clock.now = effective_at + NANOSECONDS
    assert (await desk.journal.submit(early, legs[0], signer=signers[0])).accepted, "its nonce stayed free"
    await intact(engine)


async def test_what_was_signed_before_a_revoke_is_dead(engine, desk, clock, funded, bob):
    await added(desk, funded, PHONE)
    before = desk.a_payment(on(PHONE, funded), bob, 5)
    by_root = desk.a_payment(funded, bob, 5)
    await desk.control(on(PHONE, funded), "key-revoke", key_of(PHONE))
    await refused(desk.pay(funded, bob, signed=before), OrderKeyUnknown)
    await refused(desk.pay(funded, bob, signed=by_root), OrderEpochWrong, expected=2, given=1)
    await refused(desk.submit(before), OrderEpochWrong)  # the journal asks again, over the state it decides on
    assert await desk.pay(funded, bob, key_epoch=2) is TransferStatus.CREATED
    await intact(engine)


async def test_a_freeze_stops_everything_but_what_was_promised(engine, desk, clock, funded, bob):
    hold = await desk.hold(funded, bob, 100)
    mandate = await desk.mandate(funded, bob, 100)
    await added(desk, funded, PHONE)
    hold = await desk.hold(funded, bob, 100)
    thawed = desk.a_payment(funded, bob, 5)
    await desk.control(on(PHONE, funded), "freeze")
    await refused(desk.pay(funded, bob), HolderFrozen)
    await refused(desk.submit(desk.a_payment(funded, bob, 1)), HolderFrozen)
    await refused(desk.collect(mandate, 10), HolderFrozen)
    assert (await desk.capture(hold, 10)).first
    await refused(desk.control(funded, "freeze"), HolderFrozen)
    await refused(desk.control(on(PHONE, funded), "unfreeze"), ControlNeedsRoot, action="unfreeze")
    await desk.control(funded, "unfreeze")
    await refused(desk.pay(funded, bob, signed=thawed), OrderEpochWrong)
    assert await desk.pay(funded, bob, key_epoch=2) is TransferStatus.CREATED
    assert (await desk.collect(mandate, 10)).first
    await intact(engine)


async def test_a_stolen_spending_key_cannot_widen_anything(engine, desk, clock, funded, bob):
    await added(desk, funded, PHONE)
    await desk.limit(funded, "transfer:EUR:day", 100)
    thief, sequence = on(PHONE, funded), desk.journal.sequence
    await refused(desk.control(thief, "key-add", key_of(Key(0xBAD))), ControlNeedsRoot, action="key-add")
    await refused(desk.limit(thief, "transfer:EUR:day", 101), ControlNeedsRoot, action="limit")
    await refused(desk.limit(thief, "transfer:EUR:day", NO_LIMIT), ControlNeedsRoot)
    await refused(desk.control(thief, "key-revoke", key_of(funded.key)), ControlRefused, reason="key_is_root")
    await refused(desk.control(on(Key(0xBAD), funded), "freeze"), OrderKeyUnknown)
    assert desk.journal.sequence == sequence, "nothing of it stands in the journal"
    assert await desk.pay(thief, bob, 100) is TransferStatus.CREATED
    await refused(desk.pay(thief, bob, 1), LimitExceeded, limit_minor=100, used_minor=100, amount_minor=1)
    await desk.control(thief, "freeze")
    await refused(desk.control(thief, "unfreeze"), ControlNeedsRoot)
    await desk.control(funded, "key-revoke", key_of(PHONE))
    await intact(engine)


async def test_a_control_order_is_carried_out_once(engine, desk, funded, bob):
    signed = desk.an_order(funded, "freeze")
    first, again = await asyncio.gather(desk.journal.control(signed), desk.journal.control(signed))
    assert (first.first, again.first) == (True, False)
    assert first.receipt == again.receipt == (await desk.journal.order_result(funded.id, signed.order.nonce)).receipt
    nonce = signed.order.nonce
    await refused(desk.control(funded, "unfreeze", nonce=nonce), NonceConflict)
    await refused(desk.submit(desk.a_payment(funded, bob, 1, nonce=nonce)), NonceConflict)
    await desk.control(funded, "unfreeze")
    paid = desk.a_payment(funded, bob, 1, key_epoch=2)
    assert (await desk.submit(paid)).accepted
    await refused(desk.control(funded, "freeze", nonce=paid.order.nonce, key_epoch=2), NonceConflict)
    await intact(engine)


async def test_what_is_no_control_order_never_reaches_the_journal(desk, funded, bob):
    with pytest.raises(OrderMalformed):
        await desk.journal.control(desk.a_payment(funded, bob, 1))
    for wrong in ((PHONE.address[1:], 1, ZERO), (PHONE.address, 0, ZERO), (PHONE.address, 1, ZERO[1:])):
        with pytest.raises(ValueError, match="a key has 20 bytes"):
            ContractKey(funded.id, *wrong)
    torn = desk.an_order(funded, "freeze")
    results = await asyncio.gather(
        desk.journal.control(SignedOrder(torn.order, bytes(65))), desk.pay(funded, bob), return_exceptions=True
    )
    assert [type(results[0]), results[1]] == [OrderSignatureWrong, TransferStatus.CREATED]


async def test_a_stranger_has_no_controls(desk, journal):
    await refused(desk.control(Person(404), "freeze"), HolderUnknown)


async def test_a_mandate_is_revoked_once_by_its_payer(engine, desk, funded, bob):
    mandate = await desk.mandate(funded, bob, 100)
    hold = await desk.hold(funded, bob, 100)
    for person, nonce in ((funded, os.urandom(32)), (funded, hold.nonce), (bob, mandate.nonce)):
        await refused(desk.control(person, "mandate-revoke", nonce), ControlRefused, reason="mandate_unknown")
    await desk.collect(mandate, 60)
    revoke = [desk.control(funded, "mandate-revoke", mandate.nonce) for _ in range(2)]
    first, second = await asyncio.gather(*revoke, return_exceptions=True)
    assert first.accepted
    assert second.fields() == {"action": "mandate-revoke", "reason": "mandate_revoked"}
    with pytest.raises(FiatError):
        await desk.collect(mandate, 1)
    await intact(engine)


# Two people's limits, line by line: when, what, amount -> what the ledger says. Limits of 100 a day and 150 a month.
DAYS = [
    ("2031-01-31T23:59:58", 100, TransferStatus.CREATED),
    ("2031-01-31T23:59:59", 1, "day"),
    ("2031-02-01T00:00:00", 100, TransferStatus.CREATED),
    ("2031-02-02T00:00:00", 51, "month"),
    ("2031-02-02T00:00:01", 50, TransferStatus.CREATED),
    ("2031-02-28T23:59:59", 1, "month"),
    ("2031-03-01T00:00:00", 100, TransferStatus.CREATED),
]


async def test_a_limit_begins_again_with_the_day_and_the_month(engine, person, clock, journal, desk, credit):
    clock.now = ns("2031-01-31T12:00:00")
    alice, bob = await person(1), await person(2)
    await credit(alice, 10_000)
    await desk.limit(alice, "transfer:EUR:day", 100)
    await desk.limit(alice, "all:EUR:month", 150)
    for day, amount, outcome in DAYS:
        clock.now = ns(day)
        try:
            assert await desk.pay(alice, bob, amount) is outcome, day
        except LimitExceeded as error:
            assert error.fields()["period"] == outcome, day
    await intact(engine)


async def test_what_a_limit_refuses_leaves_its_nonce_free(engine, desk, clock, person, credit):
    clock.now = ns("2031-01-31T23:59:00")
    alice, bob = await person(1), await person(2)
    await credit(alice, 1_000)
    await desk.limit(alice, "transfer:EUR:day", 100)
    assert await desk.pay(alice, bob, 100) is TransferStatus.CREATED
    signed = desk.a_payment(alice, bob, 100)
    clock.now = ns("2031-02-01T00:00:00") - 2
    await refused(desk.pay(alice, bob, signed=signed), LimitExceeded)
    assert await desk.journal.order_result(alice.id, signed.order.nonce) is None
    clock.now = ns("2031-02-01T00:00:00")
    assert await desk.pay(alice, bob, signed=signed) is TransferStatus.CREATED
    await intact(engine)


async def test_fees_count_and_refusals_of_the_machine_do_not(engine, desk, clock, funded, bob, journal):
    await journal.open_account(ZERO, EUR, "fees")
    await desk.limit(funded, "transfer:EUR:day", 20_000)
    big = desk.a_payment(funded, bob, 9_999, total_max_minor=10_001)
    assert not (await desk.submit(big, fee_minor=2)).accepted
    assert await spent_today(engine, journal, funded, clock) == 0
    await desk.limit(funded, "transfer:EUR:day", 100)
    signed = desk.a_payment(funded, bob, 99, total_max_minor=200)
    await refused(desk.submit(signed, fee_minor=2), LimitExceeded, used_minor=99, amount_minor=2)
    assert await spent_today(engine, journal, funded, clock) == 0
    assert (await desk.submit(signed, fee_minor=1)).accepted
    assert await spent_today(engine, journal, funded, clock) == 100
    await intact(engine)


async def test_a_hold_counts_once_and_a_collection_as_its_mandate(engine, desk, clock, funded, bob):
    await desk.limit(funded, "hold:EUR:day", 100)
    await desk.limit(funded, "mandate:EUR:day", 30)
    await desk.limit(funded, "all:EUR:day", 140)
    hold = await desk.hold(funded, bob, 100)
    await desk.capture(hold, 40)
    await desk.capture(hold, 10)
    await desk.release(hold)
    await refused(desk.submit(desk.a_hold(funded, bob, 1)), LimitExceeded, kind="hold", used_minor=100)
    mandate = await desk.mandate(funded, bob, 100)
    await refused(desk.collect(mandate, 31), UseRefused, status="exceeds_credits")
    await desk.collect(mandate, 30)
    await refused(desk.pay(funded, bob, 11), LimitExceeded, kind="all", used_minor=130)
    assert await desk.pay(funded, bob, 10) is TransferStatus.CREATED
    await intact(engine)


async def test_a_raise_waits_and_a_lowering_does_not(engine, desk, clock, funded, bob):
    await added(desk, funded, PHONE)
    await desk.limit(on(PHONE, funded), "transfer:EUR:day", 100)
    raising = desk.an_order(funded, "limit", SPENT.subject, 200)
    assert (await desk.journal.control(raising)).accepted
    await refused(desk.limit(funded, "transfer:EUR:day", 300), ControlRefused, reason="raise_pending")
    await refused(desk.pay(funded, bob, 101), LimitExceeded, limit_minor=100)
    clock.now += DELAY_NS - 1 - 10 * NANOSECONDS
    await refused(desk.pay(funded, bob, 101), LimitExceeded, limit_minor=100)
    clock.now += 11 * NANOSECONDS
    assert await desk.pay(funded, bob, 101) is TransferStatus.CREATED
    await desk.limit(on(PHONE, funded), "transfer:EUR:day", 0)
    await refused(desk.pay(funded, bob, 1), LimitExceeded, limit_minor=0, used_minor=101)
    await intact(engine)


async def test_of_many_at_once_exactly_what_the_limit_allows_is_let_through(engine, desk, funded, bob, balance):
    await desk.limit(funded, "transfer:EUR:day", 100)
    results = await asyncio.gather(*(desk.pay(funded, bob, 10) for _ in range(50)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results).count("LimitExceeded") == 40
    assert results.count(TransferStatus.CREATED) == 10
    assert await balance(bob) == 100
    await intact(engine)


async def test_two_processes_share_one_limit_and_one_freeze(engine, desk, clock, funded, bob, balance):
    """Each has the holder in its cache; what the other wrote is known before anything else is decided."""
    async with open_another(engine, clock) as other:
        await desk.limit(funded, "transfer:EUR:day", 100)
        assert await other.pay(funded, bob, 10) is TransferStatus.CREATED
        paying = [where.pay(funded, bob, 10) for _ in range(20) for where in (desk, other)]
        results = await asyncio.gather(*paying, return_exceptions=True)
        assert results.count(TransferStatus.CREATED) == 9
        assert await balance(bob) == 100
        clock.now += 86_400 * NANOSECONDS
        assert await other.pay(funded, bob, 1) is TransferStatus.CREATED
        late = other.a_payment(funded, bob, 1)
        authorise(late, other.journal.ledger_id, await other.journal.keys(funded.id), clock.seconds)
        await desk.control(funded, "freeze")
        await refused(other.submit(late), HolderFrozen)
        await other.control(funded, "unfreeze")
        await refused(desk.submit(late), OrderEpochWrong)
        assert await desk.pay(funded, bob, 1, key_epoch=2) is TransferStatus.CREATED
    await intact(engine)


@asynccontextmanager
async def open_another(engine, clock, policy=NO_POLICY):
    """A second server process on the same database, with limits of its own."""
    journal = await Journal.open(engine, OPERATOR_KEY, clock, drift_max_ns=None, policy=policy)
    yield Desk(journal, clock)
    await journal.close()


async def test_the_operators_limits_hold_where_they_are_lower(engine, desk, clock, funded, bob, credit):
    await credit(bob, 1_000)
    await desk.limit(funded, "transfer:EUR:day", 80)
    policy = Policy({SPENT: 100}, {bob.id: {SPENT: 5}})
    async with open_another(engine, clock, policy) as strict:
        await refused(strict.pay(funded, bob, 81), LimitExceeded, limit_minor=80)
        await refused(strict.pay(bob, funded, 6), LimitExceeded, limit_minor=5)
        assert await strict.pay(bob, funded, 5) is TransferStatus.CREATED
        await strict.limit(funded, "transfer:EUR:day", NO_LIMIT)
        clock.now += DELAY_NS + NANOSECONDS
        await refused(strict.pay(funded, bob, 101), LimitExceeded, limit_minor=100)
    assert await desk.pay(funded, bob, 101) is TransferStatus.CREATED, "the operator lifted its own"
    await intact(engine)


async def test_a_contract_account_has_one_key(engine, desk, journal, bob, credit):
    safe = Person(0x5AFE, Recovery.CONTRACT_NEVER)
    contract = safe.genesis.root
    await journal.open_holder(safe.genesis, [(EUR, MAIN)])
    await credit(safe, 100)
    block = os.urandom(32)
    after = await journal.ask(ContractKey(safe.id, PHONE.address, 31337, block))
    assert (after.root, after.contract, after.epoch) == (PHONE.address, contract, 1)
    sequence = journal.sequence
    assert (await journal.ask(ContractKey(safe.id, PHONE.address, 31337, block))).root == PHONE.address
    assert journal.sequence == sequence, "asked again it is not written again"
    again = ContractKey(safe.id, LAPTOP.address, 31337, block)
    await refused(journal.ask(again), ControlRefused, reason="contract_settled")
    await refused(desk.pay(safe, bob), OrderKeyUnknown)
    device = on(PHONE, safe)
    assert await desk.pay(device, bob) is TransferStatus.CREATED
    await added(desk, device, LAPTOP)
    await refused(desk.control(on(LAPTOP, safe), "key-add", key_of(Key(9))), ControlNeedsRoot)
    assert await desk.pay(on(LAPTOP, safe), bob) is TransferStatus.CREATED
    await refused(journal.ask(ContractKey(os.urandom(32), PHONE.address, 1, block)), HolderUnknown)
    await intact(engine)


async def test_whoever_gave_an_order_is_no_contract(engine, desk, journal, funded, bob):
    request = ContractKey(funded.id, PHONE.address, 31337, os.urandom(32))
    racing = [desk.submit(desk.a_payment(funded, bob, 1)), journal.ask(request)]
    paid, late = await asyncio.gather(*racing, return_exceptions=True)
    assert paid.accepted
    assert late.fields()["reason"] == "contract_none"
    await refused(journal.ask(request), ControlRefused, reason="contract_none")
    await intact(engine)


async def test_another_start_knows_keys_limits_and_counters(engine, desk, clock, funded, bob):
    await added(desk, funded, PHONE)
    await desk.limit(funded, "transfer:EUR:day", 100)
    await desk.pay(on(PHONE, funded), bob, 70)
    await desk.control(funded, "freeze")
    async with open_another(engine, clock) as later:
        await refused(later.pay(funded, bob, 1), HolderFrozen)
        await later.control(funded, "unfreeze")
        await refused(later.pay(on(PHONE, funded), bob, 31, key_epoch=2), LimitExceeded, used_minor=70)
        assert await later.pay(on(PHONE, funded), bob, 30, key_epoch=2) is TransferStatus.CREATED


REFUSED = [
    "UPDATE holders SET root = contract, count = count + 1",
    "UPDATE holders SET root = (SELECT root FROM holders AS other WHERE other.id <> holders.id), count = count + 1",
    "UPDATE holders SET contract = (SELECT root FROM holders AS o WHERE o.id <> holders.id), count = count + 1",
    "UPDATE holders SET epoch = epoch - 1, count = count + 1",
    "UPDATE holders SET frozen = 1",
    "UPDATE holders SET spent = limits",
]


@pytest.mark.parametrize("statement", REFUSED)
async def test_the_database_itself_refuses(engine, alice, bob, statement):
    with pytest.raises(DBAPIError):
        async with writing(engine).begin() as conn:
            await conn.execute(text(statement))


async def test_the_root_of_a_contract_is_replaced_once(engine, journal, bob):
    safe = Person(0x5AFE, Recovery.CONTRACT_NEVER)
    await journal.open_holder(safe.genesis, [(EUR, MAIN)])
    await journal.ask(ContractKey(safe.id, PHONE.address, 1, os.urandom(32)))
    async with engine.connect() as conn:
        row = (await conn.execute(select(holders).where(holders.c.id == safe.id))).mappings().one()
    assert (row["root"], row["contract"]) == (PHONE.address, safe.key.address)
    with pytest.raises(DBAPIError):
        async with writing(engine).begin() as conn:
            await conn.execute(text("UPDATE holders SET contract = root, count = count + 1 WHERE length(contract) > 0"))


SUBJECTS = [LimitKey.parse(text).subject for text in ("transfer:EUR:day", "all:EUR:month", "hold:EUR:day")]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_whatever_is_accepted_holds_before_the_check_and_the_auditor(engine, desk, clock, funded, bob):
    """Random controls by random keys at random times, and payments between: three programs agree on each."""
    dice, keys, epoch, nonces, done = random.Random(4), [funded.key, PHONE, LAPTOP, Key(3)], 1, [ZERO], Counter()
    mandates = [(await desk.mandate(funded, bob, 5)).nonce for _ in range(3)]
    for _ in range(250):
        clock.now += dice.choice((1, 10**9, 3600 * 10**9, 20 * 3600 * 10**9))
        action = dice.choice(
            ("key-add", "key-revoke", "freeze", "unfreeze", "limit", "mandate-revoke", "cancel", "pay")
        )
        subjects = {"limit": SUBJECTS, "cancel": nonces[-3:], "mandate-revoke": mandates}
        subjects["key-add"] = subjects["key-revoke"] = [key_of(key) for key in keys]
        subject = dice.choice(subjects.get(action, [ZERO]))
        value = dice.choice((5, 40, 90, NO_LIMIT)) if action == "limit" else 0
        person = on(funded.key if dice.random() < 0.6 else dice.choice(keys), funded)
        nonce = dice.randbytes(32)
        try:
            if action == "pay":
                await desk.pay(person, bob, dice.randint(1, 6), key_epoch=epoch)
            else:
                await desk.control(person, action, subject, value, nonce=nonce, key_epoch=epoch)
        except OrderRefused:
            continue
        done[action] += 1
        epoch += action in ("key-revoke", "unfreeze")
        nonces += [nonce] * (action in ("key-add", "limit"))
    assert len(done) == 8, done
    await intact(engine)
