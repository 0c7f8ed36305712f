"""The check of the journal, seen to fail: each seeded fault is made by hand, past the triggers, and must be named."""

from __future__ import annotations

import os
import re
from dataclasses import replace

import pytest
from sqlalchemy import select, text, update

from fiat.authority import SaltedText
from fiat.chart import SourceKind
from fiat.currency import currency
from fiat.history_check import verify, verify_on
from fiat.holder import OPERATOR
from fiat.journal_engine import writing
from fiat.journal_values import Source
from fiat.record import Kind, TransferRecord, decode, leaf_hash
from fiat.seal import MerkleTree, Seal, merkle_root, seal_batch
from fiat.tables import records, seals
from fiat.tables_guard import triggers
from fiat.transfer import Transfer, TransferFlags

EUR = currency("EUR")


async def drop_triggers(engine):
    """Let the test change what the database would not."""
    async with writing(engine).begin() as conn:
        for statement in triggers(engine.dialect.name):
            if found := re.match(r"CREATE TRIGGER (\w+) .*? ON (\w+)", statement):
                on = f" ON {found[2]}" if engine.dialect.name == "postgresql" else ""
                await conn.execute(text(f"DROP TRIGGER {found[1]}{on}"))


@pytest.fixture
async def lived(engine, journal, alice, bob, bank, credit, send):
    """A journal with one of everything in it. Gives its database with the triggers gone."""
    await credit(alice, 1_000)
    shown = SaltedText(os.urandom(16), "Bob: lunch")
    assert (await send(alice, bob, 100, texts={"shown": shown}, shown=shown.hash)).accepted
    assert not (await send(alice, bob, 5_000)).accepted
    hold = Transfer(77, bank, alice.account, 5, ledger=EUR.ledger, code=1, flags=TransferFlags.PENDING)
    capture = Transfer(78, amount=3, pending_id=77, flags=TransferFlags.POST_PENDING_TRANSFER)
    other = hold._replace(id=79)
    assert [o.status for o in await journal.post([hold, capture, other])] == [0, 0, 0]
    topup = Transfer(80, bank, bob.account, 7, ledger=EUR.ledger, code=5)
    await journal.post([topup, topup._replace(id=81)], Source(SourceKind.SANDBOX_TOPUP, os.urandom(32)))
    await journal.open_account(OPERATOR, EUR, "fees")
    check = await verify(engine)
    assert (check.problems, check.records, check.seals) == ([], journal.sequence + 1, check.seals)
    await drop_triggers(engine)
    return engine


async def tampered(engine, *statements):
    """What is wrong after these statements, which are then undone."""
    async with writing(engine).connect() as conn:
        await conn.begin()
        for statement in statements:
            result = await conn.execute(text(statement) if isinstance(statement, str) else statement)
            assert result.rowcount > 0
        return [problem.reason for problem in (await verify_on(conn)).problems]


async def transfer_of(engine, amount):
    """Sequence and record of the transfer of that amount."""
    async with engine.connect() as conn:
        for sequence, body in await conn.execute(select(records.c.sequence, records.c.body).order_by("sequence")):
            record = decode(body)
            if isinstance(record, TransferRecord) and record.amount == amount:
                return sequence, record
    raise AssertionError(f"no transfer of {amount}")


async def test_one_flipped_bit_in_each_record_is_named(lived):
    async with lived.connect() as conn:
        bodies = {row.sequence: row.body for row in await conn.execute(select(records))}
    assert len(bodies) > 10
    for sequence, body in bodies.items():
        flipped = body[:-1] + bytes([body[-1] ^ 1])
        reasons = await tampered(lived, update(records).where(records.c.sequence == sequence).values(body=flipped))
        assert any("root of seal" in reason for reason in reasons), (sequence, reasons)


ROWS = [
    (["UPDATE accounts SET credits_posted = credits_posted + 1"], "differs from the replay in credits_posted"),
    (["UPDATE accounts SET version = version + 1"], "in version"),
    (["UPDATE accounts SET flags = flags - 2 WHERE holder IS NOT NULL"], "in flags"),
    (["UPDATE pendings SET resolution = 3 WHERE resolution = 2"], "pending transfers differ"),
    (["UPDATE holders SET epoch = 2"], "differs from the replay"),
    (["UPDATE holders SET root = key FROM keys WHERE keys.holder <> holders.id"], "differs from the replay"),
    (["UPDATE holder_heads SET head = holder WHERE count = 1"], "heads differ"),
    (["DELETE FROM holder_heads WHERE count = 2"], "heads differ"),
    (["DELETE FROM orders WHERE sequence IS NOT NULL"], "accepted orders differ"),
    (["UPDATE orders SET digest = nonce WHERE sequence IS NOT NULL"], "accepted orders differ"),
    (["UPDATE transfers SET amount = amount + 1 WHERE amount = 100"], "its row differs from the replay in amount"),
    (["UPDATE transfers SET debit_debits_posted = 0 WHERE amount = 100"], "differs from the replay in debit_deb"),
    (["UPDATE transfers SET timestamp = timestamp + 1 WHERE amount = 100"], "replay in timestamp"),
    (["UPDATE transfers SET order_nonce = order_holder WHERE amount = 100"], "replay in order_nonce"),
    (["DELETE FROM transfers WHERE amount = 7"], "row is missing"),
    (["UPDATE records SET timestamp = timestamp - 1 WHERE sequence = 0"], "another sequence, kind or time"),
    (["UPDATE seals SET size = size + 1 WHERE number = 2"], "records, not"),
    (["UPDATE seals SET signature = (SELECT signature FROM seals WHERE number = 1)"], "not signed by the operator"),
    (["UPDATE seals SET previous = root WHERE number = 3"], "does not follow the seal before it"),
    (["UPDATE journal_head SET sequence = sequence + 1"], "head names another record"),
    (["DELETE FROM journal_head"], "head is gone"),
]


