"""The kernel of deposits as tables: which intent, what is credited, held or kept, and what comes next."""

from __future__ import annotations

from fractions import Fraction

import pytest

from api.bridge_states import Next, State
from api.deposit_states import told
from api.deposits import (
    Arrival,
    Credit,
    Intent,
    Rate,
    Reason,
    Sight,
    Stage,
    Standing,
    Step,
    advance,
    allot,
    arrivals,
    arrived,
    credit,
    deposit_id,
    held_for,
    is_late,
    paid_intent,
)
from chain.address import Address
from chain.recorded import Kind, Position, RecordedTransfer
from fiat.currency import currency
from fiat.fee import FREE, FeeSchedule

TREASURY, ALICE, MALLORY, DUSD = (Address("0x" + digit * 40) for digit in "1234")
EUR = currency("EUR")
TEN = 10 * 10**6
SECOND = 10**9


def moved(number=1, log=0, units=TEN, **changes):
    values = {
        "position": Position(1000 + number, 0, number, 0, log, 0),
        "transaction_hash": bytes([number]) * 32,
        "kind": Kind.ERC20,
        "token": DUSD,
        "token_id": None,
        "sender": ALICE,
        "receiver": TREASURY,
        "units": units,
        "succeeded": True,
        "archived": False,
    }
    return RecordedTransfer(**(values | changes))


def test_only_what_comes_to_the_treasury_is_an_arrival():
    none = [
        moved(receiver=ALICE),
        moved(succeeded=False),
        moved(units=0),
        moved(archived=True),
        moved(kind=Kind.ERC721, token_id=7),
        moved(kind=Kind.ERC1155, token_id=7),
        moved(sender=TREASURY),
        moved(sender=Address.ZERO),
    ]
    assert arrivals(1, TREASURY, none) == []
    coin = {"token": None, "log": -1}
    some = [moved(1), moved(2, kind=Kind.NATIVE, **coin), moved(3, kind=Kind.INNER, **coin)]
    assert [each.token for each in arrivals(1, TREASURY, some)] == [DUSD, None, None]


def test_a_deposit_is_the_same_one_wherever_its_transaction_stands():
    """Another block, other logs before it: the same id. Another place among its like in the transaction: another."""
    (here,) = arrivals(1, TREASURY, [moved(5, log=3)])
    again = moved(5, log=9)
    (there,) = arrivals(1, TREASURY, [moved(9, log=9, transaction_hash=again.transaction_hash)])
    assert here.id == there.id == deposit_id(1, again.transaction_hash, DUSD, 0)
    coin = moved(5, log=-1, kind=Kind.NATIVE, token=None)
    assert here.id in {each.id for each in arrivals(1, TREASURY, [coin, moved(5, log=3)])}, "another asset before it"
    twice = arrivals(1, TREASURY, [moved(5, log=4, units=2), moved(5, log=3, units=1)])
    assert [each.units for each in twice] == [1, 2] and len({each.id for each in twice}) == 2
    others = {deposit_id(2, here.transaction, DUSD, 0), deposit_id(1, bytes(32), DUSD, 0)}
    assert here.id not in others | {deposit_id(1, here.transaction, None, 0), deposit_id(1, here.transaction, DUSD, 1)}


@pytest.mark.parametrize(
    ("before", "after", "paid_out", "came"),
    [(0, 10, 0, 10), (100, 110, 0, 10), (100, 70, 40, 10), (100, 100, 0, 0), (100, 90, 0, 0), (100, 95, 5, 0)],
)
def test_what_arrived_is_the_change_of_balance(before, after, paid_out, came):
    assert arrived(before, after, paid_out) == came


@pytest.mark.parametrize(
    ("claims", "units", "parts"),
    [
        ([10], 10, [10]),
        ([10], 12, [10]),  # a rebase came at the same moment: nobody brought that
        ([10], 9, [9]),  # a fee on transfer
        ([10], 0, [0]),  # a log of what never came
        ([10, 30], 36, [9, 27]),
        ([10, 10, 10], 10, [3, 3, 3]),  # never more than came, in all
        ([1, 10**30], 10, [0, 9]),
    ],
)
def test_what_came_in_a_block_is_allotted(claims, units, parts):
    found = allot({bytes([n]) * 32: claim for n, claim in enumerate(claims)}, units)
    assert list(found.values()) == parts
    assert sum(parts) <= units and all(part <= claim for part, claim in zip(parts, claims, strict=True))


