"""Officers and their entries in a journal: every rule fulfilled once and broken once, on both databases."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from fiat import history, history_notices
from fiat.authority import legs as order_legs
from fiat.currency import ISO_4217
from fiat.errors import (
    DebitUnauthorised,
    EntryRefused,
    NonceConflict,
    OrderExpired,
    OrderSignatureWrong,
    ReservesExceeded,
)
from fiat.history_check import verify
from fiat.holder import OPERATOR, HolderGenesis, Recovery, account_id
from fiat.journal import Journal
from fiat.journal_engine import writing
from fiat.journal_entries import NameOfficer, PostEntry
from fiat.officer import counters_hash
from fiat.record import KeyAction, KeyRecord, OperatorRecord, Reason, decode
from fiat.transfer import Transfer, TransferFlags
from tests.fiat.agreements import intact
from tests.fiat.conftest import OPERATOR_KEY, Person
from tests.fiat.officers import ANNA, BEN, CARL, DAY, EUR, EVERYTHING, HOUR, SECOND, Office, subject

PAPER = b"\x5a" * 32


class Recoverable(Person):
    def __init__(self, seed):
        super().__init__(seed)
        self.genesis = HolderGenesis(self.key.address, seed.to_bytes(32, "big"), Recovery.RECOVERABLE)
        self.id = self.genesis.holder_id
        self.account = account_id(self.id, EUR)


@pytest.fixture
async def office(engine):
    office = await Office.open(engine, Person(0xA11CE), Person(0xB0B), Recoverable(0xCAFE))
    office.alice, office.bob, office.carol = Person(0xA11CE), Person(0xB0B), Recoverable(0xCAFE)
    yield office
    await office.journal.close()
    await intact(engine)


async def refused(coroutine, rule):
    with pytest.raises(EntryRefused) as caught:
        await coroutine
    assert caught.value.fields() == {"rule": rule}


@pytest.fixture
def available(engine):
    async def read(person):
        async with engine.connect() as conn:
            return (await history.balances(conn, person.id))[0].available

    return read


@pytest.fixture
def records(engine):
    async def read():
        async with engine.connect() as conn:
            return [r for r in await history.tail(conn, 0) if isinstance(r, OperatorRecord)]

    return read


async def test_two_officers_are_needed(office):
    await office.move("clearing:sandbox", office.alice, 1_000)
    entry = office.hold(4, office.alice, "inquiry", 100)
    before = office.journal.sequence
    await refused(office.post(entry, by=(ANNA,)), "two_signatures_needed")
    await refused(office.post(entry, by=(ANNA, BEN, CARL)), "two_signatures_needed")
    await refused(office.post(entry, by=(ANNA, ANNA)), "same_officer_twice")
    await refused(office.post(entry, by=(ANNA, CARL)), "officer_not_in_force")
    await refused(office.post(entry, by=(ANNA, office.alice.key)), "officer_not_in_force")
    digest = entry.digest(office.journal.ledger_id)
    with pytest.raises(OrderSignatureWrong):
        await office.journal.ask(PostEntry(entry, (ANNA.sign_digest(digest), bytes(65)), digest))
    assert office.journal.sequence == before, "a refusal leaves nothing"
    first = await office.post(entry, by=(BEN, ANNA))
    again = await office.post(entry)
    assert (first.first, again.first, again.sequence) == (True, False, first.sequence)
    with pytest.raises(NonceConflict):
        await office.post(replace(entry, amount_minor=101))


async def test_officers_are_named_added_revoked_and_cancelled(office, engine):
    assert not (await office.journal.ask(NameOfficer(ANNA.address))).first, "naming again changes nothing"
    await refused(office.journal.ask(NameOfficer(CARL.address)), "officers_named_already")
    await refused(office.change("key-add", subject(CARL), by=CARL), "officer_not_in_force")
    await refused(office.change("key-add", subject(BEN)), "officer_known_or_too_many")
    await refused(office.change("key-add", CARL.address + bytes(12)), "subject_malformed")
    await refused(office.change("key-add", subject(CARL), value=1), "order_malformed")
    await refused(office.change("freeze", subject(CARL)), "action_unknown")
    with pytest.raises(OrderExpired):
        await office.change("key-add", subject(CARL), valid_before=office.clock.now // SECOND - 1)
    nonce = os.urandom(32)
    added = await office.change("key-add", subject(CARL), nonce=nonce)
    assert added.accepted
    assert (await office.change("key-add", subject(CARL), nonce=nonce)).sequence == added.sequence
    with pytest.raises(NonceConflict):
        await office.change("key-add", subject(BEN), nonce=nonce)

    await office.move("clearing:sandbox", office.alice, 1_000)
    entry = office.hold(4, office.alice, "inquiry", 1)
    office.after(48 * HOUR - SECOND)
    await refused(office.post(entry, by=(ANNA, CARL)), "officer_not_in_force")
    await refused(office.change("key-revoke", subject(BEN)), "fewer_than_two_officers")
    await refused(office.change("key-revoke", subject(CARL)), "revoked_by_another_officer_only")
    office.after(2 * SECOND)
    assert (await office.post(entry, by=(ANNA, CARL))).first
    await refused(office.change("cancel", nonce), "nothing_to_cancel")
    await refused(office.change("key-revoke", subject(ANNA)), "revoked_by_another_officer_only")
    assert (await office.change("key-revoke", subject(ANNA), by=CARL)).accepted
    await refused(office.post(office.hold(4, office.alice, "inquiry", 1)), "officer_not_in_force")

    nonce = os.urandom(32)
    await office.change("key-add", subject(ANNA), by=BEN, nonce=nonce)
    assert (await office.change("cancel", nonce, by=CARL)).accepted
    office.after(50 * HOUR)
    await refused(office.post(office.hold(4, office.alice, "inquiry", 1)), "officer_not_in_force")
    async with engine.connect() as conn:
        changes = [r for r in await history.tail(conn, 0) if isinstance(r, KeyRecord) and r.holder == OPERATOR]
    actions = [KeyAction.KEY_ADD] * 3 + [KeyAction.KEY_REVOKE, KeyAction.KEY_ADD, KeyAction.CANCEL]
    assert [r.action for r in changes] == actions
    assert [r.order is None for r in changes] == [True, True, False, False, False, False]
    assert {(r.epoch, r.link) for r in changes} == {(0, bytes(32))}


async def test_a_chargeback_takes_what_is_there_and_the_rest_is_receivable(office, available, records):
    await office.move("bank", "capital", 5_000)
    topup = await office.move("clearing:sandbox", office.alice, 1_000)
    await refused(
        office.post(office.hold(1, office.bob, "clearing:sandbox", 5, undoes=topup)),
        "record_undone_is_another_accounts",
    )
    await refused(office.post(office.hold(1, office.alice, "bank", 5, undoes=topup)), "credit_account_wrong")
    await refused(office.post(office.hold(1, office.alice, "bank", 5, undoes=10**6)), "record_undone_unknown")
    over = office.hold(1, office.alice, "clearing:sandbox", 1_001, undoes=topup)
    await refused(office.post(over), "more_than_the_rest")

    hold = await office.held(1, office.alice, "clearing:sandbox", 700, undoes=topup)
    again = office.hold(1, office.alice, "clearing:sandbox", 301, undoes=topup)
    await refused(office.post(again), "more_than_the_rest")  # a pending hold counts
    assert await available(office.alice) == 300
    second = await office.held(1, office.alice, "clearing:sandbox", 300, undoes=topup)
    assert await available(office.alice) == 0

    fields = {"undoes": topup, "pending_id": hold.leg_0, "reason_code": 1}
    undoing = office.entry(Reason.UNDOING, office.alice, "clearing:sandbox", 700, **fields)
    office.after(72 * HOUR - SECOND)
    await refused(office.post(undoing), "notice_too_short")
    office.after(2 * SECOND)
    await refused(office.post(replace(undoing, amount_minor=699)), "differs_from_its_hold")
    await refused(office.post(replace(undoing, undoes=topup - 1)), "differs_from_its_hold")
    assert (await office.post(undoing)).first
    await refused(office.post(replace(undoing, nonce=os.urandom(32))), "hold_over")
    release = office.entry(Reason.RELEASE, office.alice, "clearing:sandbox", 300, pending_id=second.leg_0)
    await refused(office.post(replace(release, amount_minor=1)), "differs_from_its_hold")
    await office.post(release)
    assert await available(office.alice) == 300, "what was released may be undone again"
    assert [(r.reason, r.amount) for r in await records()] == [(4, 700), (4, 300), (1, 700), (5, 300)]


async def test_never_below_the_floor(office, available, records, engine):
    await office.move("bank", "capital", 5_000)
    topup = await office.move("clearing:sandbox", office.alice, 1_000)
    pay = office.alice.pay(office.journal, office.bob, 600, now=office.clock.now // SECOND)
    legs = order_legs(pay.order, office.journal.ledger_id, ISO_4217, payout="payout")
    assert (await office.journal.submit(pay, legs)).accepted
    hold = await office.held(1, office.alice, "clearing:sandbox", 1_000, undoes=topup)
    office.after(80 * HOUR)
    fields = {"undoes": topup, "pending_id": hold.leg_0, "reason_code": 1}
    await office.post(office.entry(Reason.UNDOING, office.alice, "clearing:sandbox", 1_000, **fields))
    held, taken, owed = await records()
    assert (held.amount, taken.amount, owed.amount) == (400, 400, 600)
    assert (taken.user_data_32, owed.user_data_32, owed.user_data_64) == (0, 1, 1_000)
    assert (owed.debit_account_id, owed.credit_account_id) == (office.accounts["receivable"], taken.credit_account_id)
    assert await available(office.alice) == 0
    async with engine.connect() as conn:
        told = await history_notices.notices(conn, office.alice.id)
    assert [(n.reason, n.state, n.amount, n.asked_minor) for n in told] == [
        (Reason.UNDOING, "taken", 400, 1_000),
        (Reason.HOLD, "taken", 400, 1_000),
    ]


async def test_a_loss_that_nothing_covers_is_refused(office):
    """Without the operator's own money the difference would leave people with more than the reserves."""
    topup = await office.move("clearing:sandbox", office.alice, 1_000)
    bobs = await office.move("clearing:sandbox", office.bob, 1_000)
    assert bobs > topup
    first = await office.held(4, office.alice, "inquiry", 1_000)
    hold = await office.held(1, office.alice, "clearing:sandbox", 1_000, undoes=topup)
    office.after(80 * HOUR)
    fields = {"undoes": topup, "pending_id": hold.leg_0, "reason_code": 2}
    undoing = office.entry(Reason.UNDOING, office.alice, "clearing:sandbox", 1_000, **fields)
    with pytest.raises(ReservesExceeded) as caught:
        await office.post(undoing)
    assert caught.value.fields() == {"currency": "EUR", "people_minor": 2_000, "reserves_minor": 1_000}
    await office.move("bank", "capital", 1_000)
    assert (await office.post(undoing)).first
    assert first.amount_minor == 1_000


