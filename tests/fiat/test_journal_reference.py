"""The journal's answers and balances against posting one by one through SQL."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from fiat import history, journal_cache
from fiat.currency import currency
from fiat.history_check import verify
from fiat.holder import OPERATOR
from fiat.journal import Journal
from fiat.transfer import Transfer, TransferFlags, TransferStatus
from tests.fiat.conftest import OPERATOR_KEY
from tests.fiat.reference import ALL, MAX, SECOND, Reference

EUR, JPY = currency("EUR"), currency("JPY")
T = TransferFlags
PLAIN = [0, 0, 0, T.PENDING, T.PENDING, T.BALANCING_DEBIT, T.BALANCING_CREDIT, T.PENDING | T.BALANCING_DEBIT]


class Clock:
    now = 1_800_000_000 * SECOND

    def __call__(self):
        return self.now


def some_transfers(random, accounts, past):
    """Up to eight transfers: mostly new, some resolving, some again, some linked."""
    batch = []
    for _ in range(random.randint(1, 8)):
        linked = int(T.LINKED) if random.random() < 0.15 else 0
        pendings = [t.id for t in past if t.flags & T.PENDING]
        if past and random.random() < 0.15:
            batch.append(random.choice(past))
        elif pendings and random.random() < 0.4:
            flags = random.choice([T.POST_PENDING_TRANSFER, T.VOID_PENDING_TRANSFER]) | linked
            amount = random.choice([0, 3, ALL])
            target = random.choice([*pendings[-6:], 1])
            batch.append(Transfer(random.randint(1, 400), amount=amount, pending_id=target, flags=int(flags)))
        else:
            flags = int(random.choice(PLAIN)) | linked
            debit, credit = random.sample(accounts, 2)
            timeout = random.choice([0, 1, 5]) if flags & T.PENDING else 0
            amount = random.choice([0, 1, 5, 5, 20, 100, 5, 20, MAX, ALL])
            move = Transfer(
                random.randint(1, 400), debit.id, credit.id, amount, ledger=debit.ledger, code=1, flags=flags
            )
            batch.append(move._replace(timeout=timeout))
        past.append(batch[-1])
    return batch


async def compare(engine, rounds, seed):
    """Random batches to two journals in turn on one database, and to the reference. Gives the statuses seen."""
    clock, reference, random, past, seen = Clock(), Reference(), Random(seed), [], set()
    journals = [await Journal.open(engine, OPERATOR_KEY, clock, drift_max_ns=None) for _ in range(2)]
    purposes = [(EUR, p) for p in ("suspense:a", "payout:a", "payout:b", "fees")] + [(JPY, "fees")]
    accounts = [await journals[0].open_account(OPERATOR, *purpose) for purpose in purposes]
    for account in accounts:
        reference.open(account)
    for _ in range(rounds):
        clock.now += random.choice([0, 0, SECOND // 2, SECOND, 3 * SECOND])
        batch = some_transfers(random, accounts, past)
        before = max(journals[0].sequence, journals[1].sequence)
        writer = random.choice(journals)
        outcomes = await writer.post(batch)
        async with engine.connect() as conn:
            fresh = [r for r in await history.tail(conn, before) if type(r).__name__ == "ExpiryRecord"]
        reference.expire(fresh[-1].timestamp if fresh else 0)
        found = reference.post(batch, [outcome.timestamp for outcome in outcomes])
        assert found == [outcome.status for outcome in outcomes]
        seen |= set(found)
        async with engine.connect() as conn:
            for row in await history.account_rows(conn, OPERATOR):
                a = row.account
                balances = (a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted)
                assert balances == reference.balances(a.id)
    await asyncio.gather(*(journal.close() for journal in journals))
    assert (await verify(engine)).intact
    return seen


async def test_the_journal_answers_as_posting_one_by_one_would(engine, monkeypatch):
    monkeypatch.setattr(journal_cache, "ACCOUNTS_MAX", 3)
    seen = await compare(engine, 80, 1)
    wanted = {"CREATED", "EXISTS", "EXCEEDS_CREDITS", "ID_ALREADY_FAILED", "LINKED_EVENT_FAILED"}
    assert {TransferStatus[name] for name in wanted} <= seen


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_slip_in_either_would_be_seen(engine, monkeypatch):
    monkeypatch.setattr(Reference, "expire", lambda self, now: None)
    with pytest.raises(AssertionError):
        await compare(engine, 80, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
async def test_the_journal_answers_as_posting_one_by_one_would_at_length(engine, seed):
    await compare(engine, 1000, seed)
