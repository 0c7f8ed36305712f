"""The journal on real databases: once means once, nothing is lost or made, and what is answered is on the disk."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text

from fiat import history
from fiat.authority import SaltedText
from fiat.authority import legs as order_legs
from fiat.chart import SourceKind
from fiat.currency import ISO_4217, currency
from fiat.errors import (
    DebitUnauthorised,
    HolderUnknown,
    JournalBroken,
    JournalBusy,
    JournalClockWrong,
    JournalUnknown,
    NonceConflict,
    OrderExpired,
    OrderTextWrong,
)
from fiat.head import follow
from fiat.history_check import verify
from fiat.holder import MAIN, OPERATOR, account_id, leg_id
from fiat.journal import Journal
from fiat.journal_engine import open_engine, writing
from fiat.journal_store import was_head
from fiat.journal_values import Source
from fiat.record import AccountRecord, ExpiryRecord, KeyRecord, TransferRecord
from fiat.tables import burnt_ids, orders, records, seals, transfers
from fiat.transfer import Resolution, Transfer, TransferFlags, TransferStatus

EUR = currency("EUR")
SECOND = 1_000_000_000
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


async def count(engine, table):
    async with engine.connect() as conn:
        return (await conn.execute(select(func.count()).select_from(table))).scalar_one()


def move(transfer_id, debit, credit, amount, **fields):
    return Transfer(transfer_id, debit, credit, amount, **({"ledger": EUR.ledger, "code": 5} | fields))


async def test_genesis_is_written_once(engine, operator_key, journal):
    assert journal.operator_address == operator_key.address
    again = await Journal.open(engine, operator_key)
    assert (again.ledger_id, again.sequence) == (journal.ledger_id, 0)
    await again.close()
    receipt = await journal.receipt(0)
    assert receipt.check(journal.ledger_id, operator_key.address).operator == operator_key.address
    assert (await verify(engine)).intact


async def test_two_processes_that_open_at_once_agree(engine, operator_key):
    one, two = await asyncio.gather(Journal.open(engine, operator_key), Journal.open(engine, operator_key))
    assert one.ledger_id == two.ledger_id
    assert await count(engine, records) == 1
    await asyncio.gather(one.close(), two.close())


async def test_another_operator_key_is_refused(engine, journal):
    class Stranger:
        address = bytes(range(20))

    with pytest.raises(JournalBroken):
        await Journal.open(engine, Stranger())


async def test_a_holder_is_opened_once(engine, journal, alice):
    first = await journal.open_holder(alice.genesis, [(EUR, MAIN)])
    assert first.count == 2
    again = await journal.open_holder(alice.genesis, [(EUR, MAIN), (currency("JPY"), MAIN)])
    assert (again.blind, again.root, again.count) == (first.blind, alice.key.address, 3)
    async with engine.connect() as conn:
        kinds = [type(record) for record in await history.tail(conn, 0)]
        assert kinds == [KeyRecord, AccountRecord, AccountRecord]
        assert await history.holders_of_key(conn, alice.key.address, time.time_ns()) == [alice.id]
        assert await history.holders_of_key(conn, bytes(20), 0) == []
    keys = await journal.keys(alice.id)
    assert (keys.epoch, keys.signers, keys.frozen) == (1, {alice.key.address}, False)
    with pytest.raises(HolderUnknown):
        await journal.keys(bytes(32))


async def test_accounts_are_opened_once(journal, bank):
    account = await journal.open_account(OPERATOR, EUR, "payout:sandbox")
    assert account == await journal.open_account(OPERATOR, EUR, "payout:sandbox")
    assert account.id == account_id(OPERATOR, EUR, "payout:sandbox") != bank
    with pytest.raises(HolderUnknown):
        await journal.open_account(bytes([1]) * 32, EUR, MAIN)


async def test_an_order_moves_money_and_gives_evidence(engine, journal, alice, bob, credit, send, balance):
    shown = SaltedText(os.urandom(16), "Bob: lunch")
    await credit(alice, 25_000)
    before = await journal.signed_head(alice.id)
    result = await send(alice, bob, 4_000, texts={"shown": shown}, shown=shown.hash)
    assert (result.status, result.first, await balance(alice), await balance(bob)) == (0, True, 21_000, 4_000)

    record = result.receipt.check(journal.ledger_id, journal.operator_address)
    assert isinstance(record, TransferRecord)
    assert (record.sequence, record.amount, record.order.order.payee) == (result.sequence, 4_000, bob.id)
    assert record.order.signer(journal.ledger_id) == alice.key.address

    head = await journal.signed_head(alice.id)
    head.check(journal.ledger_id, journal.operator_address)
    assert (head.balances[0].booked, head.balances[0].currency, head.sequence) == (21_000, "EUR", result.sequence)
    holder = await journal.open_holder(alice.genesis)
    leaves = await journal.leaves(alice.id, before.count)
    assert follow(alice.id, holder.blind, before.count, before.head, leaves) == (head.count, head.head)
    assert follow(alice.id, holder.blind, 0, alice.id, await journal.leaves(alice.id, 0)) == (head.count, head.head)

    async with engine.connect() as conn:
        assert await was_head(conn, alice.id, before.head)
        assert not await was_head(conn, bob.id, before.head)
        assert not await was_head(conn, alice.id, bytes(32))
        assert await history.texts_by_hash(conn, [shown.hash, bytes(32)]) == {shown.hash: shown}
        assert await history.order_record(conn, alice.id, record.order.order.nonce) == record
        sent, received = await history.entries(conn, alice.id)
        assert (sent.side, sent.amount, sent.booked, sent.other_holder) == ("debit", 4_000, 21_000, bob.id)
        assert (received.side, received.amount, received.other_holder) == ("credit", 25_000, OPERATOR)
        assert await history.entries(conn, alice.id, before_sequence=sent.sequence) == [received]
        assert (await history.latest_seal(conn)).number == result.receipt.seal.number
        assert (await history.last_sequence(conn)) == journal.sequence == result.sequence


async def test_entries_of_two_accounts_of_one_person(engine, journal, alice, bank, credit):
    await credit(alice, 100)
    async with engine.connect() as conn:
        before = await history.holder(conn, alice.id)
    purse = await journal.open_account(alice.id, EUR, "purse")
    await journal.post([move(5, bank, purse.id, 7)])
    async with engine.connect() as conn:
        found = await history.entries(conn, alice.id)
        assert [(entry.account, entry.amount) for entry in found] == [(purse.id, 7), (alice.account, 100)]
        assert (await history.holder(conn, alice.id)).count == before.count + 2
    assert (await verify(engine)).intact


async def test_the_same_order_again_gets_the_first_answer(engine, journal, alice, bob, credit, send, balance):
    await credit(alice, 1_000)
    signed = alice.pay(journal, bob, 300)
    results = await asyncio.gather(*[send(alice, bob, signed=signed) for _ in range(64)])
    assert sum(result.first for result in results) == 1
    assert len({result.receipt for result in results}) == 1
    assert (await balance(alice), await balance(bob)) == (700, 300)
    # Also of a process that has never heard of it, and for the look-up alone.
    other = await Journal.open(engine, journal._key)
    assert (await send(alice, bob, signed=signed, on=other)).receipt == results[0].receipt
    digest = signed.order.digest(journal.ledger_id)
    assert (await other.order_result(alice.id, signed.order.nonce, digest)).receipt == results[0].receipt
    assert await other.order_result(alice.id, os.urandom(32)) is None
    await other.close()


async def test_a_known_nonce_with_other_content_is_refused(journal, alice, bob, credit, send, balance):
    await credit(alice, 1_000)
    nonce = os.urandom(32)
    answers = await asyncio.gather(
        *[send(alice, bob, amount, nonce=nonce) for amount in (1, 2, 3)], return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["NonceConflict", "NonceConflict", "OrderResult"]
    with pytest.raises(NonceConflict):
        await send(alice, bob, 9, nonce=nonce)
    with pytest.raises(NonceConflict):
        await journal.order_result(alice.id, nonce, bytes(32))
    assert await balance(alice) in (999, 998, 997)
    # Another person's nonce is another nonce.
    await credit(bob, 5)
    assert (await send(bob, alice, 5, nonce=nonce)).accepted


async def test_a_recorded_refusal_stays(engine, journal, alice, bob, credit, send, balance):
    signed = alice.pay(journal, bob, 300)
    refused = await send(alice, bob, signed=signed)
    assert (refused.status, refused.first, refused.recorded) == (TransferStatus.EXCEEDS_CREDITS, True, True)
    await credit(alice, 1_000)
    again = await send(alice, bob, signed=signed)
    assert (again.status, again.first, again.receipt) == (TransferStatus.EXCEEDS_CREDITS, False, None)
    assert await balance(alice) == 1_000
    assert (await send(alice, bob, 300)).accepted
    async with engine.connect() as conn:
        rows = (await conn.execute(select(orders).where(orders.c.status.is_not(None)))).mappings().all()
        burnt = (await conn.execute(select(burnt_ids.c.dead_at))).scalars().all()
    assert [row["dead_at"] for row in rows] == burnt == [signed.order.valid_before + 3600]
    assert (await verify(engine)).intact


async def test_a_refusal_that_burns_nothing_leaves_the_nonce_free(journal, alice, bob, credit, send):
    await credit(alice, 100)
    other = await journal.open_account(OPERATOR, EUR, "suspense:other")
    await journal.post([move(5, other.id, bob.account, 2**63 - 6, flags=TransferFlags.PENDING)])
    signed = alice.pay(journal, bob, 10)
    for _ in range(2):
        refused = await send(alice, bob, signed=signed)
        assert (refused.status, refused.recorded) == (TransferStatus.OVERFLOWS_CREDITS, False)
    assert await journal.order_result(alice.id, signed.order.nonce) is None


async def test_a_dead_order_is_never_taken(journal, alice, bob, credit, send):
    await credit(alice, 1_000)
    with pytest.raises(OrderExpired):
        await send(alice, bob, 1, now=time.time_ns() // SECOND - 600 - 3601)


async def test_dead_refusals_are_forgotten_and_never_come_to_life(engine, operator_key, alice, bob, credit, send):
    clock = Clock()
    journal = await Journal.open(engine, operator_key, clock, drift_max_ns=None)
    signed = alice.pay(journal, bob, 300)
    assert (await send(alice, bob, signed=signed, on=journal)).recorded
    await credit(alice, 1_000)
    assert (await send(alice, bob, 1)).accepted
    clock.now += (600 + 3600 - 5) * SECOND
    await journal.forget_dead()
    assert (await send(alice, bob, signed=signed, on=journal)).status is TransferStatus.EXCEEDS_CREDITS
    clock.now += 120 * SECOND
    await journal.forget_dead()
    assert (await count(engine, orders), await count(engine, burnt_ids)) == (1, 0)
    with pytest.raises(OrderExpired):
        await send(alice, bob, signed=signed, on=journal)
    await journal.close()
    assert (await verify(engine)).intact


async def test_erased_texts_leave_every_proof(engine, journal, alice, bob, credit, send):
    shown = SaltedText(os.urandom(16), "Bob: lunch")
    await credit(alice, 1_000)
    result = await send(alice, bob, 1, texts={"shown": shown}, shown=shown.hash)
    await journal.erase_texts([shown.hash])
    async with engine.connect() as conn:
        assert await history.texts_by_hash(conn, [shown.hash]) == {}
    assert await journal.receipt(result.sequence) == result.receipt
    assert (await verify(engine)).intact


async def test_orders_that_cannot_be_carried_out(journal, alice, bob, credit, send, person):
    await credit(alice, 1_000)
    with pytest.raises(OrderTextWrong):
        await send(alice, bob, 1, texts={"shown": SaltedText(bytes(16), "a\0b")})
    stranger = type(alice)(0x5717A)
    with pytest.raises(HolderUnknown):
        await send(stranger, alice, 1)
    assert (await send(alice, stranger, 1)).status is TransferStatus.CREDIT_ACCOUNT_NOT_FOUND
    signed = alice.pay(journal, bob, 1)
    with pytest.raises(ValueError, match="leg n"):
        await journal.submit(signed, [move(5, alice.account, bob.account, 1)])
    await credit(bob, 50)
    theirs = move(0, bob.account, alice.account, 50)
    with pytest.raises(DebitUnauthorised):
        await journal.submit(signed, [theirs._replace(id=leg(alice, signed))])


def leg(person, signed, number=0):
    return leg_id(person.id, signed.order.nonce, number)


async def test_legs_hold_or_fail_as_one(engine, journal, alice, bob, credit):
    fees = await journal.open_account(OPERATOR, EUR, "fees")
    await credit(alice, 1_000)
    for amount, fee, status in ((990, 11, TransferStatus.EXCEEDS_CREDITS), (990, 10, TransferStatus.CREATED)):
        signed = alice.pay(journal, bob, amount, total_max_minor=amount + fee)
        legs = order_legs(signed.order, journal.ledger_id, ISO_4217, payout="payout:sandbox", fee_minor=fee)
        assert [each.credit_account_id for each in legs] == [bob.account, fees.id]
        result = await journal.submit(signed, legs)
        assert result.status is status
    async with engine.connect() as conn:
        (balance,) = await history.balances(conn, alice.id)
        found = await history.entries(conn, alice.id)
    assert balance.booked == 0
    assert [(entry.amount, entry.leg, entry.order_nonce) for entry in found[:2]] == [
        (10, 1, signed.order.nonce),
        (990, 0, signed.order.nonce),
    ]
    assert (await verify(engine)).intact


async def test_money_from_outside_comes_once(journal, engine, bank, alice, balance):
    source = Source(SourceKind.SANDBOX_TOPUP, os.urandom(32))
    storm = [journal.post([move(7, bank, alice.account, 500)], source) for _ in range(20)]
    outcomes = [outcome for (outcome,) in await asyncio.gather(*storm)]
    assert sorted({outcome.status for outcome in outcomes}) == [TransferStatus.CREATED, TransferStatus.EXISTS]
    assert [o.status for o in outcomes].count(TransferStatus.CREATED) == 1
    assert len({outcome.timestamp for outcome in outcomes}) == 1
    for _ in range(2):
        with pytest.raises(NonceConflict):
            await journal.post([move(8, bank, alice.account, 500)], source)
    (other,) = await journal.post([move(7, bank, alice.account, 501)], source)
    assert other.status is TransferStatus.EXISTS_WITH_DIFFERENT_AMOUNT
    assert await balance(alice) == 500
    same_id_elsewhere = Source(SourceKind.SANDBOX_RETURN, source.id)
    assert (await journal.post([move(9, bank, alice.account, 1)], same_id_elsewhere))[0].status == 0


async def test_a_source_is_posted_wholly_or_not_at_all(journal, bank, alice, balance):
    source = Source(SourceKind.BANK_STATEMENT, os.urandom(32))
    outcomes = await journal.post([move(1, bank, alice.account, 5), move(2, bank, 404, 5)], source)
    assert [outcome.status.name for outcome in outcomes] == ["LINKED_EVENT_FAILED", "CREDIT_ACCOUNT_NOT_FOUND"]
    assert await balance(alice) == 0


async def test_a_person_is_not_debited_without_their_order(engine, journal, bank, alice, credit, balance):
    await credit(alice, 100)
    before = await count(engine, records)
    with pytest.raises(DebitUnauthorised):
        await journal.post([move(5, alice.account, bank, 1)])
    with pytest.raises(DebitUnauthorised):
        await journal.post([move(6, bank, alice.account, 1), move(5, alice.account, bank, 1)])
    assert (await balance(alice), await count(engine, records)) == (100, before)


async def test_what_the_store_cannot_take(journal, bank, alice):
    with pytest.raises(ValueError, match="imported"):
        await journal.post([move(5, bank, alice.account, 1, flags=TransferFlags.IMPORTED, timestamp=5)])
    with pytest.raises(ValueError, match="at most"):
        await journal.post([move(i, bank, alice.account, 1) for i in range(1, 1002)])
    with pytest.raises(ValueError, match="user_data_64"):
        await journal.post([move(5, bank, alice.account, 1, user_data_64=1 << 63)])
    with pytest.raises(ValueError, match="32 bytes"):
        Source(SourceKind.SANDBOX_TOPUP, b"short")


async def test_many_at_once_end_in_few_batches(engine, journal, bank, alice, bob, balance):
    batches = await count(engine, seals)
    posts = [journal.post([move(i, bank, (alice, bob)[i % 2].account, i)]) for i in range(1, 601)]
    outcomes = await asyncio.gather(*posts)
    assert all(outcome.status is TransferStatus.CREATED for (outcome,) in outcomes)
    assert await balance(alice) + await balance(bob) == 600 * 601 // 2
    assert await count(engine, seals) - batches < 10
    stamps = [outcome.timestamp for (outcome,) in outcomes]
    assert stamps == sorted(set(stamps)), "in order of arrival"
    middle = await journal.receipt(journal.sequence - 300)
    middle.check(journal.ledger_id, journal.operator_address)
    assert (await verify(engine)).intact


@pytest.mark.parametrize("journals", [1, 2])
async def test_i19_balance_for_exactly_ten(engine, journal, operator_key, alice, bob, credit, send, balance, journals):
    """Concurrent debits, also through two processes' journals: ten succeed, the rest are refused for good."""
    await credit(alice, 1_000)
    second = await Journal.open(engine, operator_key)
    ways = [journal, second][:journals]
    debits = [send(alice, bob, 100, on=ways[i % journals]) for i in range(80)]
    results = await asyncio.gather(*debits)
    assert [result.status for result in results].count(TransferStatus.CREATED) == 10
    assert {result.status for result in results} == {TransferStatus.CREATED, TransferStatus.EXCEEDS_CREDITS}
    assert (await balance(alice), await balance(bob)) == (0, 1_000)
    await second.close()
    assert (await verify(engine)).intact


