"""The pages over plain HTTP, from a client that really runs: who reads and who acts (THREATS I-4), and how."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio

from wallet.config import Config
from wallet.listen import Listen
from wallet.signing import Signer
from wallet.state import Store
from wallet.up import opened
from wallet.web.assets import Assets
from wallet.web.server import CSRF_HEADER, HEADERS, UiServer
from wallet.web.taste import taste_of

PASSWORD = "correct horse battery"
SAME = {"Sec-Fetch-Site": "same-origin"}
TYPED = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FREE = Listen("localhost", 0)


@dataclass
class Seen:
    status: int
    text: str
    headers: dict[str, str]
    cookies: dict[str, str]

    @property
    def token(self):
        return re.search(r'name="page-token" content="([^"]+)"', self.text).group(1)


class Browser:
    """What a browser would send, and anything else."""

    def __init__(self, http, running, signer, store):
        self.http, self.running, self.signer, self.store = http, running, signer, store
        self.link = running.ui.new_link()
        self.base = self.link.partition("/open")[0]

    async def ask(self, path, method="GET", headers=None, cookie="", **more):
        headers = dict(headers if headers is not None else SAME)
        if cookie:
            headers["Cookie"] = cookie
        url = path if path.startswith("http") else self.base + path
        async with self.http.request(method, url, headers=headers, allow_redirects=False, **more) as answer:
            cookies = {name: morsel.value for name, morsel in answer.cookies.items()}
            self.set_cookie = answer.headers.get("Set-Cookie", "")
            return Seen(answer.status, await answer.text(), dict(answer.headers), cookies)

    async def open(self):
        """A session: its cookie and its token."""
        seen = await self.ask(self.running.ui.new_link(), headers=TYPED)
        [(name, value)] = seen.cookies.items()
        cookie = f"{name}={value}"
        return cookie, (await self.ask("/nowhere", cookie=cookie)).token

    async def post(self, path, cookie, token, **form):
        return await self.ask(path, "POST", {**SAME, CSRF_HEADER: token, "HX-Request": "true"}, cookie, data=form)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started(tmp_path_factory) -> AsyncIterator[Browser]:
    """A client with a vault of its own; its server is nowhere. One for the whole file."""
    config = Config(tmp_path_factory.mktemp("client") / "home", "http://127.0.0.1:9", None, None, FREE, FREE, FREE)
    store = Store(config.home)
    async with Signer(config.home) as signer:
        await signer.create(12, PASSWORD, profile="light")
        async with (
            opened(config, store, signer, token_approves=False) as running,
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
        ):
            yield Browser(http, running, signer, store)


@pytest_asyncio.fixture(loop_scope="module")
async def browser(started) -> Browser:
    """Unlocked, whatever the test before did; with nobody's taste."""
    if not (await started.signer.status()).unlocked:
        await started.signer.unlock(PASSWORD)
    started.store.remove("ui")
    started.link = started.running.ui.new_link()
    return started


async def test_the_link_opens_once_and_sets_a_cookie_that_scripts_and_sites_do_not_get(browser):
    first = await browser.ask(browser.link, headers=TYPED)
    assert first.status == 200 and 'http-equiv="refresh" content="0; url=/"' in first.text
    assert (
        "HttpOnly" in browser.set_cookie and "SameSite=Strict" in browser.set_cookie and "Path=/" in browser.set_cookie
    )
    second = await browser.ask(browser.link, headers=TYPED)
    assert second.status == 403 and not second.cookies and "tandem ui" in second.text


async def test_a_guess_at_a_link_opens_nothing(browser):
    for query in ("", "?link=", "?link=x", "?link=" + "A" * 43):
        seen = await browser.ask(browser.base + "/open" + query, headers=TYPED)
        assert seen.status == 403 and not seen.cookies


async def test_i04_the_cookie_alone_is_never_enough(browser):
    """A page on another port of this machine is same-site: its requests carry the cookie."""
    cookie, token = await browser.open()
    assert (await browser.ask("/nowhere", cookie=cookie)).status == 404, "our own page is within"
    for site in ("same-site", "cross-site", "none"):
        for method in ("GET", "POST"):
            marks = {"Sec-Fetch-Site": site, CSRF_HEADER: token}
            seen = await browser.ask(
                "/taste", method, marks, cookie, data={"name": "theme", "value": "dark", "at": "/"}
            )
            assert seen.status == 403 and token not in seen.text
    no_site = await browser.ask("/taste", "POST", {CSRF_HEADER: token}, cookie, data={"name": "theme", "value": "dark"})
    assert no_site.status == 403
    rebound = await browser.ask("/", headers={**SAME, "Host": "evil.test:1250"}, cookie=cookie)
    assert rebound.status == 403
    assert taste_of(browser.store).theme == "system"


async def test_without_the_cookie_nothing_is_read(browser):
    cookie, token = await browser.open()
    name = cookie.partition("=")[0]
    for wrong in ("", f"{name}=", f"{name}={token}", "other=1"):
        seen = await browser.ask("/", cookie=wrong)
        assert seen.status == 401 and "page-token" not in seen.text


async def test_what_another_port_set_beside_our_cookie_does_not_shut_us_out(browser):
    cookie, _token = await browser.open()
    name = cookie.partition("=")[0]
    assert (await browser.ask("/nowhere", cookie=f"{name}=tossed; {cookie}")).status == 404


async def test_every_change_needs_the_pages_token(browser):
    cookie, token = await browser.open()
    form = {"name": "theme", "value": "dark", "at": "/"}
    for headers in (SAME, {**SAME, CSRF_HEADER: ""}, {**SAME, CSRF_HEADER: token[:-1]}):
        seen = await browser.ask("/taste", "POST", headers, cookie, data=form)
        assert seen.status == 403
    assert taste_of(browser.store).theme == "system"
    done = await browser.post("/taste", cookie, token, **form)
    assert done.status == 204 and done.headers["HX-Redirect"] == "/" and taste_of(browser.store).theme == "dark"


