"""A proxy on loopback between the index and a real node, which behaves as bad nodes do: fourteen moods."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from random import Random
from typing import Any

from aiohttp import ClientSession, web


class Mood(StrEnum):
    DOWN = "down"
    SLOW = "slow"
    TOO_MANY = "429"
    BROKEN = "5xx"
    CUT = "cut JSON"
    WRONG_ID = "wrong id"
    WRONG_CHAIN = "wrong chain id"
    STALE = "stale"
    BACKWARDS = "going backwards"
    LYING_STATUS = "lying status"
    MISSING_LOGS = "missing logs"
    DOUBLED_LOGS = "doubled logs"
    FOREIGN_LOGS = "foreign logs"
    HUGE = "huge"


SLOW_SECONDS = 1.0
HUGE_BYTES = 100 * 1024 * 1024
Call = dict[str, Any]


class FaultyNode:
    """`url` serves the node at `behind`; with a `mood`, about every answer in `1 / often` is as that mood has it."""

    def __init__(self, behind: str, session: ClientSession, random: Random) -> None:
        self.url = ""
        self.mood: Mood | None = None
        self.often = 1.0
        self.faults = 0
        self._behind, self._session, self._random = behind, session, random
        self._frozen = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        calls = await request.json()
        if self.mood is None or self._random.random() >= self.often:
            return web.json_response(await self._forward(calls))
        self.faults += 1
        if (bad := await self._transport(request)) is not None:
            return bad
        batch = calls if isinstance(calls, list) else [calls]
        answers = await self._forward(batch)
        for call, answer in zip(batch, sorted(answers, key=lambda one: one["id"]), strict=True):
            self._spoil(call, answer)
        text = json.dumps(answers if isinstance(calls, list) else answers[0])
        if self.mood is Mood.CUT:
            text = text[: self._random.randrange(len(text))]
        return web.Response(text=text, content_type="application/json")

    async def _forward(self, calls: Any) -> Any:
        async with self._session.post(self._behind, json=calls) as response:
            return await response.json()

    async def _transport(self, request: web.Request) -> web.StreamResponse | None:
        if self.mood is Mood.DOWN:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        if self.mood is Mood.SLOW:
            await asyncio.sleep(SLOW_SECONDS)
        if self.mood is Mood.TOO_MANY:
            return web.Response(status=429, text="Too Many Requests")
        if self.mood is Mood.BROKEN:
            return web.Response(status=self._random.choice([500, 502, 503]), text="<html>")
        if self.mood is Mood.HUGE:
            return await self._pour(request)
        return None

    async def _pour(self, request: web.Request) -> web.StreamResponse:
        """An answer of 100 MB, as far as somebody reads it."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        part = b" " * 1024 * 1024
        try:
            for _ in range(HUGE_BYTES // len(part)):
                await response.write(part)
        except ConnectionError:
            pass
        return response

    def _spoil(self, call: Call, answer: Call) -> None:
        method, result = call["method"], answer.get("result")
        if self.mood is Mood.WRONG_ID:
            answer["id"] += 1000
        if self.mood is Mood.WRONG_CHAIN and method == "eth_chainId":
            answer["result"] = hex(1)
        if self.mood in (Mood.STALE, Mood.BACKWARDS):
            self._age(call, answer)
        if method == "eth_getLogs" and isinstance(result, list):
            answer["result"] = self._logs(result)
        if method == "eth_getTransactionReceipt" and result:
            self._spoil_receipt(result)
        if method == "eth_getBlockReceipts" and isinstance(result, list):
            for receipt in result:
                self._spoil_receipt(receipt)

    def _spoil_receipt(self, receipt: Any) -> None:
        if self.mood is Mood.LYING_STATUS:
            receipt["status"] = "0x0" if receipt["status"] == "0x1" else "0x1"
        if self._random.random() < 0.5:
            receipt["logs"] = self._logs(receipt["logs"])

    def _age(self, call: Call, answer: Call) -> None:
        """Stale: what it knew when the mood began. Backwards: a few blocks less each time."""
        method, result = call["method"], answer.get("result")
        if method == "eth_blockNumber":
            head = int(result, 16)
            if self.mood is Mood.BACKWARDS:
                self._frozen = max(0, head - self._random.randrange(1, 8))
            answer["result"] = hex(min(head, self._frozen))
        if method == "eth_getBlockByNumber" and result and int(result["number"], 16) > self._frozen:
            answer["result"] = None

    def begin(self, mood: Mood, often: float, head: int) -> None:
        self.mood, self.often, self._frozen = mood, often, head

    def _logs(self, logs: list[Any]) -> list[Any]:
        if not logs:
            return logs
        changed = copy.deepcopy(logs)
        if self.mood is Mood.MISSING_LOGS:
            changed.pop(self._random.randrange(len(changed)))
        if self.mood is Mood.DOUBLED_LOGS:
            changed.append(copy.deepcopy(self._random.choice(logs)))
        if self.mood is Mood.FOREIGN_LOGS:
            changed.append(self._foreign(copy.deepcopy(self._random.choice(logs))))
        return changed

    def _foreign(self, log: Any) -> Any:
        """More than was moved, from another contract, another block, or out of the range; or no log at all."""
        kinds: list[Callable[[Any], object]] = [
            lambda one: one.update(data="0x" + "7f" * 32, logIndex=hex(900)),
            lambda one: one.update(address="0x" + "66" * 20, logIndex=hex(901)),
            lambda one: one.update(blockHash="0x" + "66" * 32),
            lambda one: one.update(blockNumber=hex(10**6), blockHash="0x" + "66" * 32),
            lambda one: one.update(topics=one["topics"] + ["0x" + "66" * 32] * 3),
            lambda one: one.update(removed=True),
            lambda one: one.update(data="0x7"),
            lambda one: one.clear(),
        ]
        self._random.choice(kinds)(log)
        return log


@asynccontextmanager
async def faulty_node(behind: str, random: Random) -> AsyncIterator[FaultyNode]:
    async with ClientSession() as session:
        node = FaultyNode(behind, session, random)
        app = web.Application(client_max_size=2**24)
        app.router.add_post("/", node.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        node.url = f"http://{host}:{port}"
        try:
            yield node
        finally:
            await runner.cleanup()