async def test_two_journals_on_one_database(engine, journal, operator_key, bank, alice, bob, balance):
    """Each decides on what it has cached; the head decides between them."""
    second = await Journal.open(engine, operator_key)
    sums = {alice.account: 0, bob.account: 0}

    async def storm(own, offset):
        for i in range(1, 41):
            target = (alice, bob)[i % 2].account
            outcomes = await own.post([move(offset + i, bank, target, i)])
            assert outcomes[0].status is TransferStatus.CREATED
            sums[target] += i

    await asyncio.gather(*[storm((journal, second)[i % 2], 1000 * i) for i in range(4)])
    assert (await balance(alice), await balance(bob)) == (sums[alice.account], sums[bob.account])
    assert (await journal.post([move(41, bank, alice.account, 1)]))[0].status is TransferStatus.CREATED
    assert (await second.post([move(41, bank, alice.account, 1)]))[0].status is TransferStatus.EXISTS
    check = await verify(engine)
    assert (check.intact, check.records) == (True, second.sequence + 1)
    await second.close()


async def test_an_id_burnt_by_another_journal_is_burnt(engine, journal, operator_key, bank, alice):
    """A refusal writes no record, but it moves the head's version: else the other journal could miss it."""
    second = await Journal.open(engine, operator_key)
    await second.post([move(1, bank, alice.account, 1)])
    (refused,) = await journal.post([move(2, bank, 404, 1)])
    assert refused.status is TransferStatus.CREDIT_ACCOUNT_NOT_FOUND
    (again,) = await second.post([move(2, bank, alice.account, 1)])
    assert again.status is TransferStatus.ID_ALREADY_FAILED
    await second.close()


