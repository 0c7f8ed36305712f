"""Rules as values: what a rule may say, and that a document reads back as what was written."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.wallet.policies import BOB, COIN, DOLLAR, DUSD, PAGE, allow, dollars, policy, refuse
from wallet.approvals import Kind
from wallet.errors import InputMalformed
from wallet.policy import Limit, Verdict, Worth, read_policy

WORTH = Worth("EUR", 2, 10_000, 8 * 10**8, 11 * 10**8)
FULL = allow(
    dollars(worth=WORTH),
    Limit(COIN, None, 10**18),
    account=BOB,
    recipients=(BOB,),
    contracts=(DUSD.address,),
    selectors=("0xa9059cbb",),
    hours=(22 * 60, 6 * 60),
    since=1,
    until=2_000_000_000,
    simulated=False,
    note="for the shop",
)


def test_a_policy_reads_back_as_it_was_written():
    made = policy(FULL, refuse(limits=(Limit(DUSD, DOLLAR),), chain_id=31337), refuse(Verdict.ASK, kinds=(Kind.SIWE,)))
    assert read_policy(json.loads(json.dumps(made.to_json()))) == made
    assert [rule.id for rule in made.rules] == ["r1", "r2", "r3"]


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"client": "*"}, "client"),
        ({"client": ""}, "client"),
        ({"kinds": ()}, "kind"),
        ({"limits": (Limit(DUSD, DOLLAR),)}, "amount"),
        ({"limits": (dollars(), dollars())}, "token"),
        ({"chain_id": None}, "chain"),
        ({"chain_id": 1}, "chain"),
        ({"chain_id": 0}, "chain"),
        ({"selectors": ("0xA9059CBB",)}, "selector"),
        ({"selectors": ("transfer",)}, "selector"),
        ({"hours": (60, 60)}, "hours"),
        ({"hours": (0, 1440)}, "hours"),
        ({"until": -1}, "date"),
        ({"fees_a_day": -1}, "fees"),
        ({"note": "two\nlines"}, "note"),
        ({"recipients": (BOB,) * 51}, "rule"),
    ],
)
def test_a_rule_that_says_too_little_or_too_much_is_none(members, field):
    with pytest.raises(InputMalformed) as caught:
        replace(allow(), **members)
    assert caught.value.field == field


@pytest.mark.parametrize("limit", [dollars(), dollars(1, None, worth=WORTH), dollars(None, None)])
def test_what_refuses_says_above_how_much_and_nothing_else(limit):
    with pytest.raises(InputMalformed):
        refuse(chain_id=31337, limits=(limit,))
    with pytest.raises(InputMalformed):
        refuse(fees_a_day=1)


@pytest.mark.parametrize(
    "values",
    [("eur", 2, 1, 1, 1), ("EUR", 9, 1, 1, 1), ("EUR", 2, 0, 1, 1), ("EUR", 2, 1, 2, 1), ("EUR", 2, 1, 0, 1)],
)
def test_a_worth_needs_a_currency_an_amount_and_bounds(values):
    with pytest.raises(InputMalformed):
        Worth(*values)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(serial="1"),
        lambda d: d.update(serial=0),
        lambda d: d.update(id="x"),
        lambda d: d.update(more=1),
        lambda d: d.update(numbered=0),
        lambda d: d.update(rules={}),
        lambda d: d["rules"][0].update(verdict="perhaps"),
        lambda d: d["rules"][0].update(kinds=["everything"]),
        lambda d: d["rules"][0].update(fees_a_day=5),
        lambda d: d["rules"][0].update(simulated=1),
        lambda d: d["rules"][0].pop("note"),
        lambda d: d["rules"][0]["limits"][0].update(a_day="-1"),
        lambda d: d["rules"][0]["limits"][0]["token"].update(decimals=100),
        lambda d: d["rules"].append(d["rules"][0]),
    ],
)
def test_a_document_of_another_shape_is_refused_as_a_whole(change):
    document = policy(FULL).to_json()
    change(document)
    with pytest.raises(InputMalformed):
        read_policy(document)


def test_changes_are_counted_and_numbers_of_rules_that_are_left_stay():
    made = policy(allow(), refuse())
    less = made.without("r1")
    assert (made.serial, less.serial, [rule.id for rule in less.rules]) == (3, 4, ["r2"])
    assert less.with_rule(allow(client=PAGE)).rules[-1].id == "r3"
    assert less.without("r2").with_rule(allow()).rules[-1].id == "r3", "another rule has counters of its own"
    with pytest.raises(InputMalformed):
        less.without("r1")
    assert not less.without("r2").is_on
