"""The page behind a payment link: inert, escaped, and nothing of what the link asks for."""

from __future__ import annotations

import aiohttp
import pytest

from fiat.holder import fingerprint


async def page(running, path, language="en"):
    async with (
        aiohttp.ClientSession() as session,
        session.get(running.url + path, headers={"Accept-Language": language}, allow_redirects=False) as answer,
    ):
        return answer.status, answer.headers, await answer.text()


async def test_it_says_what_to_do_with_the_link(running):
    alice = await running.person("pay.page").register()
    status, headers, text = await page(running, "/pay/@pay.page")
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<h1>Pay @pay.page</h1>" in text and fingerprint(alice.holder) in text and "tandem send" in text
    assert "<script" not in text and "<form" not in text and "<a " not in text and "src=" not in text
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert "支付" in (await page(running, "/pay/@pay.page", "zh-CN,en"))[2]
    assert (await page(running, "/pay/@Pay.Page"))[0] == 200


@pytest.mark.parametrize("place", ["@nobody.here", "pay.page", "@", "%3Cscript%3E", "@%3Cb%3Ex", "@me", "%ff"])
async def test_who_is_not_there_is_404_and_nothing_is_echoed(running, place):
    status, _headers, text = await page(running, f"/pay/{place}")
    assert status == 404 and "<h1>Nobody here has that name" in text
    assert "script" not in text and "<b>" not in text and "nobody.here" not in text


async def test_what_it_does_not_know_is_refused(running):
    assert (await page(running, "/pay/@nobody?amount=1"))[0] == 422
    assert (await page(running, "/pay/" + "a" * 200))[0] in (404, 422)