async def test_a_change_is_a_form_of_ours_and_leads_to_no_other_place(browser):
    cookie, token = await browser.open()
    headers = {**SAME, CSRF_HEADER: token}
    seen = await browser.ask("/taste", "POST", headers, cookie, json={"name": "theme", "value": "dark"})
    assert seen.status == 415
    for at in ("https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)"):
        done = await browser.post("/taste", cookie, token, name="theme", value="light", at=at)
        assert done.headers["HX-Redirect"] == "/"
    wrong = await browser.post("/taste", cookie, token, name="theme", value="pink", at="/")
    assert (
        wrong.status == 422 and wrong.headers["HX-Retarget"] == "#problem" and taste_of(browser.store).theme == "light"
    )


async def test_locking_ends_every_tab(browser):
    """By the page's button, by `tandem lock`, by idleness: the signer's process is another one, or none."""
    cookie, token = await browser.open()
    other_cookie, other_token = await browser.open()
    assert (await browser.post("/lock", cookie, token)).status == 204
    for stale, its_token in ((cookie, token), (other_cookie, other_token)):
        read = await browser.ask("/", cookie=stale)
        assert read.status == 403 and 'action="' not in read.text and "Unlock" in read.text and "0x" not in read.text
        acted = await browser.post("/taste", stale, its_token, name="theme", value="dark", at="/")
        assert acted.status == 403 and acted.headers["HX-Redirect"] == "/"
        assert (await browser.post("/unlock", stale, its_token, password=PASSWORD)).status == 403, (
            "the old token is dead"
        )
    assert taste_of(browser.store).theme == "system"
    assert not (await browser.signer.status()).unlocked


async def test_a_stale_tab_stays_out_when_the_keys_are_unlocked_elsewhere(browser):
    cookie, token = await browser.open()
    await browser.signer.lock()
    await browser.signer.unlock(PASSWORD)
    assert (await browser.ask("/nowhere", cookie=cookie)).status == 403
    assert (await browser.post("/taste", cookie, token, name="theme", value="dark", at="/")).status == 403


async def test_the_password_begins_a_new_session(browser):
    cookie, _token = await browser.open()
    await browser.signer.lock()
    token = (await browser.ask("/", cookie=cookie)).token
    wrong = await browser.post("/unlock", cookie, token, password="not it")
    assert wrong.status == 409 and "password is wrong" in wrong.text and not wrong.cookies
    right = await browser.post("/unlock", cookie, token, password=PASSWORD)
    assert right.status == 204 and right.headers["HX-Redirect"] == "/"
    [(name, value)] = right.cookies.items()
    assert (await browser.ask("/nowhere", cookie=f"{name}={value}")).status == 404
    assert (await browser.ask("/", cookie=cookie)).status == 401, "the cookie from before is none any more"


async def test_news_are_names_alone_and_a_lock_ends_them(browser):
    cookie, _token = await browser.open()
    async with browser.http.get(browser.base + "/events", headers={**SAME, "Cookie": cookie}) as stream:
        assert stream.status == 200 and stream.headers["Content-Security-Policy"]
        assert await asyncio.wait_for(stream.content.readline(), 30) == b"event: ready\n"
        browser.running.ui.events.tell("approvals")
        told = [await asyncio.wait_for(stream.content.readline(), 30) for _ in range(5)]
        assert b"event: approvals\n" in told and set(told) <= {b"event: approvals\n", b"data: \n", b"\n"}
        await browser.signer.lock()
        rest = await asyncio.wait_for(stream.content.read(), 30)
        assert b"event: lock" in rest
    assert (await browser.ask("/events", cookie=cookie)).status == 403


async def test_every_answer_is_closed_off(browser):
    cookie, token = await browser.open()
    css = Assets.read().urls["app.css"]
    answers = [
        await browser.ask("/", headers={"Sec-Fetch-Site": "cross-site"}),
        await browser.ask("/", headers=TYPED),
        await browser.ask("/"),
        await browser.ask("/", cookie=cookie),
        await browser.ask("/nowhere", cookie=cookie),
        await browser.ask(css),
        await browser.post("/taste", cookie, token, name="theme", value="dark", at="/"),
    ]
    for seen in answers:
        for name, value in HEADERS.items():
            if not (name == "Cache-Control" and "immutable" in seen.headers[name]):
                assert seen.headers[name] == value
        assert "Access-Control-Allow-Origin" not in seen.headers
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answers[5].status == 200 and "immutable" in answers[5].headers["Cache-Control"]
    assert [a.headers["Cache-Control"] for a in answers].count("no-store") == len(answers) - 1


async def test_a_server_that_is_away_is_a_banner_that_tells_what_to_do(browser):
    browser.store.change("servers", lambda servers: servers.update({"http://127.0.0.1:9": "11" * 32}))
    browser.store.ledger(b"\x11" * 32).put("me", {"handle": "alice", "holder": "22" * 32})
    cookie, _token = await browser.open()
    seen = await browser.ask("/", cookie=cookie)
    assert seen.status == 502 and "Your server is away" in seen.text and "Try again" in seen.text


async def test_pages_that_were_not_built_say_so(browser, tmp_path):
    ui = UiServer(browser.running.ui._place, 1, Assets.read(tmp_path))
    seen = ui._plain("closed.html", taste_of(browser.store), {"reason": "link"})
    assert seen.status == 503 and "make setup" in (seen.text or "")