def interrupted_by(journal, rivals):
    """Let others write between the journal's next decision and its own write."""
    committer = journal._committer
    decide, rivals = committer._decide, list(rivals)

    async def decide_and_wait(conn, waiting, *, lock):
        batch = await decide(conn, waiting, lock=lock)
        while rivals:
            await rivals.pop(0)
        return batch

    committer._decide = decide_and_wait


@POSTGRESQL
async def test_a_head_that_moves_is_decided_again(engine, journal, operator_key, alice, bob, credit, send, balance):
    """On SQLite the write lock, taken first, leaves no such moment."""
    await credit(alice, 100)
    interrupted = await Journal.open(engine, operator_key)
    interrupted_by(interrupted, [send(alice, bob, 60), send(alice, bob, 30)])
    assert (await send(alice, bob, 60, on=interrupted)).status is TransferStatus.EXCEEDS_CREDITS
    interrupted_by(interrupted, [credit(alice, 5)])
    assert (await send(alice, bob, 15, on=interrupted)).status is TransferStatus.CREATED
    # Also when there was nothing to write: what is answered was true at one instant.
    signed = alice.pay(journal, bob, 1, nonce=bytes(32))
    interrupted_by(interrupted, [send(alice, bob, 10**16, nonce=bytes(32)), credit(alice, 1)])
    with pytest.raises(NonceConflict):
        await send(alice, bob, signed=signed, on=interrupted)
    assert (await balance(alice), await balance(bob)) == (1, 105)
    await interrupted.close()
    assert (await verify(engine)).intact


