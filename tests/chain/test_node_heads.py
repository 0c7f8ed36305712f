"""New heads over WebSocket: a hint, on real nodes; nothing more is lost than an interval where there is none."""

from __future__ import annotations

import asyncio

import pytest

from chain import node_heads
from chain.devnet import Devnet, DevnetKind
from chain.node import Node
from chain.node_heads import HeadsListener, heads_url


@pytest.mark.parametrize("kind", list(DevnetKind))
async def test_a_new_head_wakes(kind: str) -> None:
    woken = asyncio.Event()
    async with Devnet.start(kind) as net, Node(net.url, 31337) as node:
        listener = HeadsListener(heads_url(net.url), woken.set)
        running = asyncio.create_task(listener.run())
        async with asyncio.timeout(120):
            await woken.wait()  # the subscription itself
            woken.clear()
            await node.call("evm_mine")
            await woken.wait()
        assert listener.is_connected
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_it_connects_again_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_heads, "PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(node_heads, "PAUSE_SECONDS_MAX", 0.05)
    woken = asyncio.Event()
    async with Devnet.start("anvil") as net:
        port = int(net.url.rpartition(":")[2])
    listener = HeadsListener(heads_url(net.url), woken.set)
    running = asyncio.create_task(listener.run())
    await asyncio.sleep(0.1)
    assert not listener.is_connected and not running.done()
    async with Devnet.start("anvil", port), asyncio.timeout(120):
        await woken.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_where_it_is() -> None:
    assert heads_url("http://127.0.0.1:8545") == "ws://127.0.0.1:8545"
    assert heads_url("https://node.example/key") == "wss://node.example/key"
