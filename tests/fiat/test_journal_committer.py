"""Deciding ahead: while a batch is being written the next is decided over it, and falls with it."""

from __future__ import annotations

import asyncio
import os

import pytest

from fiat import journal_committer
from fiat.currency import currency
from fiat.errors import JournalBusy, NonceConflict
from fiat.history_check import verify
from fiat.holder import OPERATOR
from fiat.journal import Journal
from fiat.journal_batch import Batch
from fiat.journal_cache import Cache, Wanted
from fiat.journal_committer import Committer
from fiat.journal_store import HeadMoved, write
from fiat.journal_values import JournalHead, KnownOrder
from fiat.transfer import Account, Transfer, TransferStatus

EUR = currency("EUR")
POSTS = 40


@pytest.fixture
def small(monkeypatch):
    """Batches of four, so that a few requests make many."""
    monkeypatch.setattr(journal_committer, "BATCH_EVENTS_MAX", 4)


@pytest.fixture
def ahead(monkeypatch):
    """The batches that were decided ahead: what `_decide_ahead` gave, None where it would not."""
    seen, decide_ahead = [], Committer._decide_ahead

    async def noted(self, before, head):
        seen.append(await decide_ahead(self, before, head))
        return seen[-1]

    monkeypatch.setattr(Committer, "_decide_ahead", noted)
    return seen


def move(debit, credit, amount, transfer_id=None, **fields):
    transfer_id = transfer_id or int.from_bytes(os.urandom(15), "big")
    return Transfer(transfer_id, debit, credit, amount, **({"ledger": EUR.ledger, "code": 5} | fields))


async def purses(journal, bank, count=3):
    """Accounts of the operator's that may not be overdrawn, with 100 each."""
    made = [(await journal.open_account(OPERATOR, EUR, f"liquidity{n or ''}")).id for n in range(count)]
    await journal.post([move(bank, one, 100) for one in made])
    return made


async def balances(journal, engine, ids):
    assert (await verify(engine)).problems == []
    return [journal._committer.cache.account(one).booked for one in ids]


async def test_batches_are_decided_over_those_that_are_being_written(engine, journal, bank, small, ahead):
    one, two, three = await purses(journal, bank)
    asked = [journal.post([move(*((one, two) if n % 2 else (two, three)), 10)]) for n in range(POSTS)]
    statuses = [outcome.status for (outcome,) in await asyncio.gather(*asked)]
    decided = [found for found in ahead if found is not None]
    assert len(decided) >= POSTS // 8
    # Each was decided over the batch before it: ten leave `one`, and what came meanwhile may leave `two` as well.
    assert statuses[1::2] == [TransferStatus.CREATED] * 10 + [TransferStatus.EXCEEDS_CREDITS] * 10
    assert statuses[::2] == [TransferStatus.CREATED] * 20
    assert await balances(journal, engine, [one, two, three]) == [0, 0, 300]


