"""eth_subscribe by polling the chain's node: new heads and logs, and Frame's own names for wallet events.

One poller a chain, while anybody listens. What a node skips between two looks is fetched; a reorganised head is told
again, as nodes do.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chain.errors import ChainError
from wallet.dapp_host import Host, Session
from wallet.dapp_params import read_object
from wallet.errors import RpcRefused, WalletError
from wallet.happenings import subscribed
from wallet.rpc import Code, Params, bad_params, positional

LOCAL_SECONDS, REMOTE_SECONDS = 0.5, 4.0
BLOCKS_MAX = 50
SUBSCRIPTIONS_MAX = 50
EVENT_NAMES = frozenset({"accountsChanged", "chainChanged", "networkChanged"})
"""Names that Frame's own library subscribes to over a direct connection."""
_NOT_IN_A_HEAD = ("transactions", "uncles", "withdrawals", "size", "totalDifficulty")


@dataclass(frozen=True, slots=True)
class _Feed:
    """One subscription: `query` is eth_getLogs's filter, None for heads."""

    session: Session
    number: str
    query: Mapping[str, object] | None


class Feeds:
    """Subscriptions of every connection."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._feeds: dict[int, dict[str, _Feed]] = {}
        self._pollers: dict[int, asyncio.Task[None]] = {}

    async def subscribe(self, session: Session, params: Params) -> object:
        if session.ears is None:
            raise RpcRefused(Code.METHOD_REFUSED, "Subscriptions need a WebSocket.", None)
        name, *rest = positional(params, 1, 2)
        if len(session.subscriptions) >= SUBSCRIPTIONS_MAX:
            raise RpcRefused(Code.LIMIT, f"A connection has at most {SUBSCRIPTIONS_MAX} subscriptions.", None)
        number = "0x" + secrets.token_hex(16)
        if name in EVENT_NAMES:
            session.subscriptions[number] = lambda: None
            session.named[number] = str(name)
            return number
        if name == "newHeads":
            query = None
        elif name == "logs":
            query = _query(rest[0] if rest else {})
        else:
            raise RpcRefused(Code.METHOD_REFUSED, "newHeads and logs can be subscribed to.", None)
        chain_id = self._host.chain_of(session.client)
        await self._host.chains.node(chain_id)
        self._feeds.setdefault(chain_id, {})[number] = _Feed(session, number, query)
        session.subscriptions[number] = lambda: self._end(chain_id, number)
        if chain_id not in self._pollers:
            self._pollers[chain_id] = asyncio.create_task(self._poll(chain_id, await self._height(chain_id)))
        return number

    async def unsubscribe(self, session: Session, params: Params) -> object:
        (number,) = positional(params, 1, 1)
        end = session.subscriptions.pop(number, None) if isinstance(number, str) else None
        if end is None:
            raise RpcRefused(Code.NOT_FOUND, "This connection has no such subscription.", None)
        session.named.pop(str(number), None)
        end()
        return True

    async def close(self) -> None:
        for poller in self._pollers.values():
            poller.cancel()
        await asyncio.gather(*self._pollers.values(), return_exceptions=True)

    def _end(self, chain_id: int, number: str) -> None:
        feeds = self._feeds.get(chain_id, {})
        feeds.pop(number, None)
        if not feeds and (poller := self._pollers.pop(chain_id, None)) is not None:
            poller.cancel()

    async def _height(self, chain_id: int) -> int:
        node = await self._host.chains.node(chain_id)
        try:
            return await node.height()
        except ChainError as error:
            raise self._host.chains.refusal(error) from None

    async def _poll(self, chain_id: int, told: int) -> None:
        """Tells every block after `told`, until cancelled. A node that is away is asked again."""
        pause = LOCAL_SECONDS if self._host.chains.network(chain_id).is_local else REMOTE_SECONDS
        while True:
            await asyncio.sleep(pause)
            with contextlib.suppress(WalletError, ChainError):
                height = await self._height(chain_id)
                if height < told:  # set back, or restarted
                    told = max(height - 1, -1)
                first = max(told + 1, height - BLOCKS_MAX + 1)
                if first <= height:
                    await self._tell(chain_id, first, height)
                told = height

    async def _tell(self, chain_id: int, first: int, last: int) -> None:
        node = await self._host.chains.node(chain_id)
        feeds = list(self._feeds.get(chain_id, {}).values())
        if any(feed.query is None for feed in feeds):
            blocks = await node.batch([("eth_getBlockByNumber", (hex(n), False)) for n in range(first, last + 1)])
            heads = [_head(block) for block in blocks if isinstance(block, dict)]
            for feed in feeds:
                for head in heads if feed.query is None else ():
                    _deliver(feed, head)
        for feed in feeds:
            if feed.query is not None:
                span = {**feed.query, "fromBlock": hex(first), "toBlock": hex(last)}
                for log in await node.call("eth_getLogs", [span]) or ():  # type: ignore[attr-defined]  # a list, or refused
                    _deliver(feed, log)


def _deliver(feed: _Feed, result: Any) -> None:
    if feed.session.ears is not None:
        feed.session.ears.tell(subscribed(feed.number, result))


def _query(value: object) -> Mapping[str, object]:
    """Address and topics; the blocks are ours to say."""
    fields = read_object(value, "params[1]")
    if unknown := sorted(set(fields) - {"address", "topics", "fromBlock", "toBlock"}):
        raise bad_params(f"params[1].{unknown[0][:40]}: address and topics are expected")
    return {name: fields[name] for name in ("address", "topics") if fields.get(name) is not None}


def _head(block: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name not in _NOT_IN_A_HEAD}