async def test_a_court_takes_up_to_its_cap(office, available):
    await office.move("clearing:sandbox", office.alice, 1_000)
    paper = {"document": PAPER, "cap": 500}
    await refused(office.post(office.hold(2, office.alice, "compelled", 500)), "document_missing")
    await refused(office.post(office.hold(2, office.alice, "inquiry", 500, **paper)), "credit_account_wrong")
    await refused(office.post(office.hold(2, office.alice, "compelled", 501, **paper)), "over_the_cap")
    hold = await office.held(2, office.alice, "compelled", 300, **paper)
    office.after(72 * HOUR + SECOND)
    take = office.entry(Reason.COMPELLED, office.alice, "compelled", 300, reason_code=2, pending_id=hold.leg_0, **paper)
    await refused(office.post(replace(take, cap=501)), "cap_differs_from_before")
    await refused(office.post(replace(take, document=bytes(31) + b"\1")), "differs_from_its_hold")
    await refused(office.post(replace(take, pending_id=0)), "pending_id_missing")
    await office.post(take)
    silent = office.entry(Reason.COMPELLED, office.alice, "compelled", 201, reason_code=102, **paper)
    await refused(office.post(silent), "over_the_cap")
    await office.post(replace(silent, amount_minor=200))
    assert await available(office.alice) == 500
    await refused(office.post(replace(silent, amount_minor=1, nonce=os.urandom(32))), "over_the_cap")
    other = replace(silent, document=bytes(31) + b"\2", cap=10**6, amount_minor=10**6, nonce=os.urandom(32))
    await office.post(other)
    assert await available(office.alice) == 0, "all that was there, and no more"


