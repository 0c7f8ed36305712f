"""The double-spend storm (THREATS A-3): a balance for exactly ten debits, a thousand at once, exactly ten accepted."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter

import pytest

from fiat import history
from fiat.history_check import verify
from fiat.holder import MAIN, OPERATOR
from tests.storms.town import EUR, USD, answered, found, move, raise_reserve, submit

DEBITS, AMOUNT, TEN = 1000, 7, 10
LOOKERS = 40


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


FEE = 2
KINDS = {
    "transfer": lambda payer, payee, ledger: (payer.pay(ledger, payee, AMOUNT), {}),
    "withdrawal": lambda payer, _, ledger: (payer.withdraw(ledger, AMOUNT), {}),
    "with a fee": lambda payer, _, ledger: (
        payer.withdraw(ledger, AMOUNT - FEE, total_max_minor=AMOUNT),
        {"fee_minor": FEE},
    ),
    "hold": lambda payer, payee, ledger: (payer.hold(ledger, payee, AMOUNT), {}),
    "conversion": lambda payer, _, ledger: (payer.convert(ledger, AMOUNT), {"receive_minor": AMOUNT}),
}
"""How each kind of debit is ordered, and on what terms: all of them take AMOUNT in all."""


async def storm(engine, journal, journals, seed):
    """A payer with a balance for exactly ten, a thousand orders of every kind over all journals."""
    payer, payee = await found(journal, 2, TEN * AMOUNT)
    for purpose in ("fees", "liquidity"):
        await journal.open_account(OPERATOR, EUR, purpose)
    await raise_reserve(journal, "liquidity", DEBITS * AMOUNT, USD)
    await journal.open_account(payer.id, USD, MAIN)
    dice = random.Random(seed)
    orders = [KINDS[dice.choice(list(KINDS))](payer, payee, journal.ledger_id) for _ in range(DEBITS)]

    def submitted(on, order):
        return answered(lambda: submit(on, order[0], **order[1]))

    results = await asyncio.gather(*(submitted(on, one) for one, on in zip(orders, itertools.cycle(journals))))
    async with engine.connect() as conn:
        left = [one.available for one in await history.balances(conn, payer.id) if one.currency == "EUR"]
    wrong = verdicts([result.status.name for result in results], *left)
    again = await asyncio.gather(*(submitted(dice.choice(journals), one) for one in orders))
    if [(r.status, r.sequence) for r in again] != [(r.status, r.sequence) for r in results]:
        wrong.append("a debit that was sent again got another answer")
    return wrong + [problem.reason for problem in (await verify(engine)).problems]


async def test_a3_balance_for_exactly_ten(engine, journal, journals):
    assert not await storm(engine, journal, journals, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 51))
async def test_a3_balance_for_exactly_ten_fifty_times(engine, journal, journals, seed):
    assert not await storm(engine, journal, journals, seed)


async def test_a_seeded_bug_is_seen(engine, journal, journals):
    """As it was done in 2012: look at the balance, and if there is enough, post."""
    till = await journal.open_account(OPERATOR, EUR, "suspense:till")
    out = await journal.open_account(OPERATOR, EUR, "suspense:out")
    await journal.post([move(out.id, till.id, TEN * AMOUNT)])

    everybody_looked = asyncio.Barrier(LOOKERS)

    async def look_and_post(on):
        async with engine.connect() as conn:
            row = await history.account(conn, till.id)
        await everybody_looked.wait()  # otherwise it is a matter of luck who saw what
        if row.account.available < AMOUNT:
            return "EXCEEDS_CREDITS"
        (outcome,) = await answered(lambda: on.post([move(till.id, out.id, AMOUNT)]))
        return outcome.status.name

    statuses = await asyncio.gather(*(look_and_post(on) for on in itertools.islice(itertools.cycle(journals), LOOKERS)))
    async with engine.connect() as conn:
        left = (await history.account(conn, till.id)).account.available
    wrong = verdicts(statuses, left)
    assert any("were accepted, not 10" in sentence for sentence in wrong), wrong
    assert any("are left, not 0" in sentence for sentence in wrong), wrong