async def test_a_writer_that_stays(database_url, engine, journal, operator_key, bank, alice, balance):
    """Another connection holds the head and does not let go: busy, nothing is written, the id stays free."""
    impatient = open_engine(database_url, busy_timeout_ms=200)
    own = await Journal.open(impatient, operator_key)
    async with writing(engine).connect() as conn:
        await conn.begin()
        await conn.execute(text("UPDATE journal_head SET version = version + 1"))
        with pytest.raises(JournalBusy):
            await own.post([move(5, bank, alice.account, 100)])
    assert await balance(alice) == 0
    assert (await own.post([move(5, bank, alice.account, 100)]))[0].status is TransferStatus.CREATED
    await own.close()
    await impatient.dispose()


@pytest.mark.parametrize("statement", ["UPDATE journal_head", "INSERT INTO records", "INSERT INTO transfers", "COMMIT"])
async def test_a_fault_while_writing_leaves_nothing(engine, journal, bank, alice, bob, balance, statement):
    """The connection breaks at each step: nothing of the batch stands, and the next one works."""
    faults = 1

    def fail(*_):
        nonlocal faults
        faults -= 1
        if faults >= 0:
            raise OSError("the disk is gone")

    def before(_conn, _cursor, sql, *_):
        if sql.startswith(statement):
            fail()

    if statement == "COMMIT":
        event.listen(engine.sync_engine, "commit", fail)
    else:
        event.listen(engine.sync_engine, "before_cursor_execute", before)
    if statement == "COMMIT":
        # It looks whether the commit happened, sees that it did not, and does it again.
        assert (await journal.post([move(5, bank, alice.account, 100)]))[0].status is TransferStatus.CREATED
    else:
        with pytest.raises(JournalBusy):
            await journal.post([move(5, bank, alice.account, 100)])
        assert await balance(alice) == 0
        assert await count(engine, transfers) == 1, "the operator's own"
        assert (await journal.post([move(5, bank, alice.account, 100)]))[0].status is TransferStatus.CREATED
    assert await balance(alice) == 100
    assert (await verify(engine)).intact


