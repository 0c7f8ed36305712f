"""Quotes: one document has one id, and what it promises is what its own rate gives."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction

import pytest

from fiat.conversion import convert
from fiat.currency import currency
from fiat.errors import OrderMalformed
from fiat.fee import FeeSchedule, PaidBy
from fiat.quote import Quote, quote, quote_from_json

LEDGER = bytes(range(32))
WHOSE = {"holder": b"\1" * 32, "salt": b"\2" * 32, "expires_at": 1_800_000_060}
OTHER = {
    "holder": b"\3" * 32,
    "salt": b"\4" * 32,
    "currency": "GBP",
    "receive_asset": "JPY",
    "market": Fraction(109, 100),
}


def offered(amount_minor=10_000, **schedule):
    worked_out = convert(
        currency("EUR"),
        currency("USD"),
        amount_minor,
        Fraction(108, 100),
        spread_ppm=5000,
        schedule=FeeSchedule(**schedule),
    )
    return quote(worked_out, **WHOSE)


def test_a_quote_adds_up():
    found = offered(fixed_minor=25)
    assert (found.amount_minor, found.fee_minor, found.total_minor) == (10_000, 25, 10_025)
    assert (found.receive_minor, found.rate, found.adds_up) == (10_746, Fraction(108, 100) * Fraction(995, 1000), True)
    assert not replace(found, receive_minor=10_747).adds_up
    assert not replace(found, spread_ppm=5100).adds_up


def test_a_fee_out_of_the_amount_leaves_less_to_exchange():
    found = offered(fixed_minor=25, paid_by=PaidBy.PAYEE)
    assert (found.amount_minor, found.fee_minor, found.total_minor, found.adds_up) == (9_975, 25, 10_000, True)


def test_every_field_is_under_the_id():
    found = offered()
    for field in fields(Quote):
        value = getattr(found, field.name)
        changed = replace(found, **{field.name: OTHER.get(field.name) or value + 1})
        assert changed.digest(LEDGER) != found.digest(LEDGER), field.name
    assert found.digest(LEDGER) != found.digest(bytes(32))


def test_a_quote_has_one_spelling():
    found = offered(fixed_minor=25)
    document = found.to_json()
    assert quote_from_json(document) == found
    for name in document:
        for wrong in (None, 5, "", "-1", "0x", "01", document[name] + "x", "9" * 78):
            with pytest.raises(OrderMalformed):
                quote_from_json({**document, name: wrong})
        with pytest.raises(OrderMalformed):
            quote_from_json({n: v for n, v in document.items() if n != name})
    for changes in ({"more": "1"}, {"rateDenominator": "0"}, {"rateNumerator": "54", "rateDenominator": "50"}):
        with pytest.raises(OrderMalformed):
            quote_from_json({**document, **changes})