async def test_recovery_moves_a_whole_balance_after_fourteen_days(office, available, engine):
    await office.move("clearing:sandbox", office.carol, 900)
    to_bob = {"successor": office.bob.id}
    hold = office.hold(3, office.carol, office.bob, EVERYTHING, days=30, **to_bob)
    await refused(office.post(replace(hold, amount_minor=5)), "recovery_moves_everything")
    await refused(office.post(replace(hold, successor=bytes(32))), "successor_missing")
    await refused(office.post(replace(hold, successor=PAPER)), "successor_unknown")
    await refused(office.post(replace(hold, credit_account=office.alice.account)), "credit_account_wrong")
    await refused(
        office.post(office.hold(3, office.carol, office.bob, EVERYTHING, days=13, **to_bob)), "notice_too_short"
    )
    never = office.hold(3, office.alice, office.bob, EVERYTHING, days=30, **to_bob)
    await refused(office.post(never), "never_recoverable")
    await office.post(hold)
    take = office.entry(Reason.RECOVERY, office.carol, office.bob, EVERYTHING, pending_id=hold.leg_0, **to_bob)
    await office.move("clearing:sandbox", office.carol, 45)
    office.after(14 * DAY - SECOND)
    await refused(office.post(take), "notice_too_short")
    office.after(2 * SECOND)
    await refused(office.post(replace(take, successor=office.alice.id)), "differs_from_its_hold")
    assert await available(office.carol) == 45, "came after the hold"
    first = await office.post(take)
    assert (await available(office.carol), await available(office.bob)) == (0, 945)
    assert await office.post(take) == replace(first, first=False)
    async with engine.connect() as conn:
        told = await history_notices.notices(conn, office.carol.id)
        got = await history_notices.notices(conn, office.bob.id)
    assert [(each.state, each.amount, each.incoming) for each in told] == [
        ("taken", 45, False),
        ("taken", 900, False),
        ("taken", 900, False),
    ], "the hold, and both halves of the recovery"
    assert [(each.amount, each.incoming) for each in got][:2] == [(45, True), (900, True)]


