"""Trial balance and income, against what was posted; a row changed by hand does not balance."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import text

from fiat.authority import source_id
from fiat.chart import SourceKind, TransferCode
from fiat.currency import currency
from fiat.history_report import income, trial_balance
from fiat.holder import OPERATOR
from fiat.journal_values import Source
from fiat.period import nanoseconds, period
from fiat.report import PEOPLE, TrialRow, income_json, trial_balance_json
from fiat.report import trial_balance as trial_balance_of
from fiat.transfer import TIMESTAMP_MAX, Transfer, TransferFlags, TransferStatus

EUR, JPY = currency("EUR"), currency("JPY")
DAY = 86_400 * 10**9


@pytest.fixture
def post(journal):
    """Move money between the operator's accounts, which are opened when first named."""

    async def posted(its, debit, credit, amount, code=TransferCode.TRANSFER, **fields):
        accounts = [(await journal.open_account(OPERATOR, its, purpose)).id for purpose in (debit, credit)]
        number = int.from_bytes(os.urandom(15), "big")
        source = Source(SourceKind.BANK_STATEMENT, source_id(str(number))) if debit.startswith("bank") else None
        move = Transfer(number, *accounts, amount, ledger=its.ledger, code=code, **fields)
        (outcome,) = await journal.post([move], source)
        assert outcome.status is TransferStatus.CREATED
        return outcome.timestamp

    return posted


async def some_business(post, alice, bob, credit, send):
    await credit(alice, 1000)
    await send(alice, bob, 250)
    await post(EUR, "bank", "suspense:bank", 500)
    await post(EUR, "suspense:bank", "fees", 30, TransferCode.FEE)
    await post(EUR, "suspense:bank", "fees:spread", 7, TransferCode.FEE)
    middle = await post(EUR, "fees", "suspense:bank", 5, TransferCode.REVERSAL)
    await post(EUR, "suspense:bank", "rounding", 1, TransferCode.ROUNDING)
    await post(JPY, "bank", "liquidity", 9000)
    await post(JPY, "liquidity", "suspense:bank", 4000, TransferCode.CONVERSION)
    await post(EUR, "suspense:bank", "liquidity", 25, TransferCode.CONVERSION)
    await post(JPY, "liquidity", "fees", 60, flags=TransferFlags.PENDING, timeout=3600)
    return middle


async def test_debits_are_credits_in_every_currency(post, alice, bob, credit, send, engine):
    await some_business(post, alice, bob, credit, send)
    async with engine.connect() as conn:
        found = await trial_balance(conn)
    assert found.balances and {total.currency for total in found.totals} == {"EUR", "JPY"}
    people = next(row for row in found.rows if row.purpose == PEOPLE)
    assert (people.accounts, people.balance_minor, people.credits_posted) == (2, 1000, 1250)
    yen = next(total for total in found.totals if total.currency == "JPY")
    assert (yen.debits_pending, yen.credits_pending, yen.debits_posted) == (60, 60, 13_000)
    document = trial_balance_json(found)
    assert document["balances"] is True
    assert {"currency": "EUR", "purpose": "fees", "balance": "0.25"}.items() <= next(
        row for row in document["rows"] if (row["currency"], row["purpose"]) == ("EUR", "fees")
    ).items()


async def test_a_balance_changed_by_hand_is_seen(post, alice, bob, credit, send, engine):
    await some_business(post, alice, bob, credit, send)
    async with engine.begin() as conn:
        changed = (
            "UPDATE accounts SET credits_posted = credits_posted + 1, version = version + 1 WHERE purpose = 'fees'"
        )
        await conn.execute(text(changed))
    async with engine.connect() as conn:
        found = await trial_balance(conn)
    assert not found.balances and not trial_balance_json(found)["balances"]


def test_sums_above_two_to_the_63():
    row = TrialRow("EUR", 2, "bank", 4, 1, 2**63, 0, 0, 0)
    other = TrialRow("EUR", 2, PEOPLE, 1, 9, 0, 2**63, 0, 0)
    assert trial_balance_of(1, [row, other]).balances
    assert not trial_balance_of(1, [row]).balances


async def test_income_of_a_period_is_what_its_entries_say(post, alice, bob, credit, send, engine):
    middle = await some_business(post, alice, bob, credit, send)
    async with engine.connect() as conn:
        whole = await income(conn, 0, TIMESTAMP_MAX)
        early, late = await income(conn, 0, middle), await income(conn, middle, TIMESTAMP_MAX)
    earned = [(r.currency, r.purpose, r.kind, r.entries, r.net_minor) for r in whole.income]
    assert earned == [
        ("EUR", "fees", "fee", 1, 30), ("EUR", "fees", "reversal", 1, -5), ("EUR", "fees:spread", "fee", 1, 7),
        ("EUR", "rounding", "rounding", 1, 1),
    ]  # fmt: skip
    assert whole.totals == {"EUR": (2, 33)}
    assert [(r.currency, r.net_minor) for r in whole.conversions] == [("EUR", 25), ("JPY", -4000)]
    assert (early.totals, late.totals) == ({"EUR": (2, 37)}, {"EUR": (2, -4)})
    document = income_json(whole)
    assert document["totals"] == [{"currency": "EUR", "net": "0.33", "net_minor": "33"}]


def test_periods_as_people_write_them():
    day = nanoseconds("2026-11-01")
    assert period("2026-11-01", "2026-11-01") == (day, day + DAY)
    assert period("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z") == (day, day + DAY)
    assert period(None, "1970-01-01") == (0, DAY)
    assert period("2026-11-01", None) == (day, TIMESTAMP_MAX)
    assert nanoseconds("2026-11-01T00:00:00.000001Z") == day + 1000


WRONG = ["2026-02-30", "2026-2-3", "yesterday", "", "2026-11-01T00:00:00", "2026-11-01T00:00:00+01:00", "1969-12-31",
         "2026-11-01 00:00:00Z", "9999-12-31", "٢٠٢٦-11-01", "2026-11-01T25:00:00Z"]  # fmt: skip


@pytest.mark.parametrize("given", WRONG)
def test_periods_that_are_none(given):
    with pytest.raises(ValueError):
        period(given, None)


def test_an_end_before_the_start():
    for bounds in (("2026-11-02", "2026-11-01"), ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z")):
        with pytest.raises(ValueError):
            period(*bounds)
