"""A client that really runs, and what a browser and a site send to it, for the tests of the pages' screens."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.wallet.test_web_server import FREE, PASSWORD, Browser
from wallet.config import Config
from wallet.signing import Signer
from wallet.state import Store
from wallet.up import opened

STEPS_MAX = 1000
SITE = "https://app.example"


class Person(Browser):
    """With a session of their own; `site` asks through the door."""

    async def enter(self):
        self.cookie, self.token = await self.open()

    async def get(self, path):
        return await self.ask(path, cookie=self.cookie)

    async def act(self, where, /, **form):
        return await self.acted(where, list(form.items()))

    async def acted(self, path, fields):
        """With fields that come more than once."""
        headers = {"Sec-Fetch-Site": "same-origin", "X-Tandem-Page": self.token, "HX-Request": "true"}
        return await self.ask(path, "POST", headers, self.cookie, data=aiohttp.FormData(fields))

    def site(self, method, *params, origin=SITE):
        """What a site asks; its answer comes when the person has said something."""

        async def call():
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
            url = f"http://127.0.0.1:{self.running.dapp_port}"
            async with self.http.post(url, json=body, headers={"Origin": origin}) as answer:
                return await answer.json()

        return asyncio.create_task(call())

    async def sheet(self, after=""):
        """The page once something else than `after` (a digest) stands there."""
        for _step in range(STEPS_MAX):
            shown = self.running.host.desk.shown()
            if shown is not None and "0x" + shown.review.digest.hex() != after:
                return await self.get("/approvals")
            await asyncio.sleep(0.02)
        raise AssertionError("nobody asked")

    async def connect(self, origin=SITE):
        """A site that may ask; its account."""
        asked = self.site("eth_requestAccounts", origin=origin)
        if origin not in self.running.host.book.grants:
            done = await self.acted(*yes(await self.sheet()))
            assert done.status == 200, done.text
        return (await asked)["result"][0]


def hidden(text, name):
    return re.search(rf'name="{name}" value="([^"]+)"', text).group(1)


def yes(seen, **more):
    """Where a yes to what stands there goes, with every field that the page would send."""
    [number] = set(re.findall(r'data-sheet="(\w+)"', seen.text))
    form = re.search(r"<form hx-post=\"/approvals/\w+/approve\".*?</form>", seen.text, re.S).group(0)
    fields = [("digest", hidden(form, "digest"))]
    boxes = re.findall(r'type="(\w+)"(?: id="[^"]+")? name="account" value="([^"]+)"( checked)?>', form)
    fields += [("account", value) for kind, value, ticked in boxes if kind == "hidden" or ticked]
    return f"/approvals/{number}/approve", [*fields, *more.items()]


@asynccontextmanager
async def person(folder: Path, *, settle_seconds: float = 0.0) -> AsyncIterator[Person]:
    """A vault of their own, unlocked; their server is nowhere."""
    config = Config(folder / "home", "http://127.0.0.1:9", None, None, FREE, FREE, FREE)
    store = Store(config.home)
    async with Signer(config.home) as signer:
        await signer.create(12, PASSWORD, profile="light")
        async with (
            opened(config, store, signer, token_approves=False, settle_seconds=settle_seconds) as running,
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
        ):
            made = Person(http, running, signer, store)
            await made.enter()
            yield made
