"""The bank test (THREATS A-1) under strict serializability (A-4): 16 workers in two processes, four journals in all."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fiat.history_check import verify
from fiat.journal_store import read_head
from tests.storms import crew
from tests.storms.town import Placed, found, placed
from tests.storms.witness import Payment, Reading, bank, strictly_serial

OPENING = 10
PROCESSES, JOURNALS, WORKERS = 2, 2, 8
"""Journals and workers are each process's."""


async def storm(engine, journal, database_url, count, operations, bug=None):
    """Open `count` people, let the workers loose, and say everything that is wrong with what they saw."""
    town = await found(journal, count, OPENING)
    config = {"url": database_url, "people": count, "journals": JOURNALS, "workers": WORKERS, "bug": bug}
    config["operations"] = operations // (PROCESSES * WORKERS)
    async with engine.connect() as conn:
        before = (await read_head(conn)).timestamp
    said = await asyncio.to_thread(crew.run, "bank_worker", [config | {"seed": seed} for seed in range(PROCESSES)])
    documents = [document for part in said for document in part]
    payments = [Payment(**_rest(document)) for document in documents if document["kind"] == "payment"]
    readings = [_reading(document) for document in documents if document["kind"] == "reading"]
    async with engine.connect() as conn:
        places = {i: place for i, place in (await placed(conn)).items() if place.timestamp > before}
    numbers = frozenset(person.number for person in town)
    wrong = bank(readings, numbers, count * OPENING)
    wrong += strictly_serial(payments, readings, places, dict.fromkeys(numbers, OPENING))
    wrong += [f"{problem.sequence}: {problem.reason}" for problem in (await verify(engine)).problems]
    assert len(payments) > operations // 2 and len(readings) > operations // 10
    assert {payment.status for payment in payments} == {"CREATED", "EXCEEDS_CREDITS"}, "the storm met both answers"
    return wrong


def _rest(document):
    return {name: value for name, value in document.items() if name != "kind"}


def _reading(document):
    return Reading(**(_rest(document) | {"balances": dict(document["balances"])}))


@pytest.mark.parametrize(("count", "operations"), [(8, 560), (1000, 320)])
async def test_a1_a4_bank(engine, journal, database_url, count, operations):
    assert not await storm(engine, journal, database_url, count, operations)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "operations"), [(8, 200_000), (1000, 20_000)])
async def test_a1_a4_bank_at_full_count(engine, journal, database_url, count, operations):
    assert not await storm(engine, journal, database_url, count, operations)


@pytest.mark.parametrize(
    ("database_url", "bug", "words"),
    [
        ("postgresql", "torn", "wrong total"),
        ("sqlite", "stale", "was answered before"),
        ("sqlite", "dirty", "wrong total"),
    ],
    indirect=["database_url"],
)
async def test_a_seeded_bug_is_seen(engine, journal, database_url, bug, words):
    wrong = await storm(engine, journal, database_url, 8, 320, bug)
    assert any(words in sentence for sentence in wrong), wrong


PAID = Payment(invoked=10, answered=20, payer=1, payee=2, amount=4, id=0xA, status="CREATED", sequence=7)
BACK = Payment(invoked=30, answered=40, payer=2, payee=1, amount=14, id=0xB, status="CREATED", sequence=8)
REFUSED = Payment(invoked=50, answered=60, payer=2, payee=1, amount=1, id=0xC, status="EXCEEDS_CREDITS", sequence=None)
PLACES = {0xA: Placed(100, 7), 0xB: Placed(200, 8), 0xC: Placed(300, None)}
BETWEEN = Reading(invoked=21, answered=29, sequence=7, timestamp=100, balances={1: 6, 2: 14})
LAST = Reading(invoked=70, answered=80, sequence=8, timestamp=300, balances={1: 20, 2: 0})
PAYMENTS, READINGS, OPENED = [PAID, BACK, REFUSED], [BETWEEN, LAST], {1: 10, 2: 10}


def verdicts(payments=PAYMENTS, readings=READINGS, places=PLACES):
    return bank(readings, frozenset(OPENED), 20) + strictly_serial(payments, readings, places, OPENED)


def test_a_story_that_can_have_happened():
    assert not verdicts()


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("wrong total 21", {"readings": [replace(LAST, balances={1: 21, 2: 0})]}),
        ("missing account [2]", {"readings": [replace(LAST, balances={1: 20})]}),
        ("missing account [2]", {"readings": [replace(LAST, balances={1: 20, 2: None})]}),
        ("unexpected account [3]", {"readings": [replace(LAST, balances={1: 20, 2: 0, 3: 0})]}),
        ("negative balance {2: -1}", {"readings": [replace(LAST, balances={1: 21, 2: -1})]}),
        ("saw another state than that of sequence 8", {"readings": [replace(LAST, balances={1: 19, 2: 1})]}),
        ("payment at 250 was answered before one before", {"places": PLACES | {0xA: Placed(250, 7)}}),
        ("reading at 100 was answered before one before", {"payments": [replace(PAID, invoked=35), BACK, REFUSED]}),
        ("of 14 was answered CREATED, not EXCEEDS_CREDITS", {"payments": [replace(PAID, amount=3), BACK, REFUSED]}),
        ("of 1 was answered EXCEEDS_CREDITS, not CREATED", {"payments": [PAID, replace(BACK, amount=13), REFUSED]}),
        ("payment b was answered 9 and stands at 8", {"payments": [PAID, replace(BACK, sequence=9), REFUSED]}),
        ("was answered EXISTS", {"payments": [PAID, replace(BACK, status="EXISTS"), REFUSED]}),
        ("payment c was answered EXCEEDS_CREDITS and stands nowhere", {"places": {0xA: PLACES[0xA], 0xB: PLACES[0xB]}}),
        ("payment a was carried out twice", {"payments": [PAID, *PAYMENTS]}),
        ("nobody asked for d", {"places": PLACES | {0xD: Placed(400, 9)}}),
        ("times are in another order", {"places": PLACES | {0xA: Placed(100, 9)}}),
    ],
)
def test_a_story_that_cannot_have_happened(words, changes):
    wrong = verdicts(**changes)
    assert any(words in sentence for sentence in wrong), wrong
