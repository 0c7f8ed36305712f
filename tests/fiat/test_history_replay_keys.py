"""The check of the journal over controls and limits: an honest one passes, each forged record and row is named.

Every record is forged as its operator could: other bytes, and every seal after it made anew with the operator's key.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace

import pytest
from sqlalchemy import select, text

from fiat.history_check import verify
from fiat.holder import MAIN, Recovery
from fiat.journal import Journal
from fiat.journal_control import ContractKey
from fiat.journal_engine import writing
from fiat.order import SignedOrder
from fiat.record import KeyAction, KeyRecord, TransferRecord, decode
from fiat.tables import records, triggers
from tests.fiat.agreements import Clock
from tests.fiat.conftest import EUR, OPERATOR_KEY, Key, Person
from tests.fiat.test_history_check import forged, tampered
from tests.fiat.test_journal_control import Desk, added, key_of, on

PHONE = Key(0xF0E)
ADD, FREEZE, UNFREEZE, LIMIT = KeyAction.KEY_ADD, KeyAction.FREEZE, KeyAction.UNFREEZE, KeyAction.LIMIT
EARLY, LATE = 11, 33
"""Amounts of the payments before and after the freeze."""


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def journal(engine, clock):
    journal = await Journal.open(engine, OPERATOR_KEY, clock, drift_max_ns=None)
    yield journal
    await journal.close()


@pytest.fixture
async def lived(engine, journal, clock, alice, bob, credit):
    """A journal with one control of each kind, and payments between them; its triggers are gone."""
    desk, safe = Desk(journal, clock), Person(0x5AFE, Recovery.CONTRACT_NEVER)
    await journal.open_holder(safe.genesis, [(EUR, MAIN)])
    await journal.ask(ContractKey(safe.id, Key(7).address, 31337, os.urandom(32)))
    await credit(alice, 10_000)
    mandate = await desk.mandate(alice, bob, 100)
    await desk.limit(alice, "transfer:EUR:day", 100)
    await desk.pay(alice, bob, EARLY)
    cancelled = await added(desk, alice, Key(8), wait=False)
    await desk.control(alice, "cancel", cancelled.nonce)
    await desk.limit(alice, "transfer:EUR:day", 500)
    await added(desk, alice, PHONE)
    await desk.control(alice, "mandate-revoke", mandate.nonce)
    await desk.control(on(PHONE, alice), "freeze")
    await desk.control(alice, "unfreeze")
    await desk.pay(on(PHONE, alice), bob, LATE, key_epoch=2)
    await desk.control(on(PHONE, alice), "key-revoke", key_of(PHONE), key_epoch=2)
    check = await verify(engine)
    assert check.problems == []
    async with writing(engine).begin() as conn:
        for statement in triggers(engine.dialect.name):
            if found := re.match(r"CREATE TRIGGER (\w+) .*? ON (\w+)", statement):
                on_table = f" ON {found[2]}" if engine.dialect.name == "postgresql" else ""
                await conn.execute(text(f"DROP TRIGGER {found[1]}{on_table}"))
    return engine


async def found(engine, what):
    """The first key record of an action, or the payment of an amount."""
    async with engine.connect() as conn:
        for body in (await conn.execute(select(records.c.body).order_by(records.c.sequence))).scalars():
            record = decode(body)
            if isinstance(record, KeyRecord) and isinstance(what, KeyAction) and record.action == what:
                return record
            if isinstance(record, TransferRecord) and record.amount == what and record.order is not None:
                return record
    raise AssertionError(f"there is no {what}")


# Which record, what it says instead, and what the check says of it.
FIELDS = [
    (ADD, {"effective_at": 5}, "differs from its control order in effective_at"),
    (ADD, {"key": bytes([9]) * 20}, "in key"),
    (ADD, {"epoch": 2}, "in epoch"),
    (ADD, {"blind": bytes([9]) * 32}, "in blind"),
    (ADD, {"action": KeyAction.CANCEL}, "in action"),
    (ADD, {"order": None}, "changes keys without a control order"),
    (LIMIT, {"value": 10**17}, "in value"),
    (UNFREEZE, {"epoch": 1}, "in epoch"),
    (UNFREEZE, {"action": FREEZE}, "in action"),
    (KeyAction.MANDATE_REVOKE, {"subject": bytes(32)}, "mandate_unknown"),
    (KeyAction.CANCEL, {"subject": bytes(32)}, "in subject"),
    (KeyAction.CONTRACT, {"epoch": 2}, "is no record of a contract's key: epoch"),
    (KeyAction.CONTRACT, {"effective_at": 5}, "is no record of a contract's key: effective_at"),
    (KeyAction.CONTRACT, {"value": 0}, "it names no chain or no block"),
    (KeyAction.CONTRACT, {"subject": bytes(32)}, "it names no chain or no block"),
    (KeyAction.CONTRACT, {"key": bytes(20)}, "its contract's key is refused"),
]


async def test_a_key_record_that_says_something_else_is_named(lived, journal):
    for what, changes, reason in FIELDS:
        record = await found(lived, what)
        named = await forged(lived, OPERATOR_KEY, journal, record.sequence, replace(record, **changes).encode())
        assert any(reason in each for each in named), (what, changes, named)


# Which record, the order's fields changed, whose key signs it, and what the check says of it.
ROOT = None
ORDERS = [
    (ADD, {}, PHONE, "its control order is refused: OrderKeyUnknown"),
    (UNFREEZE, {}, PHONE, "its control order is refused: ControlNeedsRoot"),
    (UNFREEZE, {"key_epoch": 2}, ROOT, "its control order is refused: OrderEpochWrong"),
    (UNFREEZE, {"valid_before": 1_000}, ROOT, "its control order is refused: OrderExpired"),
    (UNFREEZE, {"seen_head": bytes([1]) * 32}, ROOT, "a history that the holder never had"),
    (FREEZE, {"action": "limit"}, ROOT, "its control order is refused: OrderMalformed"),
    (KeyAction.KEY_REVOKE, {"subject": bytes(12) + bytes([4]) * 20}, ROOT, "ControlRefused"),
    (KeyAction.MANDATE_REVOKE, {"subject": bytes([4]) * 32}, ROOT, "mandate_unknown"),
    (KeyAction.CANCEL, {"subject": bytes([4]) * 32}, ROOT, "nothing_pending"),
    (EARLY, {}, PHONE, "its order is not signed by a key of the holder"),  # it was not added yet
    (EARLY, {"key_epoch": 2}, ROOT, "its order was signed for other keys"),
    (LATE, {"key_epoch": 1}, ROOT, "its order was signed for other keys"),
    (LATE, {"seen_head": bytes([1]) * 32}, ROOT, "a history that the holder never had"),
]


async def test_an_order_that_could_not_be_accepted_is_named(lived, journal, alice):
    for what, changes, key, reason in ORDERS:
        record = await found(lived, what)
        order = replace(record.order.order, **changes)
        signed = SignedOrder(order, (key or alice.key).sign_digest(order.digest(journal.ledger_id)))
        said = {"subject": order.subject} if isinstance(record, KeyRecord) else {}
        body = replace(record, order=signed, **said).encode()
        named = await forged(lived, OPERATOR_KEY, journal, record.sequence, body)
        assert any(reason in each for each in named), (what, changes, named)


async def test_a_payment_over_the_limit_is_named(lived, journal, alice):
    record = await found(lived, EARLY)
    for amount, over in ((100, False), (101, True)):
        order = replace(record.order.order, amount_minor=amount, total_max_minor=amount)
        digest = order.digest(journal.ledger_id)
        signed = SignedOrder(order, alice.key.sign_digest(digest))
        reference = int.from_bytes(digest[:16], "big")
        body = replace(record, order=signed, amount=amount, user_data_128=reference).encode()
        named = await forged(lived, OPERATOR_KEY, journal, record.sequence, body)
        assert any("exceeds the holder's limit" in each for each in named) is over, named


async def test_a_payment_of_a_frozen_holder_is_named(lived, journal, alice):
    """The unfreezing left out: what was paid after it could not have been."""
    unfreeze, payment = await found(lived, UNFREEZE), await found(lived, LATE)
    order = replace(payment.order.order, key_epoch=1)
    signed = SignedOrder(order, alice.key.sign_digest(order.digest(journal.ledger_id)))
    body = replace(payment, sequence=unfreeze.sequence, timestamp=unfreeze.timestamp, order=signed).encode()
    named = await forged(lived, OPERATOR_KEY, journal, unfreeze.sequence, body)
    assert "carries out an order of a frozen holder" in named


async def test_another_holders_order_is_named(lived, journal, alice, bob):
    record = await found(lived, FREEZE)
    order = replace(record.order.order, holder=bob.id)
    signed = SignedOrder(order, bob.key.sign_digest(order.digest(journal.ledger_id)))
    named = await forged(lived, OPERATOR_KEY, journal, record.sequence, replace(record, order=signed).encode())
    assert "carries another holder's order" in named


ROWS = [
    "UPDATE holders SET frozen = 1 - frozen",
    "UPDATE holders SET epoch = epoch + 1",
    "UPDATE holders SET spent = salt WHERE length(spent) > 0",
    "UPDATE holders SET limits = spent WHERE length(limits) > 0",
    "UPDATE holders SET keyring = blind",
    "UPDATE holders SET root = contract WHERE length(contract) > 0",
    "UPDATE holders SET contract = root",
]


async def test_a_holders_row_that_was_changed_is_named(lived):
    for statement in ROWS:
        reasons = await tampered(lived, statement)
        assert any("differs from the replay" in reason for reason in reasons), statement
