"""The double-spend storm (THREATS A-3): a balance for exactly ten debits, a thousand at once, exactly ten accepted."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter

import pytest

from fiat import history
from fiat.history_check import verify
from fiat.holder import OPERATOR
from tests.storms.town import EUR, answered, found, move, people, submit

DEBITS, AMOUNT, TEN = 1000, 7, 10


def verdicts(statuses, left):
    """What is wrong with these answers to debits of a balance for exactly ten, and with what is left of it."""
    wrong = []
    counted = Counter(statuses)
    if counted["CREATED"] != TEN:
        wrong.append(f"{counted['CREATED']} debits were accepted, not {TEN}")
    if others := counted.keys() - {"CREATED", "EXCEEDS_CREDITS"}:
        wrong.append(f"debits were answered {sorted(others)}")
    if left != 0:
        wrong.append(f"{left} minor units are left, not 0")
    return wrong


async def storm(engine, journals, seed):
    """A fresh payer and payee (by number), a thousand orders of both kinds over all journals."""
    dice = random.Random(seed)
    payer, payee = people(2)
    ledger = journals[0].ledger_id
    orders = [
        payer.pay(ledger, payee, AMOUNT) if dice.random() < 0.5 else payer.withdraw(ledger, AMOUNT)
        for _ in range(DEBITS)
    ]
    results = await asyncio.gather(
        *(answered(lambda one=one, on=on: submit(on, one)) for one, on in zip(orders, itertools.cycle(journals)))
    )
    async with engine.connect() as conn:
        (balance,) = await history.balances(conn, payer.id)
    wrong = verdicts([result.status.name for result in results], balance.available)
    again = await asyncio.gather(*(submit(dice.choice(journals), one) for one in orders))
    if [(r.status, r.sequence) for r in again] != [(r.status, r.sequence) for r in results]:
        wrong.append("a debit that was sent again got another answer")
    return wrong + [problem.reason for problem in (await verify(engine)).problems]


async def test_a3_balance_for_exactly_ten(engine, journal, journals):
    await found(journal, 2, TEN * AMOUNT)
    assert not await storm(engine, journals, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 51))
async def test_a3_balance_for_exactly_ten_fifty_times(engine, journal, journals, seed):
    await found(journal, 2, TEN * AMOUNT)
    assert not await storm(engine, journals, seed)


async def test_a_seeded_bug_is_seen(engine, journal, journals):
    """As it was done in 2012: look at the balance, and if there is enough, post."""
    till = await journal.open_account(OPERATOR, EUR, "suspense:till")
    out = await journal.open_account(OPERATOR, EUR, "suspense:out")
    await journal.post([move(out.id, till.id, TEN * AMOUNT)])

    async def look_and_post(on):
        async with engine.connect() as conn:
            row = await history.account(conn, till.id)
        if row.account.available < AMOUNT:
            return "EXCEEDS_CREDITS"
        (outcome,) = await answered(lambda: on.post([move(till.id, out.id, AMOUNT)]))
        return outcome.status.name

    statuses = await asyncio.gather(*(look_and_post(on) for on in itertools.islice(itertools.cycle(journals), 100)))
    async with engine.connect() as conn:
        left = (await history.account(conn, till.id)).account.available
    wrong = verdicts(statuses, left)
    assert any("were accepted, not 10" in sentence for sentence in wrong), wrong
    assert any("are left, not 0" in sentence for sentence in wrong), wrong