def intent(number=1, **changes):
    values = {
        "holder": bytes(32),
        "id": bytes([number]) * 32,
        "token": DUSD,
        "sender": ALICE,
        "units": TEN,
        "currency": "EUR",
        "quote_ends": None,
        "returns_late": False,
        "created_at": number,
        "ends": 5000,
    }
    return Intent(**(values | changes))


def arrival(units=TEN, timestamp=1000, **changes):
    values = {"id": b"\7" * 32, "transaction": b"\1" * 32, "token": DUSD, "sender": ALICE, "block": 1}
    return Arrival(**(values | {"units": units, "timestamp": timestamp} | changes))


@pytest.mark.parametrize(
    ("intents", "paid"),
    [
        ([], None),
        ([intent(1)], 1),
        ([intent(1, token=None)], None),
        ([intent(1, sender=MALLORY)], None),
        ([intent(2), intent(1)], 1),  # the oldest
        ([intent(1, units=5), intent(2)], 2),  # the one of that amount
        ([intent(1, units=5), intent(2, units=6)], 1),
        ([intent(1, ends=999), intent(2, units=5)], 2),  # one that is open
        ([intent(1, ends=999)], 1),  # paid late
    ],
)
def test_which_intent_a_transfer_pays(intents, paid):
    found = paid_intent(arrival(), intents)
    assert (found and found.id[0]) == paid


@pytest.mark.parametrize(
    ("units", "pays", "known", "screened", "reason"),
    [
        (TEN, intent(), True, False, None),
        (TEN - 1, intent(), True, False, None),
        (TEN + 1, intent(), True, False, Reason.TOO_MUCH),
        (TEN, None, True, False, Reason.NO_INTENT),
        (TEN, None, False, False, Reason.UNKNOWN_SENDER),
        (TEN, intent(), True, True, Reason.SCREENED),
        (TEN, None, False, True, Reason.SCREENED),
        (TEN, intent(quote_ends=999), True, False, None),  # to be quoted anew
        (TEN, intent(quote_ends=999, returns_late=True), True, False, Reason.LATE),
        (TEN, intent(quote_ends=1000, returns_late=True), True, False, None),  # in the quote's last second
        (TEN, intent(ends=999, returns_late=True), True, False, Reason.LATE),
        (TEN + 1, intent(quote_ends=999, returns_late=True), True, False, Reason.TOO_MUCH),
    ],
)
def test_what_is_held(units, pays, known, screened, reason):
    assert held_for(arrival(units), pays, is_known=known, is_screened=screened) is reason


def test_late_is_told_by_the_block():
    assert [is_late(arrival(timestamp=at), intent(quote_ends=1000)) for at in (999, 1000, 1001)] == [False, False, True]


def rate(**changes):
    values = {"decimals": 6, "receive": EUR, "market": Fraction(4, 5), "spread_ppm": 5000, "schedule": FREE}
    return Rate(**(values | changes))


@pytest.mark.parametrize(
    ("terms", "units", "minor", "credited"),
    [
        (rate(spread_ppm=0), TEN, TEN, Credit(TEN, 0, 800)),
        (rate(), TEN, TEN, Credit(TEN, 0, 796)),
        (rate(schedule=FeeSchedule(fixed_minor=25)), TEN, TEN, Credit(TEN, 25, 771)),
        (rate(schedule=FeeSchedule(fixed_minor=796)), TEN, TEN, None),  # the fee would take it all
        (rate(spread_ppm=0), 12_500, 12_500, Credit(12_500, 0, 1)),
        (rate(spread_ppm=0), 12_499, 12_499, None),  # below a cent
        (rate(spread_ppm=0), 24_999, 24_999, Credit(24_999, 0, 1)),  # a fraction stays
        (rate(decimals=18, spread_ppm=0), 10**18, 10**9, Credit(10**9, 0, 80)),
        (rate(quoted=(TEN, 9, 700)), TEN, TEN, Credit(TEN, 9, 700)),  # the quote's own figures
        (rate(quoted=(TEN, 9, 700)), TEN - 1, TEN - 1, Credit(TEN - 1, 0, 795)),
        (rate(market=Fraction(10**18)), 10**12, 10**12, None),  # more than a posting can be
    ],
)
def test_what_is_credited(terms, units, minor, credited):
    assert credit(terms, units, minor) == credited


