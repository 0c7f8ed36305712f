"""Prices through the running server: feeds, doubts, second source, history, and what activity was worth."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from api.database import open_database
from api.migrations import upgrade
from api.price_history import PriceHistory
from chain.address import Address
from chain.devnet import Devnet, deploy, fund, set_price
from chain.devnet_contracts import CHAIN_ID
from chain.node import Node
from chain.price_feed import Round
from tests.api.conftest import Running
from tests.api.people import until
from tests.api.test_reference_rates import HEAD, TAIL


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(tmp_path_factory):
    """A chain and a server of their own, whose prices this file moves."""
    async with Devnet.start("anvil") as net, Node(net.url, CHAIN_ID) as node:
        await deploy(node)
        server = Running(tmp_path_factory.mktemp("prices") / "state", net.url)
        await asyncio.to_thread(server.start)
        alice = await (await server.person().register()).sign_in()
        yield node, server, alice
        assert await asyncio.to_thread(server.stop) == 0, server.log


async def priced(alice, asset, state, doubt=None):
    """Waits until the server says so of an asset in EUR."""

    def reached(answer):
        (found,) = (price for price in answer.json["prices"] if price["asset"] == asset)
        return (found["state"], found["doubt"]) == (state, doubt)

    answer = await until(lambda: alice.get("/v1/prices?in=EUR"), reached)
    return next(price for price in answer.json["prices"] if price["asset"] == asset)


@pytest.mark.asyncio(loop_scope="module")
async def test_tokens_and_currencies_are_priced_by_the_same_interface(market):
    _, _, alice = market
    view = (await alice.get("/v1/prices?in=EUR")).json
    told = {price["asset"]: (price["price"], price["state"], price["source"]) for price in view["prices"]}
    assert told["ETH"] == ("2777.7777777777", "current", "ETH/USD EUR/USD")
    assert told["EUR"] == ("1", "current", "")
    assert {asset: told[asset][1] for asset in ("GBP", "CNY", "JPY", "USD")} == dict.fromkeys(
        ("GBP", "CNY", "JPY", "USD"), "current"
    )
    assert (await alice.get("/v1/prices/DOGE/history")).slug == "not_found"
    assert (await alice.get("/v1/prices?in=XTS")).slug == "currency_unknown"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_jump_closes_a_price_and_a_second_round_opens_it(market):
    node, _, alice = market
    await set_price(node, "GBP/USD", "2.6")
    closed = await priced(alice, "GBP", "missing", "jump")
    assert closed["price"] is None
    body = {"from": "EUR", "to": "GBP", "amount_minor": "1000"}
    refused = await alice.post("/v1/quotes", body)
    assert (refused.slug, refused.json["reason"]) == ("quote_unavailable", "jump")
    await set_price(node, "GBP/USD", "2.6")
    assert (await priced(alice, "GBP", "current"))["price"] is not None
    assert (await alice.post("/v1/quotes", body)).status == 201


@pytest.mark.asyncio(loop_scope="module")
async def test_bounds_close_a_price_and_a_good_round_opens_it(market):
    node, _, alice = market
    await set_price(node, "CNY/USD", "7.1")
    await priced(alice, "CNY", "missing", "out-of-bounds")
    await set_price(node, "CNY/USD", "0")
    await priced(alice, "CNY", "missing", "not-positive")
    await set_price(node, "CNY/USD", "0.141")
    await priced(alice, "CNY", "current")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_second_source_that_disagrees_stops_the_quotes(market, tmp_path):
    """By a file; importing it again changes nothing, and a later day that agrees opens the quotes."""
    node, server, alice = market
    today = (await alice.get("/v1/prices")).json["as_of"][:10]
    body = {"from": "EUR", "to": "JPY", "amount_minor": "1000"}
    assert (await alice.post("/v1/quotes", body)).status == 201
    file = tmp_path / "eurofxref-daily.xml"
    file.write_text(
        f"{HEAD}<Cube time='{today}'><Cube currency='USD' rate='1.08'/><Cube currency='JPY' rate='90'/></Cube>{TAIL}"
    )
    for new in ("2", "0"):
        done = await asyncio.to_thread(server.run, "rates", "import", str(file))
        assert (done.returncode, done.stdout.split()[0]) == (0, new), done.stderr
    await priced(alice, "JPY", "missing", "disagrees")
    assert (await alice.post("/v1/quotes", body)).slug == "quote_unavailable"
    await priced(alice, "ETH", "current")
    told = (await alice.get("/v1/prices")).json["reference"]
    assert told == {"source": "ECB", "day": today, "is_recent": True}
    shown = await asyncio.to_thread(server.run, "rates", "show", "--json")
    assert '"JPY": "90"' in shown.stdout
    file.write_text("<html/>")
    done = await asyncio.to_thread(server.run, "rates", "import", str(file))
    assert done.returncode == 1 and "eurofxref" in done.stderr
    for doubt in ("jump", None):
        await set_price(node, "JPY/USD", "0.012")  # the feed comes to agree
        await priced(alice, "JPY", "missing" if doubt else "current", doubt)


@pytest.mark.asyncio(loop_scope="module")
async def test_history_and_what_a_transfer_was_worth_at_its_block(market):
    node, _, alice = market
    address = Address.from_bytes(alice.account.address)
    await fund(node, address, 10**18, 0)
    (before,) = (await until(lambda: alice.get("/v1/activity"), lambda a: len(a.json["items"]) == 1)).json["items"]
    assert (before["value"]["amount"], before["value"]["source"]) == ("2777.77", "ETH/USD EUR/USD")
    await node.call("evm_increaseTime", [5])  # rounds of the same second are one
    await set_price(node, "ETH/USD", "3240")
    await priced(alice, "ETH", "current")
    points = (
        await until(
            lambda: alice.get("/v1/prices/ETH/history?in=EUR&hours=1"),
            lambda a: [point["price"] for point in a.json["points"]] == ["2777.7777777777", "3000"],
        )
    ).json
    assert (points["asset"], points["in"], points["source"]) == ("ETH", "EUR", "ETH/USD EUR/USD")
    (after,) = (await alice.get("/v1/activity")).json["items"]
    assert after["value"] == before["value"], "what it was worth then, not now"
    (dollars,) = (await alice.get("/v1/activity?in=USD")).json["items"]
    assert dollars["value"]["amount"] == "3000.00"
    (unknown,) = (await alice.get("/v1/activity?in=CHF")).json["items"]
    assert unknown["value"] is None


def taken(number, at, answer=3000 * 10**8):
    return Round(number, answer, at, at, number, 8)


@pytest.fixture(params=["sqlite", "postgresql"])
async def kept(request, tmp_path):
    url = f"sqlite:///{tmp_path / 'db.sqlite3'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        server.psql("DROP DATABASE IF EXISTS prices")
        server.psql("CREATE DATABASE prices")
        url = server.get_uri("prices")
    engine = open_database(url, None)
    await upgrade(engine)
    yield PriceHistory(engine, CHAIN_ID), PriceHistory(engine, 1)
    await engine.dispose()


async def test_rounds_are_kept_once_by_chain_and_read_back(kept):
    here, elsewhere = kept
    rounds = [("ETH/USD", taken(1 << 64 | 5, 1000)), ("ETH/USD", taken(1 << 64 | 6, 2000)), ("EUR/USD", taken(9, 1500))]
    for _ in range(2):
        await here.keep(rounds)
    await elsewhere.keep([("ETH/USD", taken(1, 2500))])
    assert await here.newest() == {"ETH/USD": rounds[1][1], "EUR/USD": rounds[2][1]}
    line = await here.line({"ETH/USD", "EUR/USD"}, 900, 1999)
    assert [(each.pair, each.round.updated_at) for each in line] == [("ETH/USD", 1000), ("EUR/USD", 1500)]
    found = await here.at({"ETH/USD"}, [999, 1000, 1999, 2000 + 24 * 3600 + 1])
    assert [each.round.id for each in found] == [1 << 64 | 5]
    assert await here.reference() is None
