"""Allowances in the pages: rows by what is at risk, and forms that say clearly what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain.address import Address
from tests.wallet.policies import BOB, DUSD, ME, STRANGER
from tests.wallet.web_browser import person
from wallet.allowances import Allowance, Given
from wallet.review_effects import PERMIT2
from wallet.web.allowances_view import rows

OTHER = Address("0x" + "77" * 20)


def test_the_most_at_risk_comes_first_and_each_says_its_kind():
    found = [
        Allowance(ME, Given(DUSD.address, BOB), 5_000_000, DUSD, at_risk_units=5_000_000),
        Allowance(ME, Given(DUSD.address, STRANGER, via=PERMIT2), 2**160 - 1, DUSD, 1_800_000_000, 90_000_000),
        Allowance(ME, Given(OTHER, BOB, True), None, None),
        Allowance(ME, Given(OTHER, STRANGER), 7, None, at_risk_units=7),
    ]
    told = rows(found, prices={"DUSD": "0.5"}, exponent=2, names={str(BOB): "Bob"})
    assert [row["value"] for row in told] == ["45.00", "2.50", "", ""]
    assert [row["kind"] for row in told] == ["permit2", "allowance", "collection", "allowance"]
    assert [row["is_boundless"] for row in told] == [True, False, True, False]
    assert told[0]["much"] == "without a limit" and told[0]["ends"] and told[1]["much"] == "5 DUSD"
    assert told[1]["spender_name"] == "Bob" and told[3]["much"] == "7 of the smallest unit"


@pytest.mark.asyncio
async def test_bad_forms_and_a_node_that_is_away_are_told(tmp_path: Path):
    async with person(tmp_path) as alice:
        page = await alice.get("/allowances")
        assert page.status == 200 and "Asking your node" in page.text
        fields = {"token": DUSD.address, "spender": BOB, "owner": ME, "kind": "allowance"}
        for name, wrong in (("kind", "other"), ("token", "0x12"), ("spender", "<b>"), ("owner", "")):
            refused = await alice.act("/allowances/review", **{**fields, name: wrong})
            assert refused.status == 422 and "<b>" not in refused.text.replace("&lt;b&gt;", "")
        away = await alice.act("/allowances/review", **fields)
        assert away.status == 502 and "problem-heading" in away.text
        for draft in ("", "x" * 22):
            assert (await alice.act("/confirm", draft=draft, digest="0x")).status == 422
        assert (await alice.get("/allowances/block?number=x")).status == 422
