"""Convert, top up, withdraw over plain HTTP: bad input is told first, a server that is away is said."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.wallet.web_browser import person
from wallet.review import Fact, Label, Review, Source, Title
from wallet.web.cash import _ends

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alice(tmp_path_factory):
    async with person(tmp_path_factory.mktemp("cash")) as made:
        yield made


async def test_without_a_server_the_page_says_so(alice):
    page = await alice.get("/move")
    assert page.status == 200 and "problem-heading" in page.text and "Get a quote" not in page.text


async def test_bad_input_is_named(alice):
    for amount in ("", "x", "1.234", "1,5", "<b>", "1e3"):
        for path, more in (
            ("convert", {"from": "EUR", "to": "USD"}),
            ("topup", {"currency": "EUR", "id": "0x" + "1" * 64}),
        ):
            refused = await alice.act(f"/move/{path}", amount=amount, **more)
            assert refused.status == 422 and "<b>" not in refused.text, (path, amount)
    for kind, number in (("iban", "DE00"), ("bank", "1"), ("card", "<b>"), ("", "")):
        refused = await alice.act("/move/withdraw", amount="1", currency="EUR", kind=kind, destination=number, memo="")
        assert refused.status == 422 and "<b>" not in refused.text
    for identity in ("", "0x12", "../x"):
        assert (await alice.act("/move/topup", amount="1", currency="EUR", id=identity)).status == 422
        assert (await alice.get(f"/move/topup?id={identity}")).status == 422
    for what in ("purchase", "sale"):
        assert (await alice.get(f"/move/{what}?number=x")).status == 422
    for amount in ("0", "x", "1.1234567"):
        assert (await alice.act("/move/convert", amount=amount, **{"from": "DUSD", "to": "EUR"})).status == 422


async def test_a_quote_ends_when_the_first_of_its_times_is_over():
    def review(*times):
        facts = tuple(Fact(Label.VALID_UNTIL, time, Source.CLAIMED) for time in times)
        return Review(Title.CONVERT, bytes(32), facts, "host")

    assert _ends(review("2026-11-27 18:46:10 UTC", "2026-11-27 18:46:00 UTC")) == 1795805160
    assert _ends(review()) == 0 and _ends(review("never")) == 0
