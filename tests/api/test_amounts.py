"""A-7: the numeric corpus on every amount field. One spelling counts; everything else is refused, and nothing moves."""

from __future__ import annotations

import json
import re

import pytest

from api.agreements import MandateItem
from api.currencies import CURRENCIES
from api.routes.controls import _limit
from api.standing import reserves_answers
from fiat.holder import Holder
from fiat.limit import LimitKey, LimitKind, Period, Policy, count
from fiat.reserves import Totals
from tests.api.people import PAID_IBAN

TEXTS = [
    "", " ", "-0", "-1", "+1", "00", "01", "0x10", "1.0", "1.", ".5", "1e3", "1E3", "1e400", "NaN", "nan", "Infinity",
    "-Infinity", " 1", "1 ", "1\n", "\t1", "1,000", "1_000", "1 000", "١٢", "１２", "९", "\u22121", "½", "²", "1\u00a0",
    "\u200b1", "true", "null", "0b1", "1" * 19, "9" * 10_000, "9223372036854775808", "18446744073709551615",
    "18446744073709551616", str(2**256), "1;DROP", "1'", "𝟏",
]  # fmt: skip
NUMBERS = [
    "0",
    "-0",
    "-1",
    "1",
    "1.0",
    "1e3",
    "1e400",
    "NaN",
    "Infinity",
    "9007199254740993",
    str(2**63),
    "true",
    "null",
    "[]",
    "{}",
]
NEVER = [json.dumps(text) for text in TEXTS] + NUMBERS


def test_the_corpus_is_large_enough():
    assert len(set(NEVER)) >= 40


def spliced(body, field, spelling):
    """The body as JSON text with one field's value spelled as given."""
    marked = json.loads(json.dumps(body))
    place = marked
    for name in field[:-1]:
        place = place[name]
    place[field[-1]] = "@@"
    return json.dumps(marked).replace('"@@"', spelling).encode("utf-8")


async def refuse_all(person, method, path, body, field):
    for spelling in NEVER:
        answer = await person.ask(method, path, raw=spliced(body, field, spelling))
        assert answer.status in (400, 422), (field, spelling[:40], answer.status, answer.body)
        assert answer.slug in ("malformed_json", "invalid_input", "amount_too_large", "order_malformed"), answer.body


async def test_a7_topups(person):
    alice = await person()
    path, body = "/v1/topups/0x" + "a7" * 32, {"gateway": "sandbox", "currency": "EUR", "amount_minor": "1"}
    await refuse_all(alice, "PUT", path, body, ["amount_minor"])
    for amount, slug in (("0", "amount_not_positive"), (str(10**12 + 1), "amount_too_large")):
        assert (await alice.put(path, body | {"amount_minor": amount})).slug == slug
    assert (await alice.get(path)).status == 404, "nothing was made"
    assert (await alice.put(path, body | {"amount_minor": str(10**12)})).status == 201


@pytest.mark.parametrize("field", ["amountMinor", "totalMaxMinor", "exponent", "keyEpoch", "validBefore", "validAfter"])
async def test_a7_orders(person, field):
    alice, bob = await person(funded=1000), await person()
    for body in (alice.transfer(bob.holder, 1), alice.withdrawal(PAID_IBAN, 1)):
        path = f"/v1/orders/{body['order']['nonce']}"
        answers = [await alice.ask("PUT", path, raw=spliced(body, ["order", field], spelling)) for spelling in NEVER]
        assert all(answer.status in (400, 422) for answer in answers)
        assert (await alice.get(path)).status == 404, "nothing was carried out"
        assert (await alice.order(body)).status == 201, "and the signed one passes"


LIMITS = ["0", "201", "-1", "1.0", "1e1", " 5", "٥", "05", "5_0", ""]
CURSORS = ["x", "l-1c-", "l1c1.2.3", "l1c-l", "l99999999999999999999c-"]


@pytest.mark.parametrize("query", [f"limit={v}" for v in LIMITS] + [f"cursor={v}" for v in CURSORS])
async def test_a7_pages(person, query):
    alice = await person()
    assert (await alice.get(f"/v1/activity?{query}")).slug == "invalid_input"


@pytest.mark.parametrize("since", ["-1", "1.0", "x", "", str(2**64), "%20 1"])
async def test_a7_counts(person, since):
    assert (await (await person()).get(f"/v1/heads?since={since}")).slug == "invalid_input"


def test_sums_that_pass_18_digits_are_answered_and_no_failure():
    """An amount has 18 digits at most; what people have together, or one of them has spent, may have one more."""
    most, nobody = 2**63 - 1, Policy()
    (reserves,) = reserves_answers({CURRENCIES["EUR"].ledger: Totals(most, most)}, CURRENCIES)
    assert (reserves.credits_minor, reserves.reserves_minor) == (str(most), str(most))
    key = LimitKey(LimitKind.TRANSFER, "EUR", Period.MONTH)
    holder = Holder(bytes(32), bytes(20), 0, bytes(32), 1, False, 0, bytes(32), spent=count(b"", 1, "EUR", most, 0))
    assert _limit(holder, nobody, key, 0).used_minor == str(most)
    pattern = MandateItem.model_json_schema()["properties"]["collected_minor"]["pattern"]
    assert re.fullmatch(pattern, str(most))
