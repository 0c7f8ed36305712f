"""Portfolio and activity on a chain full of hostile tokens: one round trip, capped calls, right amounts."""

from __future__ import annotations

import asyncio
import json

import pytest
import pytest_asyncio

from chain.address import Address
from chain.devnet import deploy, fund, mint, transact
from chain.devnet_contracts import CHAIN_ID, OWNER, demo_token
from chain.erc20 import transfer
from chain.node import Node
from chain.token import TokenAmount
from chain.token_list import TokenList
from tests.api.conftest import Running
from tests.api.people import until
from tests.chain.counting import counting
from tests.chain.hostile_tokens import hostile_tokens, mint_all, tell

UNREADABLE = {"reverts-megabyte", "endless-balance", "long-name"}


def account(person):
    return Address.from_bytes(person.account.address)


def listing(tokens, count):
    """A token list with every hostile token on it, as if somebody had been careless, filled up to `count`."""
    entries = [
        {"chainId": CHAIN_ID, "address": address, "name": f"Token {n}", "symbol": f"T{n}", "decimals": 0}
        for n, address in enumerate(tokens)
    ]
    more = [
        {"chainId": CHAIN_ID, "address": "0x" + f"{n:040x}", "name": f"None {n}", "symbol": f"N{n}", "decimals": 0}
        for n in range(1000, 1000 + count - len(entries))
    ]
    return json.dumps({"name": "all of them", "tokens": entries + more})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(chain_url):
    async with Node(chain_url, CHAIN_ID) as node:
        await deploy(node)
        tokens = await hostile_tokens(node)
        yield node, {name: token for name, token in tokens.items() if name not in ("plain", "generous")}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_portfolio_of_fifty_tokens_is_one_round_trip_whatever_they_are(market, tmp_path):
    """Everybody's balance is read within its own bounds, so who never ends costs the others nothing."""
    node, tokens = market
    (tmp_path / "list.json").write_text(listing(tokens.values(), 50))
    async with counting(node.url) as proxy:
        server = Running(tmp_path / "state", proxy.url, TANDEM_TOKENS=str(tmp_path / "list.json"))
        await asyncio.to_thread(server.start, "--no-workers")
        try:
            alice = await (await server.person().register()).sign_in()
            await fund(node, account(alice), 10**18, 0)
            await mint_all(node, tokens, account(alice), 7)
            await asyncio.sleep(0.3)  # what was asked at sign-in is no longer the newest
            proxy.trips.clear()
            view = (await alice.get("/v1/portfolio")).json
            registry = (await alice.get("/v1/tokens")).json
            assert proxy.trips == [["eth_getBlockByNumber", "eth_call"]]
        finally:
            assert await asyncio.to_thread(server.stop) == 0, server.log
    held = {p["asset"]: p["amount"] for p in view["positions"] if p["rail"] == "chain"}
    expected = {f"T{n}": "7" for n, name in enumerate(tokens) if name not in UNREADABLE}
    assert held == {"ETH": "1"} | expected
    assert view["chains"][0]["state"] == "current"
    assert [token["symbol"] for token in registry["tokens"]][:3] == ["DUSD", "DEUR", "DWETH"], "the root comes first"
    assert len(TokenList.parse(json.dumps(registry)).tokens) == 53, "a list of the standard, as any reader takes it"


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_on_no_list_is_in_no_total_and_bears_no_listed_name(market, running):
    """Whatever strangers' contracts log or claim, what one has is what the listed contracts say."""
    node, tokens = market
    alice = await (await running.person().register()).sign_in()
    await fund(node, account(alice), 10**18, 5 * 10**6)
    await mint_all(node, tokens, account(alice), 10**12)
    await tell(
        node, tokens["logs-without-balance"], "claim(address,address,uint256)", account(alice), account(alice), 9
    )
    dusd = demo_token("DUSD")
    await mint(node, "DUSD", OWNER, 3 * 10**6)
    await transact(node, [transfer(TokenAmount(3 * 10**6, dusd), account(alice), None)])
    view = await until(
        lambda: alice.get("/v1/portfolio"),
        lambda a: (
            {p["asset"]: p["amount"] for p in a.json["positions"] if p["rail"] == "chain" and p["counted"]}
            == {"ETH": "1", "DUSD": "8"}
        ),
    )
    counted = [p for p in view.json["positions"] if p["counted"]]
    assert sum(int(p["value_minor"]) for p in counted) == int(view.json["total_minor"])
    for stranger in (p for p in view.json["positions"] if not p["counted"]):
        assert stranger["asset"] == stranger["contract"] and stranger["decimals"] == 0
        assert stranger["claimed"]["symbol"] not in ("DUSD", "ETH") and stranger["value"] is None
    page = await until(lambda: alice.get("/v1/activity?limit=200"), lambda a: len(_of_listed(a.json["items"])) >= 3)
    items = page.json["items"]
    assert sorted((i["asset"], i["amount"]) for i in _of_listed(items)) == [("DUSD", "3"), ("DUSD", "5"), ("ETH", "1")]
    for stranger in (item for item in items if item not in _of_listed(items)):
        assert "unlisted" in stranger["marks"] and stranger["asset"] in tokens.values() and stranger["value"] is None


def _of_listed(items):
    return [item for item in items if item["asset"] in ("ETH", "DUSD")]
