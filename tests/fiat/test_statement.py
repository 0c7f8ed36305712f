"""Balances and statements as of any time, on both databases, against a list of everything that happened."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

import pytest
from sqlalchemy import event, text

from fiat import history_statement
from fiat.authority import source_id
from fiat.chart import SourceKind, TransferCode
from fiat.currency import currency
from fiat.errors import StatementTooLong
from fiat.history_statement import as_of, booked_as_of, movements, statement
from fiat.holder import MAIN, OPERATOR, account_id
from fiat.journal import Journal
from fiat.journal_values import Source
from fiat.statement import By, Side, effective_at
from fiat.transfer import NANOSECONDS, Transfer, TransferFlags, TransferStatus

EUR = currency("EUR")
DAY = 86_400 * NANOSECONDS
START = 20_000 * DAY
ROUNDS = 36
BANK, SUSPENSE = account_id(OPERATOR, EUR, "bank"), account_id(OPERATOR, EUR, "suspense:bank")
FEES = account_id(OPERATOR, EUR, "fees")


@dataclass(frozen=True)
class Happened:
    """What the test itself remembers of a movement."""

    debit: int
    credit: int
    amount: int
    timestamp: int
    effective: int
    code: int

    def signed(self, account):
        return self.amount * ((self.credit == account) - (self.debit == account))

    def at(self, by):
        return self.timestamp if by is By.RECORDED else self.effective


class Ledger:
    """A journal on a clock of its own, and a list of all that was posted."""

    def __init__(self, journal, clock):
        self.journal, self.clock, self.all = journal, clock, []

    async def post(self, debit, credit, amount, code=TransferCode.TRANSFER, *, value_date=0, pass_ns=0, **fields):
        self.clock[0] += pass_ns
        move = Transfer(
            int.from_bytes(os.urandom(15), "big"), debit, credit, amount, ledger=EUR.ledger, code=code,
            user_data_64=value_date, **fields,
        )  # fmt: skip
        source = Source(SourceKind.BANK_STATEMENT, source_id(str(move.id))) if value_date else None
        (outcome,) = await self.journal.post([move], source)
        assert outcome.status is TransferStatus.CREATED, outcome
        effective = value_date * NANOSECONDS or outcome.timestamp
        posts = not fields.get("flags", 0) & (TransferFlags.PENDING | TransferFlags.VOID_PENDING_TRANSFER)
        if posts and amount:
            captured = fields.get("flags", 0) & TransferFlags.POST_PENDING_TRANSFER
            shown = TransferCode.CAPTURE if captured else code
            self.all.append(Happened(debit, credit, amount, outcome.timestamp, effective, shown))
        return move


@pytest.fixture
async def ledger(engine, operator_key):
    clock = [START]
    journal = await Journal.open(engine, operator_key, clock=lambda: clock[0], drift_max_ns=None)
    for purpose in ("bank", "suspense:bank", "fees"):
        await journal.open_account(OPERATOR, EUR, purpose)
    yield Ledger(journal, clock)
    await journal.close()


async def a_random_past(ledger, seed, rounds=ROUNDS):
    """Bank lines with value dates before and after, plain transfers, fees, reservations taken and given back."""
    drawn = random.Random(seed)
    await ledger.post(BANK, SUSPENSE, 10_000, value_date=START // NANOSECONDS)
    for _ in range(rounds):
        passed = drawn.randrange(DAY)
        day = (ledger.clock[0] + passed) // DAY + drawn.choice([-3, -1, 0, 0, 1, 2])
        choice = drawn.randrange(6)
        if choice == 0:
            await ledger.post(
                BANK, SUSPENSE, drawn.randrange(1, 99), value_date=day * DAY // NANOSECONDS, pass_ns=passed
            )
        elif choice == 1:
            await ledger.post(
                SUSPENSE, BANK, drawn.randrange(1, 99), value_date=day * DAY // NANOSECONDS, pass_ns=passed
            )
        elif choice == 2:
            await ledger.post(SUSPENSE, FEES, drawn.randrange(1, 9), TransferCode.FEE, pass_ns=passed)
        elif choice == 3:
            await ledger.post(FEES, SUSPENSE, 0, pass_ns=passed)
        elif choice == 4:
            await ledger.post(FEES, SUSPENSE, drawn.randrange(1, 9), TransferCode.ROUNDING, pass_ns=passed)
        else:
            held = await ledger.post(
                SUSPENSE, FEES, 50, TransferCode.HOLD, flags=TransferFlags.PENDING, timeout=3600, pass_ns=passed
            )
            if drawn.random() < 0.7:
                flag = drawn.choice([TransferFlags.POST_PENDING_TRANSFER, TransferFlags.VOID_PENDING_TRANSFER])
                amount = drawn.randrange(0, 51) if flag is TransferFlags.POST_PENDING_TRANSFER else 50
                await ledger.post(SUSPENSE, FEES, amount, TransferCode.HOLD, flags=flag, pending_id=held.id)
            # else: it expires, and its release is a movement of nothing that is booked


def expected(ledger, account, start, end, by):
    """The statement as anyone would add it up by hand."""
    own = [h for h in ledger.all if account in (h.debit, h.credit)]
    opening = sum(h.signed(account) for h in own if h.at(by) < start)
    balance, lines = opening, []
    for h in sorted((h for h in own if start <= h.at(by) < end), key=lambda h: (h.at(by), h.timestamp)):
        balance += h.signed(account)
        lines.append((h.timestamp, h.effective, h.signed(account), h.code, balance))
    return opening, lines, balance


def told(found):
    lines = [
        (m.timestamp, m.effective_at, m.signed_minor, m.code, line.balance_minor)
        for line in found.lines
        for m in (line.movement,)
    ]
    return found.opening_minor, lines, found.closing_minor


def periods(ledger, seed, count):
    drawn = random.Random(seed)
    stamps = [h.at(by) for h in ledger.all for by in By]
    for _ in range(count):
        edges = sorted(drawn.choice(stamps) + drawn.choice([-DAY, -1, 0, 1, DAY // 2]) for _ in range(2))
        yield drawn.choice([BANK, SUSPENSE, FEES]), edges[0], edges[1], drawn.choice(list(By))


async def differences(ledger, engine, reading, seed=5, count=24):
    """Periods for which the reading tells something else than the list."""
    wrong = []
    async with engine.connect() as conn:
        for account, start, end, by in periods(ledger, seed, count):
            found = await reading(conn, account, EUR, start, end, by)
            if told(found) != expected(ledger, account, start, end, by):
                wrong.append((account, start, end, by))
            assert found.opening_minor + found.in_minor - found.out_minor == found.closing_minor
    return wrong


async def test_statements_are_what_the_list_adds_up_to(ledger, engine):
    await a_random_past(ledger, 1)
    assert not await differences(ledger, engine, statement)
    async with engine.connect() as conn:
        whole = await statement(conn, SUSPENSE, EUR, 0, 2**62, By.EFFECTIVE)
        fees = [h.amount for h in ledger.all if h.code == TransferCode.FEE and h.debit == SUSPENSE]
        assert (whole.opening_minor, whole.fees_minor) == (0, sum(fees))
        for account, start, _end, by in periods(ledger, 6, 12):
            own = [h for h in ledger.all if h.at(by) <= start]
            assert await booked_as_of(conn, account, start, by) == sum(h.signed(account) for h in own)
    for wrong in (forgetful, late):
        assert await differences(ledger, engine, wrong), "a wrong reading is seen"


async def forgetful(conn, account, its_currency, start, end, by):
    """A seeded bug: value dates are forgotten."""
    return await statement(conn, account, its_currency, start, end, By.RECORDED)


async def late(conn, account, its_currency, start, end, by):
    """A seeded bug: the period ends with its last instant instead of before it."""
    return await statement(conn, account, its_currency, start + 1, end + 1, by)


async def test_balances_as_of_an_instant_show_what_was_reserved(ledger, engine):
    held = await ledger.post(BANK, SUSPENSE, 100, value_date=START // NANOSECONDS)
    before = ledger.clock[0]
    pending = await ledger.post(
        SUSPENSE, FEES, 30, TransferCode.HOLD, flags=TransferFlags.PENDING, timeout=60, pass_ns=DAY
    )
    during = ledger.clock[0] + 10
    ledger.clock[0] += DAY
    await ledger.journal.release_expired()
    async with engine.connect() as conn:
        shown = [
            await as_of(conn, SUSPENSE, instant) for instant in (before - DAY, before + 9, during, ledger.clock[0])
        ]
        assert [(a.version, a.booked_minor, a.available_minor) for a in shown] == [
            (0, 0, 0), (1, 100, 100), (2, 100, 70), (3, 100, 100)
        ]  # fmt: skip
        assert [m.id for m in await movements(conn, SUSPENSE, 0, 2**62, By.RECORDED, 10)] == [held.id] != [pending.id]
        assert (await as_of(conn, 12345, before)).version == 0


async def test_a_period_with_too_many_lines_is_refused_not_cut(ledger, engine, monkeypatch):
    await a_random_past(ledger, 2, rounds=12)
    monkeypatch.setattr(history_statement, "LINES_MAX", 3)
    async with engine.connect() as conn:
        for by in By:
            with pytest.raises(StatementTooLong):
                await statement(conn, SUSPENSE, EUR, 0, 2**62, by)


async def test_they_are_index_reads(ledger, engine):
    """Every statement that is sent reads along an index; none walks the table."""
    await a_random_past(ledger, 3, rounds=10)
    sent = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda c, u, s, p, x, m: sent.append((s, p)))
    async with engine.connect() as conn:
        for by in By:
            await statement(conn, SUSPENSE, EUR, START + DAY, START + 5 * DAY, by)
        queries = [(s, p) for s, p in sent if "FROM transfers" in s]
        assert len(queries) > 8
        for query, parameters in queries:
            plan = await explain(conn, query, parameters)
            assert "SCAN transfers" not in plan and "Seq Scan on transfers" not in plan, plan


async def explain(conn, query, parameters):
    if conn.dialect.name == "postgresql":
        await conn.execute(text("SET enable_seqscan = off"))
        rows = await conn.exec_driver_sql("EXPLAIN " + query, parameters)
    else:
        rows = await conn.exec_driver_sql("EXPLAIN QUERY PLAN " + query, parameters)
    return "\n".join(str(tuple(row)) for row in rows)


def test_only_a_bank_line_has_another_effective_date():
    assert effective_at(5, SourceKind.BANK_STATEMENT, 7) == 7 * NANOSECONDS
    assert effective_at(5, SourceKind.BANK_STATEMENT, 0) == 5
    assert effective_at(5, SourceKind.SANDBOX_TOPUP, 7) == 5
    assert effective_at(5, None, 7) == 5


async def test_a_persons_statement_names_their_orders(alice, bob, credit, send, engine):
    await credit(alice, 1000)
    sent = await send(alice, bob, 300)
    async with engine.connect() as conn:
        found = await statement(conn, account_id(alice.id, EUR, MAIN), EUR, 0, 2**62, By.RECORDED)
        nothing = await statement(conn, account_id(alice.id, currency("USD"), MAIN), EUR, 0, 2**62, By.EFFECTIVE)
    came, left = (line.movement for line in found.lines)
    assert (came.side, came.other_holder, came.order_nonce) == (Side.CREDIT, OPERATOR, None)
    assert (left.side, left.other_holder, left.sequence) == (Side.DEBIT, bob.id, sent.sequence)
    assert left.order_holder == alice.id and len(left.order_nonce) == 32
    assert (found.closing_minor, nothing.closing_minor, nothing.lines) == (700, 0, ())
