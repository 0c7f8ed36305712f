"""The control API over a real socket, before a desk whose clock stands: what is listed, and what comes too soon."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from tests.wallet.test_desk import OTHER, PAGE, ask, digest, number_of, shown
from wallet.control import Control
from wallet.desk import Desk
from wallet.judgement import Judgement
from wallet.permissions import Seen

TOKEN = "a token"


class House:
    """A desk with no policy, its control API, and the clock of both."""

    def __init__(self):
        self.time = 0.0
        self.desk = Desk(lambda key: Seen(("0x0",), 1), self, clock=lambda: self.time)

    async def judge(self, client, review, subject):
        return Judgement()

    async def agree(self, subject, password):
        pass

    async def release(self, subject):
        pass


@pytest_asyncio.fixture
async def house():
    made = House()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    runner = web.AppRunner(Control(made.desk, TOKEN, port, approves=True).application())
    await runner.setup()
    await web.SockSite(runner, listener).start()
    work = asyncio.create_task(made.desk.work())
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as made.http:
        yield made
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await runner.cleanup()


async def said(house, prompt, name):
    body = {"digest": "0x" + digest(name).hex()}
    async with house.http.post(f"/approvals/{prompt.id}/approve", json=body) as answer:
        return answer.status, (await answer.json()).get("slug")


async def test_too_soon_is_409_and_it_waits_on(house):
    done = []
    asked = ask(house.desk, "a", done)
    prompt = await shown(house.desk)
    assert await said(house, prompt, "a") == (409, "approval-too-soon")
    house.time = 0.5
    assert await said(house, prompt, "a") == (200, None)
    assert await asked == "a"


async def test_what_is_being_prepared_is_there(house):
    there = asyncio.Event()

    async def prepare():
        await there.wait()

    async def listed():
        async with house.http.get("/approvals") as answer:
            return [(one["state"], one["kind"], one["origin"], one["digest"]) for one in await answer.json()]

    assert await listed() == []
    first = asyncio.create_task(house.desk.ask(PAGE, "connect", prepare))
    await asyncio.sleep(0)
    behind = ask(house.desk, "b", [], OTHER)
    await asyncio.sleep(0)
    told = await listed()
    assert told == [("preparing", "connect", PAGE.key, None), ("waiting", "sign_message", OTHER.key, None)]
    first.cancel()
    house.desk.decline((await shown(house.desk)).id)
    assert await number_of(behind) == 4001
    with pytest.raises(asyncio.CancelledError):
        await first
