"""Statements over HTTP: one's own account only, the same figures in every format, strict parameters."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree

from fiat.sheet import from_json
from tests.api.people import PAID_IBAN

SCHEMA = Path(__file__).parents[1] / "vectors" / "iso20022" / "camt.053.001.08.xsd"


@pytest.fixture
async def people(person):
    """Alice topped up 50.00, paid Bob 3.00 with a memo and withdrew 2.00."""
    alice, bob = await person(funded=5000), await person()
    for body in (alice.transfer(bob.holder, 300, f"@{bob.handle}\n=lunch"), alice.withdrawal(PAID_IBAN, 200)):
        assert (await alice.order(body)).status == 201
    return alice, bob


async def test_the_same_figures_in_every_format(people):
    alice, bob = people
    answer = await alice.get("/v1/statements?currency=EUR")
    found = from_json(answer.json)
    assert (answer.status, found.opening_minor, found.closing_minor) == (200, 0, 4500)
    assert (found.in_minor, found.out_minor, found.fees_minor) == (5000, 500, 0)
    assert [(r.kind, r.amount_minor, r.counterparty, r.memo) for r in found.rows] == [
        ("topup", 5000, "", ""), ("transfer", -300, f"@{bob.handle}", "=lunch"), ("withdrawal", -200, PAID_IBAN, "")
    ]  # fmt: skip
    assert found.owner == f"@{alice.handle}"

    table = await alice.get("/v1/statements?format=csv")
    rows = list(csv.DictReader(io.StringIO(table.body.decode(), newline="")))
    assert [row["amount"] for row in rows] == ["", "50.00", "-3.00", "-2.00", ""]
    assert (rows[2]["memo"], rows[-1]["balance"]) == ("'=lunch", "45.00")
    assert table.headers["Content-Disposition"].startswith('attachment; filename="statement-EUR-')

    document = etree.fromstring((await alice.get("/v1/statements?format=camt053&by=effective")).body)
    etree.XMLSchema(etree.parse(SCHEMA)).assertValid(document)

    paper = await alice.get("/v1/statements?format=pdf&language=zh")
    assert (paper.headers["Content-Type"], paper.body[:5]) == ("application/pdf", b"%PDF-")

    theirs = from_json((await bob.get("/v1/statements")).json)
    assert [(r.amount_minor, r.counterparty, r.memo) for r in theirs.rows] == [(300, f"@{alice.handle}", "=lunch")]


async def test_periods_are_whole_days_or_instants(people):
    alice, _bob = people
    whole = from_json((await alice.get("/v1/statements")).json)
    today = datetime.now(UTC).date()
    for start, end, opening, closing in (
        (today - timedelta(1), today + timedelta(1), 0, 4500),
        (today + timedelta(1), today + timedelta(2), 4500, 4500),
        (today - timedelta(9), today - timedelta(2), 0, 0),
    ):
        for by in ("recorded", "effective"):
            found = from_json((await alice.get(f"/v1/statements?from={start}&to={end}&by={by}")).json)
            assert (found.opening_minor, found.closing_minor) == (opening, closing)
    middle = whole.rows[1].recorded_at
    after = from_json((await alice.get(f"/v1/statements?from={middle}")).json)
    before = from_json((await alice.get(f"/v1/statements?to={middle}")).json)
    assert (before.closing_minor, after.opening_minor) == (5000, 5000)
    assert [row.sequence for row in (*before.rows, *after.rows)] == [row.sequence for row in whole.rows]


async def test_a_currency_without_an_account_is_an_empty_statement(people):
    alice, _bob = people
    found = from_json((await alice.get("/v1/statements?currency=JPY")).json)
    assert (found.rows, found.closing_minor, found.exponent) == ((), 0, 0)


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("currency=XXX", "currency_unknown"),
        ("currency=eur", "invalid_input"),
        ("from=2026-02-30", "invalid_input"),
        ("from=yesterday", "invalid_input"),
        ("from=2026-11-02&to=2026-11-01", "invalid_input"),
        ("to=1969-12-31", "invalid_input"),
        ("to=9999-12-31", "invalid_input"),
        ("by=value", "invalid_input"),
        ("format=xlsx", "invalid_input"),
        ("language=fr", "invalid_input"),
        ("holder=0x00", "invalid_input"),
        ("from=2026-11-01T00:00:00%2B01:00", "invalid_input"),
    ],
)
async def test_what_is_not_a_parameter_is_refused(person, query, slug):
    someone = await person()
    answer = await someone.get(f"/v1/statements?{query}")
    assert (answer.status, answer.slug) == (422, slug)


async def test_a_session_is_needed(caller):
    assert (await caller.get("/v1/statements")).slug == "session_required"
