"""The once-means-once storm (THREATS A-2): 64 workers send the same orders, in orders of their own, over several
journals. Same nonce and body: one effect and byte-equal receipts. Same nonce, other body: a conflict, whichever came
first. The same nonce of another holder: independent.
"""

from __future__ import annotations

import asyncio
import itertools
import pickle
import random
from collections import defaultdict

import pytest
from sqlalchemy import func, select

from fiat import history, journal_requests
from fiat.errors import NonceConflict
from fiat.history_check import verify
from fiat.journal_proofs import SealedBatch
from fiat.tables import transfers
from tests.storms.town import answered, found, submit

WORKERS, NONCES, NONCES_IN_FULL = 64, 12, 500
OPENING = 10**6
AMOUNT, OTHER_AMOUNT = 3, 4


def evidence(result):
    """An answer as bytes, but for whether it was the first."""
    return pickle.dumps(
        (result.status, result.sequence, result.receipt.record, result.receipt.path, result.receipt.seal)
    )


async def send(journals, dice, orders, replies):
    """One worker: every order once, shuffled; a reply is the answer's bytes or "conflict"."""
    for name, signed in dice.sample(sorted(orders.items()), len(orders)):
        try:
            on = dice.choice(journals)
            replies[name].append(evidence(await answered(lambda on=on, signed=signed: submit(on, signed))))
        except NonceConflict:
            replies[name].append("conflict")


def verdicts(replies, effects, nonces):
    """What is wrong. `replies` by (holder, nonce, body), `effects` by holder: how many transfers they paid."""
    wrong = []
    for name, given in replies.items():
        if len(set(given)) != 1:
            wrong.append(f"{name} was answered in {len(set(given))} ways")
    for holder, nonce in {(holder, nonce) for holder, nonce, _ in replies}:
        bodies = [set(replies[holder, nonce, body]) for body in ("same", "other") if (holder, nonce, body) in replies]
        accepted = [given for given in bodies if given != {"conflict"}]
        if len(accepted) != 1:
            wrong.append(f"of nonce {nonce} of holder {holder} {len(accepted)} bodies were accepted")
    wrong += [
        f"holder {holder} paid {count} times, not {nonces}" for holder, count in effects.items() if count != nonces
    ]
    return wrong


async def storm(engine, journal, journals, nonces, bug=None):
    alice, bob, carol = await found(journal, 3, OPENING)
    dice = random.Random(7)
    orders, retried = {}, {}
    for number in range(nonces):
        nonce = dice.randbytes(32)
        ledger = journal.ledger_id
        orders["alice", number, "same"] = alice.pay(ledger, carol, AMOUNT, nonce)
        orders["alice", number, "other"] = alice.pay(ledger, carol, OTHER_AMOUNT, nonce)
        orders["bob", number, "same"] = bob.pay(ledger, carol, AMOUNT, nonce)
        retried["bob", number, "same"] = bob.pay(ledger, carol, AMOUNT)
    replies = defaultdict(list)
    crowd = [random.Random(dice.random()) for _ in range(WORKERS)]
    if bug == "fresh nonce":
        await send(journals, crowd[0], retried, defaultdict(list))
    await asyncio.gather(*(send(journals, own, orders, replies) for own in crowd))
    effects = {}
    async with engine.connect() as conn:
        for name, person in (("alice", alice), ("bob", bob)):
            query = select(func.count()).where(transfers.c.debit_account_id == person.account)
            effects[name] = (await conn.execute(query)).scalar_one()
        (balance,) = await history.balances(conn, bob.id)
    wrong = verdicts(replies, effects, nonces)
    if balance.available != OPENING - AMOUNT * nonces:
        wrong.append(f"bob has {balance.available}")
    return wrong + [problem.reason for problem in (await verify(engine)).problems]


async def test_a2_once_means_once(engine, journal, journals):
    assert not await storm(engine, journal, journals, NONCES)


@pytest.mark.slow
async def test_a2_once_means_once_at_full_count(engine, journal, journals):
    assert not await storm(engine, journal, journals, NONCES_IN_FULL)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_client_that_retries_with_a_fresh_nonce_is_seen(engine, journal, journals):
    wrong = await storm(engine, journal, journals, 2, bug="fresh nonce")
    assert "holder bob paid 4 times, not 2" in wrong, wrong


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_receipt_that_is_signed_anew_is_seen(engine, journal, journals, monkeypatch):
    """Evidence that depends on when it was asked for."""
    honest, asked = SealedBatch.receipt, itertools.count()

    def signed_anew(batch, sequence):
        receipt = honest(batch, sequence)
        return receipt._replace(path=(*receipt.path, next(asked).to_bytes(32, "big")))

    monkeypatch.setattr(SealedBatch, "receipt", signed_anew)
    wrong = await storm(engine, journal, journals, 2)
    assert any("was answered in" in sentence for sentence in wrong), wrong


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_nonce_that_is_compared_without_its_content_is_seen(engine, journal, journals, monkeypatch):
    honest = journal_requests.answer
    monkeypatch.setattr(journal_requests, "answer", lambda known, _digest, nonce: honest(known, known.digest, nonce))
    wrong = await storm(engine, journal, journals, 2)
    assert any("2 bodies were accepted" in sentence for sentence in wrong), wrong
