"""Random lives of a journal (random_town.py): its check and the auditor agree that all of it is honest."""

from __future__ import annotations

import pytest

from fiat.authority import seconds_left
from tests.fiat.agreements import intact
from tests.fiat.random_town import Town

SAMPLE, SOAK, STEPS = 1, 40, 120
SEED = 20_261_122


@pytest.mark.parametrize("number", range(SAMPLE))
async def test_whatever_is_asked_the_journal_stays_honest(engine, number):
    await _live(engine, SEED + number)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(SAMPLE, SOAK))
async def test_many_lives_stay_honest(engine, number):
    await _live(engine, SEED + number)


async def _live(engine, seed):
    town = await Town(seed).open(engine)
    try:
        for _ in range(STEPS):
            await town.step()
        await intact(engine)
        done = {kind for (kind, answer) in town.answers if answer == "NoneType"}
        assert len(done) >= 9, done  # of 15 kinds; which ones depends on how the requests fell together
    finally:
        await town.journal.close()


async def test_a_seeded_bug_is_seen(engine, monkeypatch):
    """The control: a journal whose holds last a second longer than was signed is found out."""
    monkeypatch.setattr("fiat.authority.seconds_left", lambda until, now: seconds_left(until, now) + 1)
    town = await Town(SEED).open(engine)
    try:
        for _ in range(10 * STEPS):
            await town.step()
            if town.holds:  # how soon depends on how the requests fell together
                break
        with pytest.raises(AssertionError):
            await intact(engine)
    finally:
        await town.journal.close()
