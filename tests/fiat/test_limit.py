"""Limits: their spelling, UTC days and months, what is counted, and that the lower of two wins."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from fiat.errors import LimitExceeded, OrderMalformed
from fiat.limit import (
    DAY_NS,
    LIMIT_MAX,
    NO_LIMIT,
    NO_POLICY,
    LimitKey,
    LimitKind,
    OwnLimit,
    Period,
    Policy,
    Raise,
    count,
    limits_bytes,
    own_limits,
    spend,
    spent_keys,
    used,
    window,
)

TRANSFER, WITHDRAWAL, CONVERSION, HOLD, MANDATE = range(1, 6)
ALICE = bytes([1]) * 32


def at(text):
    """ns of a UTC time; its last digits may be spelled out."""
    whole, _, fraction = text.partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return seconds * 10**9 + int(fraction.ljust(9, "0"))


def own(**values):
    """Limits that the person set: `transfer_EUR_day=5`."""
    return limits_bytes({LimitKey.parse(name.replace("_", ":")): OwnLimit(value) for name, value in values.items()})


SUBJECTS = [
    ("transfer:EUR:day", True),
    ("withdrawal:JPY:month", True),
    ("conversion:DUSD:day", True),
    ("hold:EUR:day", True),
    ("mandate:EUR:month", True),
    ("all:EUR:day", True),
    ("ALL:EUR:day", False),
    ("card:EUR:day", False),
    ("transfer:eur:day", False),
    ("transfer:E:day", False),
    ("transfer:1EU:day", False),
    ("transfer:EUR:week", False),
    ("transfer:EUR:day:", False),
    (" transfer:EUR:day", False),
    ("transfer:EUR:day\n", False),
    ("transfer::day", False),
    ("", False),
]


@pytest.mark.parametrize(("text", "is_one"), SUBJECTS)
def test_a_subject_has_one_spelling(text, is_one):
    subject = text.encode().ljust(32, b"\0")
    if is_one:
        key = LimitKey.of_subject(subject)
        assert (key.text, key.subject) == (text, subject)
        return
    with pytest.raises(OrderMalformed):
        LimitKey.of_subject(subject)


@pytest.mark.parametrize("subject", [b"all:EUR:day\0x".ljust(32, b"\0"), b"\xff" * 32, b"\0all:EUR:day".ljust(32)])
def test_padding_hides_nothing(subject):
    with pytest.raises(OrderMalformed):
        LimitKey.of_subject(subject)


WINDOWS = [
    (Period.DAY, "2028-02-29T00:00:00", "2028-02-29T00:00:00", "2028-03-01T00:00:00"),
    (Period.DAY, "2028-02-29T23:59:59.999999999", "2028-02-29T00:00:00", "2028-03-01T00:00:00"),
    (Period.MONTH, "2028-02-29T12:00:00", "2028-02-01T00:00:00", "2028-03-01T00:00:00"),
    (Period.MONTH, "2027-12-31T23:59:59.999999999", "2027-12-01T00:00:00", "2028-01-01T00:00:00"),
    (Period.MONTH, "2028-01-01T00:00:00", "2028-01-01T00:00:00", "2028-02-01T00:00:00"),
]


@pytest.mark.parametrize(("period", "time", "start", "end"), WINDOWS)
def test_days_and_months_are_those_of_utc(period, time, start, end):
    assert window(period, at(time)) == (at(start), at(end))


# One line a spending, in order: time, kind, currency, amount; then what a limit of 100 says. Limits as in LIMITS.
LIMITS = own(transfer_EUR_day=100, withdrawal_EUR_month=100, all_JPY_day=100)
SPENDINGS = [
    ("2028-01-31T10:00:00", TRANSFER, "EUR", 60, True),
    ("2028-01-31T10:00:01", TRANSFER, "EUR", 41, False),
    ("2028-01-31T10:00:02", TRANSFER, "EUR", 40, True),  # exactly the limit
    ("2028-01-31T10:00:03", TRANSFER, "EUR", 1, False),
    ("2028-01-31T10:00:04", TRANSFER, "EUR", 0, True),
    ("2028-01-31T10:00:05", WITHDRAWAL, "EUR", 70, True),  # another kind
    ("2028-01-31T10:00:06", TRANSFER, "USD", 10**17, True),  # another currency
    ("2028-01-31T23:59:59.999999999", TRANSFER, "EUR", 1, False),
    ("2028-02-01T00:00:00", TRANSFER, "EUR", 100, True),  # the next day
    ("2028-02-01T00:00:01", WITHDRAWAL, "EUR", 100, True),  # the next month
    ("2028-02-29T23:59:59.999999999", WITHDRAWAL, "EUR", 1, False),
    ("2028-03-01T00:00:00", WITHDRAWAL, "EUR", 1, True),
    ("2028-03-01T00:00:01", TRANSFER, "JPY", 30, True),
    ("2028-03-01T00:00:02", HOLD, "JPY", 30, True),
    ("2028-03-01T00:00:03", MANDATE, "JPY", 30, True),
    ("2028-03-01T00:00:04", CONVERSION, "JPY", 11, False),  # all kinds together
    ("2028-03-01T00:00:05", CONVERSION, "JPY", 10, True),
    ("2028-03-02T00:00:00", CONVERSION, "JPY", 101, False),
    ("2028-03-02T00:00:01", CONVERSION, "JPY", 100, True),
]


def test_what_is_let_through_line_by_line():
    spent = b""
    for time, kind, currency, amount, passes in SPENDINGS:
        try:
            spent = spend(ALICE, LIMITS, spent, NO_POLICY, kind, currency, amount, at(time))
            passed = True
        except LimitExceeded:
            passed = False
        assert passed is passes, time


def test_a_refusal_says_which_limit_and_how_much_of_it_is_used():
    spent = count(b"", TRANSFER, "EUR", 60, at("2028-01-31T10:00:00"))
    with pytest.raises(LimitExceeded) as caught:
        spend(ALICE, LIMITS, spent, NO_POLICY, TRANSFER, "EUR", 41, at("2028-01-31T11:00:00"))
    assert caught.value.fields() == {
        "kind": "transfer",
        "currency": "EUR",
        "period": "day",
        "limit_minor": 100,
        "used_minor": 60,
        "amount_minor": 41,
    }


KEY = LimitKey(LimitKind.TRANSFER, "EUR", Period.DAY)
LOWER_WINS = [
    # the person's, the operator's for everyone, the operator's for this holder -> the limit
    (None, None, None, None),
    (100, None, None, 100),
    (None, 100, None, 100),
    (50, 100, None, 50),
    (100, 50, None, 50),
    (100, 50, 80, 80),  # the holder's own in place of everyone's
    (70, 50, 80, 70),
    (None, 50, NO_LIMIT, None),
    (0, 50, 80, 0),
    (10, 5, 0, 0),
]


@pytest.mark.parametrize(("person", "everyone", "holder", "limit"), LOWER_WINS)
def test_the_lower_of_the_persons_and_the_operators_wins(person, everyone, holder, limit):
    limits = own(**({} if person is None else {"transfer_EUR_day": person}))
    policy = Policy(
        {} if everyone is None else {KEY: everyone},
        {} if holder is None else {ALICE: {KEY: holder}, bytes(32): {KEY: 0}},
    )
    now = at("2028-01-31T10:00:00")
    spend(ALICE, limits, b"", policy, TRANSFER, "EUR", LIMIT_MAX if limit is None else limit, now)
    if limit is not None:
        with pytest.raises(LimitExceeded) as caught:
            spend(ALICE, limits, b"", policy, TRANSFER, "EUR", limit + 1, now)
        assert caught.value.fields()["limit_minor"] == limit


def test_a_raise_holds_from_its_instant_on():
    nonce = bytes([7]) * 32
    limits = limits_bytes({KEY: OwnLimit(10, Raise(30, at("2028-01-03T10:00:00"), nonce))})
    spend(ALICE, limits, b"", NO_POLICY, TRANSFER, "EUR", 30, at("2028-01-03T10:00:00"))
    with pytest.raises(LimitExceeded):
        spend(ALICE, limits, b"", NO_POLICY, TRANSFER, "EUR", 11, at("2028-01-03T09:59:59.999999999"))
    assert own_limits(limits) == {KEY: OwnLimit(10, Raise(30, at("2028-01-03T10:00:00"), nonce))}


def test_limits_that_limit_nothing_take_no_bytes():
    assert own() == own(transfer_EUR_day=NO_LIMIT) == b""
    assert own(all_EUR_day=1, transfer_EUR_day=2) == own(transfer_EUR_day=2, all_EUR_day=1)


def test_counters_stop_far_above_every_limit():
    spent, now = b"", at("2028-01-01T00:00:00")
    for _ in range(200):
        spent = count(spent, TRANSFER, "EUR", LIMIT_MAX, now)
    assert used(spent, KEY, now) == NO_LIMIT
    assert used(count(spent, TRANSFER, "EUR", 5, now + DAY_NS), KEY, now + DAY_NS) == 5
    with pytest.raises(LimitExceeded):
        spend(ALICE, own(all_EUR_month=LIMIT_MAX), spent, NO_POLICY, TRANSFER, "EUR", 1, now)


def test_the_counters_are_the_sums_of_what_was_counted():
    """Against a list of everything, at each step, over three months."""
    dice, spent, listed = random.Random(20281), b"", []
    now = at("2028-01-28T00:00:00")
    for _ in range(1500):
        now += dice.choice((1, 10**9, 3600 * 10**9, 4 * 3600 * 10**9))
        kind, code, amount = dice.randint(1, 5), dice.choice(("EUR", "JPY")), dice.randint(0, 1000)
        spent = count(spent, kind, code, amount, now)
        listed.append((now, kind, code, amount))
        key = LimitKey(LimitKind(dice.randint(0, 5)), dice.choice(("EUR", "JPY")), Period(dice.randint(1, 2)))
        start, end = window(key.period, now)
        expected = sum(
            a for t, k, c, a in listed if start <= t < end and c == key.currency and key.kind in (LimitKind.ALL, k)
        )
        assert used(spent, key, now) == expected
    assert set(spent_keys(spent)) == {(LimitKind(k), c) for _, k, c, _ in listed}
    assert len(spent) == 29 * 10