EVERY = [
    Standing(stage, judged, received, spent)
    for stage in Stage
    for judged in (0, 1)
    for received in (0, 1)
    for spent in (0, 1)
]


@pytest.mark.parametrize(
    ("stage", "sight", "step"),
    [
        (Stage.SEEN, Sight.SHALLOW, Step.JUDGE),
        (Stage.SEEN, Sight.FINAL, Step.JUDGE),
        (Stage.SEEN, Sight.ABSENT, Step.UNDO),
        (Stage.PENDING, Sight.SHALLOW, Step.WAIT),
        (Stage.PENDING, Sight.UNSURE, Step.WAIT),
        (Stage.PENDING, Sight.FINAL, Step.MEASURE),
        (Stage.PENDING, Sight.ABSENT, Step.UNDO),
        (Stage.CREDITING, Sight.ABSENT, Step.CREDIT),  # what was begun is ended first
        (Stage.CREDITED, Sight.FINAL, Step.WAIT),
        (Stage.CREDITED, Sight.UNSURE, Step.WAIT),
        (Stage.CREDITED, Sight.ABSENT, Step.LOSE),
        (Stage.LOST, Sight.ABSENT, Step.WAIT),
        (Stage.LOST, Sight.SHALLOW, Step.WAIT),
        (Stage.LOST, Sight.FINAL, Step.REGAIN),
        (Stage.GONE, Sight.ABSENT, Step.WAIT),
        (Stage.GONE, Sight.SHALLOW, Step.JUDGE),
        (Stage.KEEPING, Sight.FINAL, Step.KEEP),
        (Stage.KEPT, Sight.FINAL, Step.WAIT),
        (Stage.KEPT, Sight.ABSENT, Step.UNDO),
        (Stage.HELD, Sight.SHALLOW, Step.WAIT),
        (Stage.HELD, Sight.FINAL, Step.RECEIVE),
        (Stage.HELD, Sight.ABSENT, Step.UNDO),
        (Stage.RETURNING, Sight.SHALLOW, Step.WAIT),
        (Stage.RETURNING, Sight.FINAL, Step.RECEIVE),
        (Stage.RETURNED, Sight.ABSENT, Step.WAIT),
        (Stage.NOTHING, Sight.FINAL, Step.WAIT),
    ],
)
def test_what_comes_next(stage, sight, step):
    assert advance(Standing(stage), sight) is step


def test_what_comes_next_of_what_is_known():
    assert advance(Standing(Stage.SEEN, judged=True), Sight.SHALLOW) is Step.RESERVE
    assert advance(Standing(Stage.RETURNING, received=True), Sight.FINAL) is Step.REFUND
    assert advance(Standing(Stage.HELD, received=True), Sight.FINAL) is Step.WAIT
    assert advance(Standing(Stage.KEPT, received=True, spent=True), Sight.ABSENT) is Step.LOSE, "part of a credit"


def test_nothing_is_posted_before_it_is_final_and_nobody_credited_is_debited():
    """Over every standing and sight: the rules that no table may break."""
    for standing in EVERY:
        for sight in Sight:
            step = advance(standing, sight)
            if step in (Step.MEASURE, Step.RECEIVE, Step.REGAIN, Step.REFUND):
                assert sight is Sight.FINAL
            if step is Step.CREDIT:
                assert standing.stage is Stage.CREDITING
            if standing.stage is Stage.CREDITED:
                assert step in (Step.WAIT, Step.LOSE)
            if sight is Sight.UNSURE:
                assert step in (Step.WAIT, Step.CREDIT, Step.KEEP)


def test_an_intent_without_a_transfer_waits_until_its_end():
    open_, quoted = intent(ends=100), intent(ends=100, quote_ends=60)
    assert told(open_, None, 99 * SECOND).state is State.PENDING_USER_TRANSFER_START
    assert told(open_, None, 99 * SECOND).next is Next.PAY
    assert [told(each, None, 0).due_at for each in (open_, quoted)] == [100 * SECOND, 60 * SECOND]
    over = told(open_, None, 100 * SECOND)
    assert (over.state, over.next, over.due_at) == (State.EXPIRED, Next.NOTHING, None)