async def test_a_commit_that_happened_though_its_answer_was_lost(engine, journal, bank, alice, balance, monkeypatch):
    lost = 1
    do_commit = engine.sync_engine.dialect.do_commit

    def commit(connection):
        nonlocal lost
        do_commit(connection)
        lost -= 1
        if lost == 0:
            raise OSError("connection reset by peer")

    monkeypatch.setattr(engine.sync_engine.dialect, "do_commit", commit)
    (outcome,) = await journal.post([move(5, bank, alice.account, 100)])
    assert outcome.status is TransferStatus.CREATED
    assert await balance(alice) == 100
    assert (await journal.post([move(6, bank, alice.account, 1)]))[0].status is TransferStatus.CREATED
    assert (await verify(engine)).intact


async def test_an_outcome_that_cannot_be_found_out(engine, journal, bank, alice, balance, monkeypatch):
    """The answer is lost and the database does not answer either: unknown, and the same id asked again finds out."""
    lost = 1
    dialect = engine.sync_engine.dialect
    do_commit, do_begin = dialect.do_commit, dialect.do_execute

    def commit(connection):
        nonlocal lost
        do_commit(connection)
        if lost:
            raise OSError("connection reset by peer")

    def execute(cursor, statement, *rest):
        if lost and "journal_head" in statement and not statement.startswith("UPDATE") and broken:
            raise OSError("no route to host")
        do_begin(cursor, statement, *rest)

    broken = False

    def breaks(connection):
        nonlocal broken
        broken = True
        commit(connection)

    monkeypatch.setattr(dialect, "do_commit", breaks)
    monkeypatch.setattr(dialect, "do_execute", execute)
    with pytest.raises(JournalUnknown):
        await journal.post([move(5, bank, alice.account, 100)])
    lost = 0
    assert (await journal.post([move(5, bank, alice.account, 100)]))[0].status is TransferStatus.EXISTS
    assert await balance(alice) == 100


