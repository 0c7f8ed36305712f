"""A server with several URLs of its chain: one that is away is passed over, and health says how each of them does."""

from __future__ import annotations

from chain.node import Node
from tests.api.conftest import Running
from tests.api.people import CHAIN_ID, Caller, until

NOWHERE = "http://127.0.0.1:9"


async def test_the_second_url_serves_while_the_first_is_away(tmp_path, chain_url):
    server = Running(tmp_path / "state", f"{NOWHERE},{chain_url}").start()
    caller = Caller(server.url)
    ready = await until(lambda: caller.get("/v1/health"), lambda a: a.json["indexer"]["lag_blocks"] == 0)
    first, second = ready.json["chain"]["nodes"]
    assert (first, second) == (
        {"url": NOWHERE, "ok": False, "reason": "unreachable"},
        {"url": chain_url, "ok": True, "reason": None},
    )
    seen = ready.json["indexer"]
    assert (ready.json["ready"], seen["refused_logs"], seen["height"]) == (True, 0, seen["head"])
    async with Node(f"{server.url}/v1/rpc/{CHAIN_ID}", CHAIN_ID) as relayed, Node(chain_url, CHAIN_ID) as direct:
        assert await relayed.identity() == await direct.identity()
    assert server.stop() == 0
