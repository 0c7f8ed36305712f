"""kill -9 under load, at named points of a commit: what was acknowledged is there once, whatever the process was at."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter

import pytest

from tests.storms import crew
from tests.storms.load import OPENING, PEOPLE, Noted, verdicts
from tests.storms.nursery import POINTS
from tests.storms.town import found
from tests.storms.witness import once


async def storm(engine, journal, database_url, tmp_path, rounds, bug=None):
    await found(journal, PEOPLE, OPENING)
    log = tmp_path / "log"
    config = {"url": database_url, "log": str(log), "rounds": rounds, "seed": 9, "bug": bug}
    (ends,) = await asyncio.to_thread(crew.run, "nursery", [config])
    assert Counter(end["point"] for end in ends).keys() == POINTS.keys()
    assert all(end["signal"] in (signal.SIGKILL, signal.SIGALRM) for end in ends), ends
    assert len(Noted(log).acknowledged) > rounds
    return await verdicts(engine, log)


async def test_killed_at_every_point(engine, journal, database_url, tmp_path):
    assert not await storm(engine, journal, database_url, tmp_path, 20)


@pytest.mark.slow
async def test_killed_a_thousand_times(engine, journal, database_url, tmp_path):
    assert not await storm(engine, journal, database_url, tmp_path, 1000)


@pytest.mark.parametrize(
    ("database_url", "bug", "words"),
    [
        ("postgresql", "early", "was acknowledged and is not in the journal"),
        ("sqlite", "early", "was acknowledged and is not in the journal"),
        ("sqlite", "fresh", "was carried out 2 times"),
    ],
    indirect=["database_url"],
)
async def test_a_seeded_bug_is_seen(engine, journal, database_url, tmp_path, bug, words):
    """An answer before the commit; a client that asks with another nonce after it heard nothing."""
    wrong = await storm(engine, journal, database_url, tmp_path, 6, bug)
    assert any(words in sentence for sentence in wrong), wrong


def test_what_is_not_once():
    assert once({1, 2, 3}, {1, 2}, Counter({1: 1, 2: 1})) == []
    assert once({1, 2, 3}, {1, 2}, Counter({1: 1, 3: 1})) == ["payment 2 was acknowledged and is not in the journal"]
    assert once({1, 2}, {1, 2}, Counter({1: 2, 2: 1})) == ["payment 1 was carried out 2 times"]
    assert once({1}, {1}, Counter({1: 1, 2: 1})) == ["nobody asked for payment 2"]