async def test_a_request_that_the_database_refuses_stands_alone(journal, engine, bank, alice, balance):
    class Poison:
        size = 1

        def want(self, wanted):
            pass

        def decide(self, batch):
            batch.rows["burnt"].append({"id": 1, "status": None, "timestamp": 0, "dead_at": None})

    asked = [journal.post([move(i, bank, alice.account, 1)]) for i in range(1, 6)]
    asked.insert(2, journal.ask(Poison()))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(answers.pop(2), JournalBusy)
    assert [outcome.status for (outcome,) in answers] == [TransferStatus.CREATED] * 5
    assert await balance(alice) == 5


async def test_a_caller_that_goes_away(journal, alice, bob, credit, send, balance):
    """Cancelled at any await: the order is carried out or not, and asking again says which."""
    await credit(alice, 1_000)
    gone = 0
    for pause in range(12):
        signed = alice.pay(journal, bob, 10)
        task = asyncio.create_task(send(alice, bob, signed=signed))
        for _ in range(pause):
            await asyncio.sleep(0)
        gone += task.cancel()  # a late one may have its answer on a machine that was busy elsewhere
        await asyncio.wait([task])
        assert (await send(alice, bob, signed=signed)).accepted
    assert gone, "somebody went away"
    assert await balance(bob) == 120