async def test_the_same_id_waits_for_what_is_being_written(engine, journal, alice, bob, credit, send, small, ahead):
    await credit(alice, 1_000)
    orders = [alice.pay(journal, bob, 1) for _ in range(6)]
    results = await asyncio.gather(*(send(alice, bob, signed=orders[n // 6]) for n in range(36)))
    assert None in ahead, "an id that is being written is not decided ahead"
    assert [result.accepted for result in results] == [True] * 36
    assert sum(result.first for result in results) == 6
    assert len({result.sequence for result in results}) == 6
    assert (await verify(engine)).problems == []


async def test_other_content_under_an_id_that_is_being_written(journal, alice, bob, credit, send, small):
    await credit(alice, 1_000)
    nonces = [os.urandom(32) for _ in range(8)]
    first = [send(alice, bob, signed=alice.pay(journal, bob, 1, nonce=nonce)) for nonce in nonces]
    other = [send(alice, bob, signed=alice.pay(journal, bob, 2, nonce=nonce)) for nonce in nonces]
    results = await asyncio.gather(*first, *other, return_exceptions=True)
    assert all(result.accepted for result in results[:8])
    assert all(isinstance(result, NonceConflict) for result in results[8:])


async def test_a_refused_id_that_is_being_written_stays_refused(engine, journal, bank, small):
    one, two, _ = await purses(journal, bank)
    ids = [int.from_bytes(os.urandom(15), "big") for _ in range(4)]
    asked = [journal.post([move(one, two, 1_000, i)]) for i in ids] + [
        journal.post([move(one, two, 1, i)]) for i in ids
    ]
    statuses = [outcome.status for (outcome,) in await asyncio.gather(*asked)]
    assert statuses == [TransferStatus.EXCEEDS_CREDITS] * 4 + [TransferStatus.ID_ALREADY_FAILED] * 4
    assert (await verify(engine)).problems == []


@pytest.mark.parametrize("slip", ["looks at nothing", "keeps nothing"])
async def test_the_database_refuses_what_should_not_have_been_decided_ahead(
    engine, journal, bank, small, monkeypatch, slip
):
    """Behind the committer stand the tables' own keys and bounds: a slip there costs time, not money."""
    one, two, _ = await purses(journal, bank)
    alone, settled = 0, Committer._settle

    async def counted(self, waiting, decided=None, *, looks_ahead=True):
        nonlocal alone
        alone += not looks_ahead
        return await settled(self, waiting, decided, looks_ahead=looks_ahead)

    monkeypatch.setattr(Committer, "_settle", counted)
    if slip == "looks at nothing":
        monkeypatch.setattr(Batch, "leaves_alone", lambda self, wanted: True)
    else:
        monkeypatch.setattr(Committer, "_keep", lambda self, batch: None)
    ids = [int.from_bytes(os.urandom(15), "big") for _ in range(POSTS // 2)]
    answers = await asyncio.gather(*(journal.post([move(one, two, 10, i)]) for i in ids for _ in range(2)))
    statuses = [outcome.status for (outcome,) in answers]
    assert alone, "a batch was refused, and its requests were tried one by one"
    assert statuses[:20] == [TransferStatus.CREATED, TransferStatus.EXISTS] * 10
    assert statuses[20:] == [TransferStatus.EXCEEDS_CREDITS, TransferStatus.ID_ALREADY_FAILED] * 10
    assert (await verify(engine)).problems == []


@pytest.mark.parametrize("failure", [HeadMoved, OSError])
async def test_what_was_decided_over_a_batch_that_failed_is_decided_again(
    engine, journal, bank, small, ahead, monkeypatch, failure
):
    """Every third write fails; nothing is lost, nothing moves twice."""
    one, two, _ = await purses(journal, bank)
    calls = 0

    async def failing(conn, batch, seal):
        nonlocal calls
        calls += 1
        await write(conn, batch, seal)
        if calls % 3 == 0:
            raise failure

    monkeypatch.setattr(journal_committer, "write", failing)
    ids = [int.from_bytes(os.urandom(15), "big") for _ in range(POSTS)]
    answers = await asyncio.gather(*(journal.post([move(one, two, 5, i)]) for i in ids), return_exceptions=True)
    monkeypatch.setattr(journal_committer, "write", write)
    refused = [isinstance(answer, JournalBusy) for answer in answers]
    assert failure is OSError or not any(refused)
    again = [(await journal.post([move(one, two, 5, i)]))[0].status for i in ids]
    done = {TransferStatus.EXISTS, TransferStatus.CREATED}
    assert sum(status in done for status in again) == 20
    for answer, busy, status in zip(answers, refused, again, strict=True):
        if not busy and answer[0].status is TransferStatus.CREATED:
            assert status is TransferStatus.EXISTS, "what was answered stands"
    assert await balances(journal, engine, [one, two]) == [0, 200]


def test_what_can_be_looked_up_while_a_batch_is_being_written():
    batch = Batch(Cache(), JournalHead(1, 1, 1, 1, bytes(32), bytes(16)), 5)
    batch.changes.burnt_ids.add(1)
    batch.changes.transfers[2] = Transfer(2)
    batch.orders[b"holder", b"nonce"] = KnownOrder(bytes(32), None, TransferStatus.EXCEEDS_CREDITS)
    batch.sources[1, b"event"] = 2
    for field, free, taken in (
        ("transfers", 3, 2),
        ("transfers", 3, 1),
        ("orders", (b"holder", b"other"), (b"holder", b"nonce")),
        ("sources", (2, b"event"), (1, b"event")),
        ("accounts", 7, None),
        ("holders", b"holder", None),
        ("uses", None, (b"holder", b"other")),
        ("use_sources", None, b"event"),
        ("ordered", None, b"holder"),
    ):
        for value, expected in ((free, True), (taken, False)):
            if value is not None:
                wanted = Wanted()
                getattr(wanted, field).add(value)
                assert batch.leaves_alone(wanted) is expected, (field, value)
    wanted = Wanted()
    wanted.officers = True
    assert not batch.leaves_alone(wanted)
    batch.changes.accounts[9] = Account(9, 1, 1)  # moved, and gone from the memory of a busy journal
    assert not batch.leaves_alone(Wanted())


async def test_two_processes_that_decide_ahead(engine, operator_key, journal, bank, small):
    """Rivals on one journal: whoever was first decides, and the other decides again."""
    one, two, _ = await purses(journal, bank)
    rival = await Journal.open(engine, operator_key)
    asked = [(journal, rival)[n % 2].post([move(one, two, 10)]) for n in range(POSTS)]
    statuses = [outcome.status for (outcome,) in await asyncio.gather(*asked)]
    assert statuses.count(TransferStatus.CREATED) == 10
    await rival.close()
    assert (await verify(engine)).problems == []


async def test_closing_writes_what_was_decided_ahead(engine, operator_key, journal, bank, small):
    own = await Journal.open(engine, operator_key)
    one, two, _ = await purses(own, bank)
    asked = [asyncio.create_task(own.post([move(one, two, 1)])) for _ in range(POSTS)]
    await asyncio.sleep(0)
    await own.close()
    assert all(outcome.status is TransferStatus.CREATED for (outcome,) in await asyncio.gather(*asked))