async def test_a_recovery_takes_what_came_free_and_what_came_later_to_an_empty_account(office, available):
    to_bob = {"successor": office.bob.id}
    await office.move("clearing:sandbox", office.carol, 900)
    inquiry = await office.held(4, office.carol, "inquiry", 900, days=10)
    hold = await office.held(3, office.carol, office.bob, EVERYTHING, days=30, **to_bob)
    take = office.entry(Reason.RECOVERY, office.carol, office.bob, EVERYTHING, pending_id=hold.leg_0, **to_bob)
    office.after(15 * DAY)
    assert (await office.post(take)).first, f"the inquiry's hold {inquiry.leg_0} ends in the recovery's own batch"
    assert (await available(office.carol), await available(office.bob)) == (0, 900)


async def test_an_order_of_the_holder_stops_a_recovery(office, available, engine):
    await office.move("clearing:sandbox", office.carol, 900)
    hold = await office.held(3, office.carol, office.bob, EVERYTHING, days=30, successor=office.bob.id)
    office.after(HOUR)
    await office.move("clearing:sandbox", office.carol, 5)
    pay = office.carol.pay(office.journal, office.alice, 5, now=office.clock.now // SECOND)
    legs = order_legs(pay.order, office.journal.ledger_id, ISO_4217, payout="payout")
    assert (await office.journal.submit(pay, legs)).accepted
    office.after(15 * DAY)
    take = office.entry(
        Reason.RECOVERY, office.carol, office.bob, EVERYTHING, pending_id=hold.leg_0, successor=office.bob.id
    )
    await refused(office.post(take), "holder_ordered_since")
    office.after(16 * DAY)
    await office.journal.release_expired()
    assert await available(office.carol) == 900
    async with engine.connect() as conn:
        (told,) = await history_notices.notices(conn, office.carol.id)
    assert (told.state, told.asked_minor, told.hold_for) == ("expired", EVERYTHING, 3)


async def test_a_hold_of_inquiry_ends_by_its_date(office, available, engine):
    await office.move("clearing:sandbox", office.alice, 1_000)
    await refused(office.post(office.hold(4, office.alice, "inquiry", 100, days=2)), "notice_too_short")
    await refused(office.post(office.hold(4, office.alice, "inquiry", 100, days=91)), "hold_too_long")
    await refused(office.post(office.hold(4, "capital", "inquiry", 100)), "debit_account_wrong")
    await refused(office.post(office.hold(4, office.alice, "inquiry", 0)), "amount_out_of_range")
    await refused(office.post(office.hold(5, office.alice, "inquiry", 1)), "reason_unknown")
    await refused(office.post(office.hold(4, office.alice, "inquiry", 1, cap=1)), "cap_not_of_this_reason")
    await refused(office.post(office.hold(4, office.alice, "inquiry", 1, exponent=3)), "currency_wrong")
    await refused(office.post(office.hold(4, office.alice, 12345, 1)), "account_unknown")
    hold = await office.held(4, office.alice, "inquiry", 5_000, days=4)
    empty = await office.held(4, office.alice, "inquiry", 7, days=4)
    assert await available(office.alice) == 0
    async with engine.connect() as conn:
        told = await history_notices.notices(conn, office.alice.id)
        assert [n.amount for n in told] == [0, 1_000], "a hold of nothing is legal, and told"
        assert await history_notices.active(conn, office.alice.id) == 2
        assert await history_notices.notices(conn, office.bob.id) == []
    office.after(5 * DAY)
    release = office.entry(Reason.RELEASE, office.alice, "inquiry", 1_000, pending_id=hold.leg_0)
    await refused(office.post(release), "hold_over")
    await office.journal.release_expired()
    assert await available(office.alice) == 1_000
    async with engine.connect() as conn:
        assert {n.state for n in await history_notices.notices(conn, office.alice.id)} == {"expired"}
        assert await history_notices.active(conn, office.alice.id) == 0
    assert empty.reason_code == 4


async def test_only_officers_resolve_their_holds(office):
    await office.move("clearing:sandbox", office.alice, 1_000)
    hold = await office.held(4, office.alice, "inquiry", 600)
    for flags in (TransferFlags.POST_PENDING_TRANSFER, TransferFlags.VOID_PENDING_TRANSFER):
        with pytest.raises(DebitUnauthorised):
            await office.journal.post([Transfer(77, amount=600, pending_id=hold.leg_0, flags=int(flags))])


async def test_a_credit_comes_from_the_operators_own_money(office, available):
    credit = office.entry(Reason.CREDIT, "capital", office.alice, 50, reason_code=1)
    with pytest.raises(ReservesExceeded):
        await office.post(credit)
    await office.move("bank", "capital", 50)
    await refused(office.post(replace(credit, debit_account=office.accounts["bank"])), "debit_account_wrong")
    await refused(office.post(replace(credit, debit_account=office.bob.account)), "debit_account_wrong")
    await refused(office.post(replace(credit, credit_account=office.accounts["fees"])), "credit_account_wrong")
    await refused(office.post(replace(credit, until=5)), "until_not_of_this_reason")
    await office.post(credit)
    assert await available(office.alice) == 50


async def test_i17_credits_beyond_the_reserves_are_refused_even_at_once(office, available):
    """Twenty goodwill credits against money for ten: exactly ten, whoever comes first."""
    await office.move("bank", "capital", 1_000)
    entries = [office.entry(Reason.CREDIT, "capital", office.alice, 100, reason_code=1) for _ in range(20)]
    answers = await asyncio.gather(*(office.post(e) for e in entries), return_exceptions=True)
    assert sum(isinstance(a, ReservesExceeded) for a in answers) == 10
    assert await available(office.alice) == 1_000


async def test_every_seal_counts(office, engine):
    await office.move("clearing:sandbox", office.alice, 1_000)
    async with engine.connect() as conn:
        assert (await history.latest_seal(conn)).counters == bytes(32)
    hold = await office.held(4, office.alice, "inquiry", 600)
    await office.held(4, office.alice, "inquiry", 5_000)
    await office.post(office.entry(Reason.RELEASE, office.alice, "inquiry", 600, pending_id=hold.leg_0))
    counters = {(4, EUR.ledger): (2, 1_000), (5, EUR.ledger): (1, 600)}
    async with engine.connect() as conn:
        assert (await history.latest_seal(conn)).counters == counters_hash(counters)
    await office.journal.open_account(OPERATOR, EUR, "suspense:later")
    async with engine.connect() as conn:
        assert (await history.latest_seal(conn)).counters == counters_hash(counters), "also of batches without any"
    receipt = await office.journal.receipt(office.journal.sequence)
    assert receipt.seal.counters == counters_hash(counters)
    # Another process goes on from what is stored.
    other = await Journal.open(engine, OPERATOR_KEY, office.clock, drift_max_ns=None)
    await other.open_account(OPERATOR, EUR, "suspense:last")
    await other.close()
    async with engine.connect() as conn:
        assert (await history.latest_seal(conn)).counters == counters_hash(counters)


REFUSED = [
    "UPDATE operator_records SET reason = 1",
    "DELETE FROM operator_records",
    "UPDATE officer_changes SET officer = nonce",
    "DELETE FROM officer_changes",
    "UPDATE operator_counters SET amount = nonce FROM operator_records",
    "DELETE FROM operator_counters",
    "DELETE FROM reserves",
    "UPDATE reserves SET ledger = ledger + 1",
    "UPDATE reserves SET people_minor = reserves_minor + 1",
    "UPDATE reserves SET people_minor = -1",
]


async def test_the_database_refuses(office, engine):
    await office.move("clearing:sandbox", office.alice, 1_000)
    await office.held(4, office.alice, "inquiry", 600)
    for statement in REFUSED:
        with pytest.raises(DBAPIError):
            async with writing(engine).begin() as conn:
                await conn.execute(text(statement))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE operator_records SET undoes = 5", "the operator records differ"),
        ("UPDATE officer_changes SET effective_at = 5", "the officers differ"),
        ("UPDATE operator_counters SET count = count + 1", "the counters of operator records differ"),
        ("UPDATE reserves SET reserves_minor = reserves_minor + 1", "the sums of people's balances"),
        ("UPDATE seals SET counters = previous WHERE number = (SELECT max(number) FROM seals)", "counts other"),
    ],
)
async def test_the_check_sees_what_was_changed_by_hand(engine, statement, reason):
    people = Person(0xA11CE)
    office = await Office.open(engine, people)
    await office.move("clearing:sandbox", people, 1_000)
    await office.held(4, people, "inquiry", 600)
    await office.journal.close()
    assert (await verify(engine)).intact
    async with writing(engine).begin() as conn:
        table = statement.split()[1]
        await conn.execute(text(f"DROP TRIGGER {table}_no_update"))
        await conn.execute(text(statement))
    assert any(reason in problem.reason for problem in (await verify(engine)).problems)


async def test_the_records_bytes_are_those_of_the_format(office, engine):
    await office.move("clearing:sandbox", office.alice, 1_000)
    result = await office.post(office.hold(4, office.alice, "inquiry", 600))
    async with engine.connect() as conn:
        record = decode(await history.record_body(conn, result.sequence))
    assert isinstance(record, OperatorRecord)
    assert (record.user_data_64, record.amount, record.code, record.officer_1 < record.officer_2) == (
        600,
        600,
        14,
        True,
    )
    assert record.timestamp + record.timeout * SECOND <= record.until * SECOND < record.timestamp + 91 * DAY
