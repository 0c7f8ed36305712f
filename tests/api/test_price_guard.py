"""Which rounds of a feed count: closed when in doubt, and open again when the doubt is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.price_guard import CONFIRM_SECONDS, TERMS, Watched, judge
from api.prices import HEARTBEAT_SECONDS, PAIRS, Doubt
from chain.price_feed import Round

NOW = 1_800_000_000
ROUND = Round(id=7, answer=3000 * 10**8, started_at=NOW - 30, updated_at=NOW - 30, answered_in=7, decimals=8)


def later(answer, seconds=60, number=1):
    at = ROUND.updated_at + seconds
    return Round(ROUND.id + number, answer * 10**8, at, at, ROUND.id + number, 8)


def test_every_priced_pair_has_terms():
    assert set(PAIRS.values()) == set(TERMS)
    assert judge("DOGE/USD", Watched(), ROUND, NOW) == (Watched(), Doubt.NO_FEED)


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"answer": 0}, Doubt.NOT_POSITIVE),
        ({"answer": -1}, Doubt.NOT_POSITIVE),
        ({"answer": 1 << 192}, Doubt.NOT_POSITIVE),
        ({"updated_at": 0}, Doubt.INCOMPLETE),
        ({"started_at": 0}, Doubt.INCOMPLETE),
        ({"answered_in": 6}, Doubt.INCOMPLETE),
        ({"updated_at": NOW + 61, "started_at": NOW}, Doubt.FROM_THE_FUTURE),
        ({"decimals": 18}, Doubt.DECIMALS_CHANGED),
        ({"decimals": 7}, Doubt.DECIMALS_CHANGED),
        ({"answer": 10**7}, Doubt.OUT_OF_BOUNDS),
        ({"answer": 10**15}, Doubt.OUT_OF_BOUNDS),
    ],
)
def test_a_round_that_is_wrong_by_itself_counts_for_nothing(changes, doubt):
    for before in (Watched(), Watched(ROUND)):
        assert judge("ETH/USD", before, replace(ROUND, **changes), NOW) == (before, doubt)


def test_a_round_within_the_jump_is_taken():
    for answer in (4500, 2000):
        seen = later(answer)
        assert judge("ETH/USD", Watched(ROUND), seen, NOW + 60) == (Watched(seen), None)


@pytest.mark.parametrize("answer", [4501, 1999, 30_000, 30])
def test_a_jump_closes_the_pair_until_a_later_round_says_the_same(answer):
    jumped = later(answer)
    watched, doubt = judge("ETH/USD", Watched(ROUND), jumped, NOW + 60)
    assert (watched, doubt) == (Watched(ROUND, jumped), Doubt.JUMP)
    assert judge("ETH/USD", watched, jumped, NOW + 61) == (watched, Doubt.JUMP), "the same round again confirms nothing"
    confirming = later(answer, 120, 2)
    assert judge("ETH/USD", watched, confirming, NOW + 120) == (Watched(confirming), None)


def test_a_jump_that_stands_is_taken_after_a_while_and_one_that_goes_back_never_was():
    jumped = later(9000)
    watched, _ = judge("ETH/USD", Watched(ROUND), jumped, NOW + 60)
    stands = jumped.updated_at + CONFIRM_SECONDS
    assert judge("ETH/USD", watched, jumped, stands - 1)[1] is Doubt.JUMP
    assert judge("ETH/USD", watched, jumped, stands) == (Watched(jumped), None)
    back = later(3010, 120, 2)
    assert judge("ETH/USD", watched, back, NOW + 120) == (Watched(back), None)
    elsewhere = later(90_000, 120, 2)
    assert judge("ETH/USD", watched, elsewhere, NOW + 120) == (Watched(ROUND, elsewhere), Doubt.JUMP)


def test_what_is_older_than_a_heartbeat_says_nothing_about_now():
    fresh = later(9000, HEARTBEAT_SECONDS + 1)
    assert judge("ETH/USD", Watched(ROUND), fresh, fresh.updated_at) == (Watched(fresh), None)
