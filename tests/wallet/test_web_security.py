"""Security over plain HTTP: names, watched addresses, networks, the lock; without a server it stands, and says so."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.wallet.policies import BOB
from tests.wallet.web_browser import PASSWORD, person
from wallet.accounts import read_account
from wallet.networks import networks

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alice(tmp_path_factory):
    async with person(tmp_path_factory.mktemp("security")) as made:
        yield made


def accounts(alice):
    return [read_account(entry) for entry in alice.store.read("vault")["accounts"]]


async def test_the_page_stands_without_a_server_and_its_part_says_so(alice):
    page = await alice.get("/security")
    assert (
        page.status == 200 and "after 15 minutes without use" in page.text and accounts(alice)[0].address in page.text
    )
    part = await alice.get("/security/controls")
    assert part.status == 200 and "problem-heading" in part.text and "<html" not in part.text
    assert "HX-Retarget" not in part.headers
    receipts = await alice.act("/security/receipts")
    assert receipts.status == 409 and "<html" not in receipts.text
    for path, form in (("/security/brake", {"on": "yes"}), ("/security/limit", {"kind": "all", "period": "day"})):
        assert (await alice.act(path, **form)).status in (409, 422, 502)


async def test_accounts_are_derived_named_and_refused(alice):
    done = await alice.act("/security/accounts", name="Savings", path="")
    assert done.status == 204 and done.headers["HX-Redirect"] == "/security"
    assert [account.name for account in accounts(alice)] == ["", "Savings"]
    done = await alice.act("/security/accounts", name="Ledger", path="m/44'/60'/3'/0/0")
    assert accounts(alice)[2].path == "m/44'/60'/3'/0/0"
    first = accounts(alice)[0].address
    assert (await alice.act("/security/rename", account=first, name="Daily")).status == 204
    assert (await alice.act("/security/rename", account=first, name="savings")).status in (409, 422), "taken"
    assert (await alice.act("/security/rename", account=BOB, name="x")).status == 409
    for path in ("m/x", "<b>", "m/44'/60'/3'/0/0"):
        assert (await alice.act("/security/accounts", name="", path=path)).status in (409, 422)
    assert [account.name for account in accounts(alice)] == ["Daily", "Savings", "Ledger"]
    page = await alice.get("/security")
    assert "Savings" in page.text and "m/44&#39;/60&#39;/3&#39;/0/0" in page.text


async def test_what_is_watched_has_no_key_and_can_be_forgotten(alice):
    assert (await alice.act("/security/watch", address=BOB, name="Bob")).status == 204
    assert "only watched, no key" in (await alice.get("/security")).text
    own = accounts(alice)[0].address
    for address, name in ((own, ""), ("0x12", ""), ("<script>", ""), (BOB[:-1] + "0", "")):
        refused = await alice.act("/security/watch", address=address, name=name)
        assert refused.status in (409, 422) and "<script>" not in refused.text
    assert (await alice.act("/security/unwatch", address=BOB)).status == 204
    assert (await alice.act("/security/unwatch", address=BOB)).status == 409
    assert alice.store.read("watched") == {}


async def test_networks_say_whose_node_it_is(alice):
    page = await alice.get("/security")
    assert "relay: it sees what you ask" in page.text
    url = "https://node.example/rpc"
    assert (await alice.act("/security/networks", id="10", name="Other", url=url)).status == 204
    page = await alice.get("/security")
    assert url in page.text and "a node that you chose" in page.text
    for form in (
        {"id": "x", "name": "A", "url": url},
        {"id": "11", "name": "<b>", "url": url},
        {"id": "12", "name": "A", "url": "ftp://x"},
    ):
        refused = await alice.act("/security/networks", **form)
        assert refused.status == 422 and "<b>" not in refused.text
    assert (await alice.act("/security/second", id="10", url="http://127.0.0.1:1")).status == 204
    assert "cross-checked by http://127.0.0.1:1" in (await alice.get("/security")).text
    assert (await alice.act("/security/network", id="10")).status == 204
    assert next(one for one in networks(alice.running.host.config, alice.store) if one.is_current).chain_id == 10
    assert (await alice.act("/security/network", id="99")).status == 422
    await alice.act("/security/network", id="31337")


async def test_the_lock_ends_the_page(alice):
    assert (await alice.act("/lock")).status == 204
    assert (await alice.get("/security")).status == 403
    await alice.signer.unlock(PASSWORD)
    await alice.enter()
    assert (await alice.get("/security")).status == 200