async def test_closing_writes_what_waits(engine, operator_key, journal, bank, alice, balance):
    own = await Journal.open(engine, operator_key)
    asked = [asyncio.create_task(own.post([move(i, bank, alice.account, 1)])) for i in range(1, 30)]
    await asyncio.sleep(0)
    await own.close()
    assert all(outcome.status == 0 for (outcome,) in await asyncio.gather(*asked))
    assert await balance(alice) == 29
    with pytest.raises(JournalBusy):
        await own.post([move(99, bank, alice.account, 1)])


class Clock:
    """A clock that tests move."""

    def __init__(self):
        self.now = time.time_ns()

    def __call__(self):
        return self.now


async def test_holds_expire_by_records(engine, operator_key, bank, alice, balance):
    clock = Clock()
    journal = await Journal.open(engine, operator_key, clock, drift_max_ns=None)
    pending = TransferFlags.PENDING
    await journal.post(
        [
            move(1, bank, alice.account, 10, flags=pending, timeout=60),
            move(2, bank, alice.account, 20, flags=pending, timeout=30),
            move(3, bank, alice.account, 40, flags=pending),
        ]
    )
    clock.now += 30 * SECOND - 1
    await journal.release_expired()
    before = journal.sequence
    clock.now += 1 * SECOND
    (outcome,) = await journal.post([move(4, 0, 0, 20, flags=8, pending_id=2, ledger=0, code=0)])
    assert outcome.status is TransferStatus.PENDING_TRANSFER_EXPIRED
    assert (outcome.timestamp >= clock.now, journal.sequence) == (True, before + 1)
    (posted,) = await journal.post([move(5, 0, 0, 4, flags=4, pending_id=1, ledger=0, code=0)])
    assert posted.status is TransferStatus.CREATED
    clock.now += 10**6 * SECOND
    await journal.release_expired()
    await journal.release_expired()
    async with engine.connect() as conn:
        kinds = [type(record) for record in await history.tail(conn, before)]
        assert kinds == [ExpiryRecord, TransferRecord]
        states = [(await history.transfer(conn, i))[2] for i in (1, 2, 3)]
        assert states == [Resolution.POSTED, Resolution.EXPIRED, Resolution.PENDING]
        (state,) = await history.balances(conn, alice.id)
    assert (state.credits_pending, state.credits_posted) == (40, 4)
    # A journal that starts later, and so knows of no timer, releases it all the same.
    await journal.post([move(6, bank, alice.account, 5, flags=pending, timeout=5)])
    clock.now += 6 * SECOND
    later = await Journal.open(engine, operator_key, clock, drift_max_ns=None)
    await later.release_expired()
    async with engine.connect() as conn:
        assert (await history.transfer(conn, 6))[2] is Resolution.EXPIRED
    await asyncio.gather(journal.close(), later.close())
    assert (await verify(engine)).intact


async def test_time_never_runs_back(engine, operator_key, bank, alice):
    clock = Clock()
    journal = await Journal.open(engine, operator_key, clock, drift_max_ns=None)
    clock.now += 3600 * SECOND
    (first,) = await journal.post([move(1, bank, alice.account, 1)])
    clock.now -= 7200 * SECOND
    (second,) = await journal.post([move(2, bank, alice.account, 1)])
    assert (first.timestamp, second.timestamp) == (clock.now + 7200 * SECOND, first.timestamp + 1)
    await journal.close()


