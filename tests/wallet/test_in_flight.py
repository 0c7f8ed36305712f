"""What became of a transaction, by its sender's numbers; and which numbers are missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.in_flight import Fate, Kept, Line, Seen, fate_of, missing, read_kept

TABLE = [
    # number, mined, succeeded, known -> fate
    (5, 5, None, True, Fate.WAITING),
    (5, 4, None, True, Fate.WAITING),
    (5, 6, True, True, Fate.DONE),
    (5, 6, False, True, Fate.FAILED),
    (5, 6, None, False, Fate.REPLACED),
    (5, 6, None, True, Fate.REPLACED),  # a node may keep what can be in no block any more
    (5, 5, None, False, Fate.DROPPED),
    (5, 4, None, False, Fate.DROPPED),
]


@pytest.mark.parametrize(("number", "mined", "succeeded", "known", "fate"), TABLE)
def test_fates(number, mined, succeeded, known, fate):
    kept = Kept("0x" + 64 * "1", "0x" + 40 * "a", number, "sent")
    assert fate_of(kept, Seen(succeeded, known), Line(mined, mined)) is fate


@pytest.mark.parametrize(
    ("pending", "waiting", "expected"),
    [
        (5, [], []),
        (5, [3, 4], []),
        (5, [6], [5]),
        (5, [6, 9], [5, 7, 8]),
        (5, [5, 6], []),
        (0, [2, 2], [0, 1]),
    ],
)
def test_missing_numbers(pending, waiting, expected):
    assert missing(Line(0, pending), waiting) == expected


@given(st.integers(0, 50), st.sets(st.integers(0, 60)))
def test_with_the_missing_ones_filled_nothing_waits_for_ever(pending, waiting):
    filled = waiting | set(missing(Line(0, pending), waiting)) | set(range(pending))
    assert filled == set(range(max(waiting | {pending - 1}, default=-1) + 1))


def test_entries_from_before_numbers_were_kept_are_left_out():
    old = {"to": "0x1", "asset": "ETH", "amount": "1", "state": "sent"}
    new = {**old, "from": "0x2", "nonce": "7"}
    assert read_kept({"0xa": old, "0xb": new}) == [Kept("0xb", "0x2", 7, "sent", "1 ETH")]
    assert read_kept({"0xc": {"from": "0x2", "nonce": "8", "state": "sent"}}) == [Kept("0xc", "0x2", 8, "sent", "")]
