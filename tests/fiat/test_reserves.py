"""Reserves: they rise by outside events only, and people are never credited more; checked in the same commit."""

from __future__ import annotations

import asyncio
import os

import pytest
from sqlalchemy import text

from fiat import history_officers, reserves
from fiat.chart import SourceKind
from fiat.currency import currency
from fiat.errors import AmountTooLarge, JournalBusy, ReservesExceeded, SourceMissing
from fiat.history_check import verify
from fiat.holder import OPERATOR
from fiat.journal import Journal
from fiat.journal_values import Source
from fiat.reserves import Totals, after, effect, needs_source
from fiat.transfer import Transfer, TransferFlags, TransferStatus
from tests.fiat.conftest import OPERATOR_KEY

EUR = currency("EUR")
PENDING, POST, VOID = (
    int(flag)
    for flag in (TransferFlags.PENDING, TransferFlags.POST_PENDING_TRANSFER, TransferFlags.VOID_PENDING_TRANSFER)
)
PEOPLE, CLEARING, PAYOUT, BANK = 1, 2, 3, 4


@pytest.mark.parametrize(
    ("debit", "credit", "flags", "raises", "moved"),
    [
        (CLEARING, PEOPLE, 0, True, (10, 10)),
        (BANK, PAYOUT, 0, True, (0, 10)),
        (BANK, CLEARING, 0, False, (0, 0)),
        (CLEARING, PEOPLE, PENDING, False, (0, 0)),
        (CLEARING, PEOPLE, POST, True, (10, 10)),
        (CLEARING, PEOPLE, VOID, False, (0, 0)),
        (PEOPLE, CLEARING, 0, False, (-10, -10)),
        (PEOPLE, PEOPLE, 0, False, (0, 0)),
        (PEOPLE, PAYOUT, 0, False, (-10, 0)),
        (PAYOUT, BANK, 0, False, (0, -10)),
        (9, PEOPLE, 0, False, (10, 0)),
    ],
)
def test_what_a_movement_does_to_the_sums(debit, credit, flags, raises, moved):
    assert needs_source(debit, credit, flags) == raises
    assert effect(debit, credit, flags, 10) == Totals(*moved)


@pytest.fixture
async def accounts(journal, alice, bob):
    names = ("clearing:sandbox", "bank", "bank:second", "capital", "payout:sandbox")
    return {name: (await journal.open_account(OPERATOR, EUR, name)).id for name in names}


def source(kind=SourceKind.SANDBOX_TOPUP):
    return Source(kind, os.urandom(32))


def move(debit, credit, amount, number=None, **fields):
    number = number or int.from_bytes(os.urandom(15), "big")
    return Transfer(number, debit, credit, amount, ledger=EUR.ledger, code=5, **fields)


async def totals(engine):
    async with engine.connect() as conn:
        return (await history_officers.totals(conn)).get(EUR.ledger)


async def test_a_reserve_rises_only_by_an_outside_event(engine, journal, accounts, alice):
    clearing, bank, capital = accounts["clearing:sandbox"], accounts["bank"], accounts["capital"]
    before = journal.sequence
    for kind in (None, SourceKind.SANDBOX_RETURN, SourceKind.SANDBOX_PAID):
        for debit, credit in ((clearing, alice.account), (bank, capital), (bank, alice.account)):
            with pytest.raises(SourceMissing):
                await journal.post([move(debit, credit, 5)], source(kind) if kind else None)
    with pytest.raises(SourceMissing):  # the source is the first leg's
        await journal.post([move(capital, accounts["payout:sandbox"], 1), move(bank, capital, 5)], source())
    assert journal.sequence == before, "a refusal leaves nothing"
    for kind in (SourceKind.SANDBOX_TOPUP, SourceKind.BANK_STATEMENT, SourceKind.CHAIN_LOG, SourceKind.GATEWAY_EVENT):
        (outcome,) = await journal.post([move(bank, alice.account, 5)], source(kind))
        assert outcome.status is TransferStatus.CREATED
    await journal.post([move(bank, clearing, 7)])  # from one reserve to the other: nothing rises
    assert await totals(engine) == (20, 20)
    assert (await verify(engine)).intact


async def test_a_pending_movement_needs_its_event_when_it_is_posted(engine, journal, accounts, alice):
    hold = move(accounts["clearing:sandbox"], alice.account, 50, flags=PENDING)
    await journal.post([hold])
    assert await totals(engine) is None, "what is pending is nobody's yet"
    with pytest.raises(SourceMissing):
        await journal.post([Transfer(5, amount=50, pending_id=hold.id, flags=POST)])
    (outcome,) = await journal.post([Transfer(5, amount=30, pending_id=hold.id, flags=POST)], source())
    assert (outcome.status, await totals(engine)) == (TransferStatus.CREATED, (30, 30))