@POSTGRESQL
@pytest.mark.parametrize("drift", [-10, 10])
async def test_a_clock_that_differs_from_the_database_s(engine, operator_key, bank, alice, balance, drift):
    clock = Clock()
    journal = await Journal.open(engine, operator_key, clock)
    clock.now = time.time_ns() + drift * SECOND
    if drift > 0:
        with pytest.raises(JournalClockWrong) as caught:
            await journal.post([move(1, bank, alice.account, 1)])
        assert 2_000 < caught.value.drift_ms <= 10_000, "less by what passed since the clock stood still"
        assert await balance(alice) == 0
    clock.now = time.time_ns()
    (outcome,) = await journal.post([move(1, bank, alice.account, 1)])
    assert outcome.status is TransferStatus.CREATED
    await journal.close()


CHILD = """
import asyncio, itertools, sys
from tests_conftest import OPERATOR_KEY
from fiat.journal import Journal
from fiat.journal_engine import open_engine
from fiat.transfer import Transfer

async def main():
    url, debit, credit, ledger = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    journal = await Journal.open(open_engine(url), OPERATOR_KEY)
    numbers = itertools.count(1)
    async def work():
        while True:
            number = next(numbers)
            (outcome,) = await journal.post([Transfer(number, debit, credit, 1, ledger=ledger, code=5)])
            assert outcome.status == 0, outcome
            sys.stdout.write(f"{number}\\n")
            sys.stdout.flush()
    await asyncio.gather(*[work() for _ in range(20)])

asyncio.run(main())
"""


async def test_i19_killed_in_the_middle_nothing_acknowledged_is_lost(
    engine, database_url, journal, bank, alice, balance, tmp_path
):
    """A process that writes all the time is killed: whatever it had answered stands, and nothing stands in half."""
    program = CHILD.replace("from tests_conftest import OPERATOR_KEY", LOAD_KEY)
    arguments = [database_url, str(bank), str(alice.account), str(EUR.ledger)]
    root = Path(__file__).resolve().parents[2]
    log = tmp_path / "acknowledged"
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: ASYNC220  # starting it takes no time that matters here
            [sys.executable, "-c", program, *arguments], stdout=output, cwd=root
        )
        try:
            deadline = time.monotonic() + 120
            while (  # noqa: ASYNC110  # another process's file has no event to wait for
                log.stat().st_size < 2000 and time.monotonic() < deadline and child.poll() is None
            ):
                await asyncio.sleep(0.02)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
    lines = log.read_text().split("\n")[:-1]
    assert len(lines) > 100
    # Moves the head: a commit that PostgreSQL had got from the dead process stands before it, or never.
    await journal.post([move(10**9, bank, alice.account, 1)])
    async with engine.connect() as conn:
        stored = set((await conn.execute(select(transfers.c.id))).scalars())
    assert {int(line) for line in lines} <= stored
    assert await balance(alice) == len(stored) - 1, "one of them was the operator's own"
    assert (await verify(engine)).intact


LOAD_KEY = """
from coincurve import PrivateKey
from fiat.signature import address_of

class OperatorKey:
    private = PrivateKey((0xBEEF).to_bytes(32, "big"))
    address = address_of(private.public_key)
    def sign_digest(self, digest):
        signature = self.private.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([27 + signature[64]])

OPERATOR_KEY = OperatorKey()
"""


async def test_the_view_of_entries_adds_up(engine, journal, alice, bob, credit, send):
    await credit(alice, 1_000)
    for amount in (1, 20, 300):
        await send(alice, bob, amount)
    statement = """
        SELECT account_id, max(version), count(*), sum(CASE side WHEN 'debit' THEN -amount ELSE amount END)
        FROM entries GROUP BY account_id
    """
    async with engine.connect() as conn:
        rows = {row[0]: row[1:] for row in await conn.execute(text(statement))}
    key = alice.account.to_bytes(16, "big")
    assert tuple(int(n) for n in rows[key]) == (4, 4, 679)
    assert sum(row[2] for row in rows.values()) == 0