async def test_a_changed_row_is_named(lived):
    for statements, reason in ROWS:
        found = await tampered(lived, *statements)
        assert any(reason in text for text in found), (statements, found)


async def test_a_journal_cut_short_is_named(lived, journal):
    last = journal.sequence
    found = await tampered(
        lived, *[f"DELETE FROM {table} WHERE sequence = {last}" for table in ("accounts", "records")]
    )
    assert any("seals no record" in reason for reason in found), found
    assert any("head names" in reason for reason in found), found


async def forged(engine, operator_key, journal, sequence, body):
    """Put other bytes in a record's place and seal its batch, and all after it, anew with the operator's own key."""
    async with writing(engine).connect() as conn:
        await conn.begin()
        await conn.execute(update(records).where(records.c.sequence == sequence).values(body=body))
        previous = None
        for row in (await conn.execute(select(seals).order_by(seals.c.number))).mappings().all():
            seal = Seal(**row)
            query = select(records.c.body).where(records.c.seal_number == seal.number).order_by(records.c.sequence)
            leaves = [leaf_hash(each) for each in (await conn.execute(query)).scalars()]
            if previous is not None or merkle_root(leaves) != seal.root:
                new = seal_batch(
                    operator_key,
                    journal.ledger_id,
                    number=seal.number,
                    previous=previous if previous is not None else seal.previous,
                    first_sequence=seal.first_sequence,
                    tree=MerkleTree(leaves),
                    timestamp=seal.timestamp,
                )
                changed = {"previous": new.previous, "root": new.root, "signature": new.signature}
                await conn.execute(update(seals).where(seals.c.number == seal.number).values(**changed))
                previous = new.digest(journal.ledger_id)
        await conn.execute(text("UPDATE journal_head SET seal_digest = :digest"), {"digest": previous})
        check = await verify_on(conn)
    named = {problem.reason for problem in check.problems if problem.sequence == sequence}
    assert not any("root" in reason or "signed by the operator" in reason for reason in named)
    return named


FORGERIES = [
    ({"order": None}, "debits a person without their order"),
    ({"debit_link": bytes(32)}, "its link does not continue the holder's chain"),
    ({"credit_holder": bytes(32), "credit_link": bytes(32)}, "names other holders than its accounts'"),
    ({"amount": 1_001}, "the machine says exceeds_credits"),
    ({"credit_account_id": 5}, "the machine says credit_account_not_found"),
    ({"leg": 1, "order": None, "user_data_128": 9}, "is a leg of an order that is not there"),
]


async def test_even_the_operator_cannot_rewrite_unnoticed(lived, journal, operator_key):
    """Whoever owns the database and the key re-seals everything: what the rules forbid is still named."""
    sequence, record = await transfer_of(lived, 100)
    for changes, reason in FORGERIES:
        assert reason in await forged(lived, operator_key, journal, sequence, replace(record, **changes).encode())


async def test_a_forged_order_is_named(lived, journal, operator_key, bob):
    sequence, record = await transfer_of(lived, 100)
    theirs = replace(record.order, signature=bob.key.sign_digest(record.order.order.digest(journal.ledger_id)))
    named = await forged(lived, operator_key, journal, sequence, replace(record, order=theirs).encode())
    assert "its order is not signed by a key of the holder" in named


async def test_another_blind_or_root_key_is_named(lived, journal, operator_key, bob):
    async with lived.connect() as conn:
        body = (await conn.execute(select(records.c.body).where(records.c.kind == int(Kind.KEY)).limit(1))).scalar_one()
    record = decode(body)
    named = await forged(lived, operator_key, journal, record.sequence, replace(record, key=bob.key.address).encode())
    assert "the holder's id is not the hash of their document" in named


async def test_an_empty_database_is_no_journal(engine):
    check = await verify(engine)
    assert [problem.reason for problem in check.problems] == ["there is no genesis record"]