async def test_i17_people_are_never_credited_more_than_the_reserves(engine, journal, accounts, alice, bob):
    """620,000 coins were credited somewhere against 46,000 held: here the commit itself refuses."""
    await journal.post([move(accounts["bank"], accounts["capital"], 46)], source())
    with pytest.raises(ReservesExceeded) as caught:
        await journal.post([move(accounts["capital"], alice.account, 620)])
    assert caught.value.fields() == {"currency": "EUR", "people_minor": 620, "reserves_minor": 46}
    gifts = [journal.post([move(accounts["capital"], who.account, 1)]) for who in (alice, bob) for _ in range(40)]
    answers = await asyncio.gather(*gifts, return_exceptions=True)
    assert sum(isinstance(a, ReservesExceeded) for a in answers) == 80 - 46
    assert await totals(engine) == (46, 46)
    with pytest.raises(ReservesExceeded):  # a reserve may not be emptied under people either
        await journal.post([move(accounts["capital"], accounts["bank"], 1)])
    assert (await verify(engine)).intact


async def test_two_processes_at_the_edge_of_the_reserves(engine, journal, accounts, alice, bob):
    other = await Journal.open(engine, OPERATOR_KEY)
    await journal.post([move(accounts["bank"], accounts["capital"], 30)], source())
    gifts = [one.post([move(accounts["capital"], alice.account, 1)]) for _ in range(40) for one in (journal, other)]
    answers = await asyncio.gather(*gifts, return_exceptions=True)
    assert {type(a) for a in answers} == {list, ReservesExceeded}
    assert sum(isinstance(a, list) for a in answers) == 30
    assert await totals(engine) == (30, 30)
    await other.close()
    assert (await verify(engine)).intact


async def test_the_database_refuses_what_the_program_would_let_through(engine, journal, accounts, alice, monkeypatch):
    """The seeded bug: sums that are not compared. The commit fails as a whole."""
    await journal.post([move(accounts["bank"], alice.account, 10)], source())

    def careless(postings, source_kind, find):
        changed = {}
        for posting in postings:
            people, held = effect(
                posting.debit.code, posting.credit.code, posting.transfer.flags, posting.transfer.amount
            )
            before = changed.get(EUR.ledger) or find(EUR.ledger)
            changed[EUR.ledger] = Totals(before.people_minor + people, before.reserves_minor + held)
        return changed

    monkeypatch.setattr("fiat.journal_batch.after", careless)
    with pytest.raises(JournalBusy):
        await journal.post([move(accounts["capital"], alice.account, 1)])
    monkeypatch.setattr("fiat.journal_batch.after", after)
    assert await totals(engine) == (10, 10)
    async with engine.connect() as conn:
        stored = (await conn.execute(text("SELECT people_minor, reserves_minor FROM reserves"))).all()
    assert [tuple(row) for row in stored] == [(10, 10)]
    assert (await verify(engine)).intact


async def test_the_replay_names_each_rule_that_was_broken(engine, journal, accounts, alice, monkeypatch):
    """The seeded bug: a program that asks for no event. Its journal is found out."""
    monkeypatch.setattr(reserves, "needs_source", lambda *_: False)
    await journal.post([move(accounts["bank"], alice.account, 10)])
    monkeypatch.undo()
    problems = [problem.reason for problem in (await verify(engine)).problems]
    assert problems == ["raises a reserve without an outside event"]


async def test_reserves_that_pass_2_to_the_63_together_are_refused_and_hold_up_nobody(journal, accounts):
    most = 2**63 - 1
    first = Transfer(1, accounts["clearing:sandbox"], accounts["capital"], most, ledger=EUR.ledger, code=5)
    other = await journal.open_account(OPERATOR, EUR, "suspense:other")
    beyond = Transfer(2, accounts["bank"], other.id, 1, ledger=EUR.ledger, code=5)
    (outcome,) = await journal.post([first], source())
    assert outcome.status is TransferStatus.CREATED
    with pytest.raises(AmountTooLarge):
        await journal.post([beyond], source(SourceKind.BANK_STATEMENT))
    back = Transfer(3, accounts["capital"], accounts["clearing:sandbox"], 1, ledger=EUR.ledger, code=5)
    both = await asyncio.gather(journal.post([back]), journal.post([beyond], source(SourceKind.BANK_STATEMENT)))
    assert [outcome.status for (outcome,) in both] == [TransferStatus.CREATED] * 2
