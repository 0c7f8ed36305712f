"""The second source for currencies: read strictly, compared while it is recent, and never quoted at."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from api.prices import Doubt, PriceBook, Reading
from api.reference_rates import DAYS_MAX, Reference, doubts, read_eurofxref
from fiat.errors import BankFileMalformed

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
 xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject>
<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
<Cube>"""
DAY = "<Cube time='2026-11-26'><Cube currency='USD' rate='1.0812'/><Cube currency='JPY' rate='163.64'/></Cube>"
OLDER = "<Cube time='2026-11-25'><Cube currency='USD' rate='1.0790'/><Cube currency='RUB' rate='N/A'/></Cube>"
TAIL = "</Cube></gesmes:Envelope>"
NOON = int(datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp())


def file(*days):
    return (HEAD + "".join(days) + TAIL).encode()


def book(eur=108_120_000, **more):
    readings = {"EUR/USD": Reading(eur, 8, NOON), "JPY/USD": Reading(660_700, 8, NOON)}
    return PriceBook(NOON, readings | {name.replace("_", "/"): reading for name, reading in more.items()})


def test_a_file_of_one_day_and_of_many():
    assert read_eurofxref(file(DAY)) == [Reference(date(2026, 11, 26), {"USD": "1.0812", "JPY": "163.64"})]
    newest, older = read_eurofxref(file(OLDER, DAY))
    assert (newest.day, older.rates) == (date(2026, 11, 26), {"USD": "1.0790"})
    assert newest.rate("USD") == Fraction("1.0812") and newest.rate("EUR") == 1 and newest.rate("CHF") is None


@pytest.mark.parametrize(
    ("body", "place", "reason"),
    [
        (b"", "line 1", "is no XML"),
        (b"<a/>", "file", "has no reference rates"),
        (file(), "file", "has no reference rates"),
        (file(DAY, DAY), "line 6", "twice"),
        (file("<Cube time='26.11.2026'/>"), "line 6", "no day"),
        (file("<Cube time='2026-11-26'/>"), "line 6", "no rates"),
        *(
            (file(DAY.replace("1.0812", wrong)), "line 6", "above zero")
            for wrong in ("0", "-1", "1e3", "1,08", "", " 1")
        ),
        (file(DAY.replace("USD", "usd")), "line 6", "above zero"),
        (file(DAY.replace("JPY", "USD")), "line 6", "twice"),
        (file(DAY.replace("JPY", "EUR")), "line 6", "twice"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "line 1", "document type"),
        (file(DAY)[:-20], "line 6", "is no XML"),
    ],
)
def test_what_is_no_such_file_is_refused_by_its_place(body, place, reason):
    with pytest.raises(BankFileMalformed) as refused:
        read_eurofxref(body)
    assert str(refused.value.place) == place and reason in str(refused.value.reason)


def test_feeds_that_agree_are_left_alone():
    (reference,) = read_eurofxref(file(DAY))
    assert doubts(book(), reference) == {}
    assert doubts(book(eur=111_300_000), reference) == {}, "a day moves less than 3 %"


def test_a_disagreement_closes_the_currency():
    (reference,) = read_eurofxref(file(DAY))
    assert doubts(book(eur=95_000_000), reference)["EUR/USD"] is Doubt.DISAGREES
    assert doubts(book(JPY_USD=Reading(720_000, 8, NOON)), reference) == {"JPY/USD": Doubt.DISAGREES}
    assert doubts(book(eur=111_500_000), reference)["EUR/USD"] is Doubt.DISAGREES


def test_without_a_recent_file_nothing_is_compared():
    (reference,) = read_eurofxref(file(DAY))
    apart = book(eur=95_000_000)
    assert doubts(apart, None) == {}
    old = PriceBook(NOON + (DAYS_MAX + 2) * 86400, apart.readings)
    assert not reference.is_recent(old.now) and doubts(old, reference) == {}
    assert not reference.is_recent(NOON - 4 * 86400), "nor with a day that has not come"


def test_a_feed_that_says_nothing_is_not_in_doubt_by_this():
    (reference,) = read_eurofxref(file(DAY))
    assert doubts(PriceBook(NOON), reference) == {}
