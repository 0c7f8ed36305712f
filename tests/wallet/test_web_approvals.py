"""Approvals over plain HTTP: a site asks at the real door, and the page's answers count, or are refused clearly."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import pytest_asyncio

from tests.wallet.web_browser import PASSWORD, SITE, person, yes

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alice(tmp_path_factory):
    async with person(tmp_path_factory.mktemp("approvals")) as made:
        yield made


async def test_nothing_waits(alice):
    seen = await alice.get("/approvals")
    assert seen.status == 200 and "Nothing waits for you" in seen.text and "data-sheet" not in seen.text


async def test_a_site_connects_signs_and_is_declined(alice):
    account = await alice.connect()
    assert account.startswith("0x")
    asked = alice.site("personal_sign", "0x" + b"hello".hex(), account)
    seen = await alice.sheet()
    assert "https://app.example" in seen.text and "You are about to sign a message" in seen.text
    assert seen.text.count("data-yes disabled") == seen.text.count("data-yes>") + seen.text.count("data-yes disabled")
    done = await alice.acted(*yes(seen))
    assert done.status == 200 and "Agreed" in done.text and len((await asked)["result"]) == 132
    again = alice.site("personal_sign", "0x" + b"hello again".hex(), account)
    seen = await alice.sheet()
    path, _fields = yes(seen)
    said = await alice.act(path.replace("approve", "decline"))
    assert said.status == 200 and "Declined" in said.text and (await again)["error"]["code"] == 4001


async def test_another_digest_and_a_second_tab_are_told_so(alice):
    account = await alice.connect()
    asked = alice.site("personal_sign", "0x" + b"first".hex(), account)
    seen = await alice.sheet()
    path, fields = yes(seen)
    stale = await alice.acted(path, [("digest", "0x" + "11" * 32)])
    assert stale.status == 409 and "It changed meanwhile" in stale.text and not asked.done()
    assert (await alice.acted(path, fields)).status == 200
    await asked
    second = await alice.acted(path, fields)
    assert second.status == 409 and "This waits no more" in second.text
    assert (await alice.act(path.replace("approve", "decline"))).status == 409
    unknown = await alice.acted("/approvals/%3Cb%3E/approve", fields)
    assert unknown.status == 409 and "<b>" not in unknown.text


async def test_the_sheet_comes_again_only_where_it_is_another(alice):
    account = await alice.connect()
    page = await alice.get("/approvals")
    stamp = re.search(r"seen=([\w-]+)", page.text).group(1)
    assert (await alice.get(f"/approvals/sheet?seen={stamp}")).status == 204
    asked = alice.site("personal_sign", "0x" + b"news".hex(), account)
    seen = await alice.sheet()
    other = await alice.get(f"/approvals/sheet?seen={stamp}")
    assert other.status == 200 and "<html" not in other.text and "data-sheet" in other.text
    new = re.search(r"seen=([\w-]+)", other.text).group(1)
    assert new != stamp and (await alice.get(f"/approvals/sheet?seen={new}")).status == 204
    await alice.act(yes(seen)[0].replace("approve", "decline"))
    await asked


async def test_what_is_not_understood_wants_the_word(alice):
    account = await alice.connect()
    text = (
        f"other.example wants you to sign in with your Ethereum account:\n{_checksummed(alice)}\n\nHello\n\n"
        "URI: https://other.example\nVersion: 1\nChain ID: 1\nNonce: abcdefgh1\nIssued At: 2026-01-01T00:00:00Z"
    )
    asked = alice.site("personal_sign", "0x" + text.encode().hex(), account)
    seen = await alice.sheet()
    assert "This signs you in at another site" in seen.text and 'name="word"' in seen.text
    without = await alice.acted(*yes(seen))
    assert without.status == 409 and "the word was not typed" in without.text and not asked.done()
    wrong = await alice.acted(*yes(seen, word="blond"))
    assert wrong.status == 409 and not asked.done()
    assert (await alice.acted(*yes(seen, word="blind"))).status == 200
    assert "result" in await asked


def _checksummed(alice):
    return alice.store.read("vault")["accounts"][0]["address"]


async def test_hostile_words_are_text(alice):
    account = await alice.connect()
    text = "<script>alert(1)</script>\n<img src=x onerror=alert(1)>\u202egnp.exe\n" + "a" * 5000
    asked = alice.site("personal_sign", "0x" + text.encode().hex(), account)
    seen = await alice.sheet()
    assert "<script>alert" not in seen.text and "<img" not in seen.text and "\u202e" not in seen.text
    assert "&lt;script&gt;" in seen.text and "a" * 700 not in seen.text and "U+202E" in seen.text
    await alice.act(yes(seen)[0].replace("approve", "decline"))
    await asked


async def test_accounts_are_chosen_and_the_yes_is_to_those_that_were_seen(alice):
    await alice.signer.add_account()
    first, second = (entry["address"] for entry in alice.store.read("vault")["accounts"])
    asked = alice.site("eth_requestAccounts", origin="https://chooser.example")
    seen = await alice.sheet()
    assert "wants to see your account" in seen.text and f'value="{first}" checked' in seen.text
    path, [digest, _kept] = yes(seen)
    unseen = await alice.acted(path, [digest, ("account", second)])
    assert unseen.status == 409 and not asked.done(), "a box that was ticked after the review was seen"
    none = await alice.acted(path, [digest])
    assert none.status == 409 and "no account is chosen" in none.text and not asked.done()
    none = await alice.acted(path.replace("approve", "choose"), [])
    assert none.status == 409
    foreign = await alice.acted(path.replace("approve", "choose"), [("account", "0x" + "11" * 20)])
    assert foreign.status == 409 and "no account of this wallet" in foreign.text
    chosen = await alice.acted(path.replace("approve", "choose"), [("account", second)])
    assert chosen.status == 200 and f'value="{second}" checked' in chosen.text and digest[1] not in chosen.text
    assert (await alice.acted(path, [digest, ("account", first)])).status == 409, "the one from before"
    assert (await alice.acted(*yes(chosen))).status == 200
    assert (await asked)["result"] == [second.lower()]


async def test_always_shows_its_rule_and_what_no_rule_is_for_wants_the_password(tmp_path):
    async with person(Path(tmp_path)) as alice:
        account = await alice.connect()
        asked = alice.site("personal_sign", "0x" + b"once".hex(), account)
        seen = await alice.sheet()
        path, fields = yes(seen)
        rule = re.search(r'name="rule" value="(0x[0-9a-f]{64})"', seen.text).group(1)
        assert "This rule would be kept" in seen.text and 'id="password"' not in seen.text
        always = [*fields, ("always", "yes")]
        other = await alice.acted(path, [*always, ("rule", "0x" + "22" * 32), ("password", PASSWORD)])
        assert other.status == 409 and "the rule is another" in other.text
        for password in ("", "wrong one"):
            refused = await alice.acted(path, [*always, ("rule", rule), ("password", password)])
            assert refused.status == 409 and not asked.done()
        assert (await alice.signer.policy())["policy"] is None
        done = await alice.acted(path, [*always, ("rule", rule), ("password", PASSWORD)])
        assert done.status == 200 and "your rule is kept" in done.text and "result" in await asked
        [kept] = (await alice.signer.policy())["policy"]["rules"]
        assert kept["client"] == SITE
        passed = await alice.site("personal_sign", "0x" + b"twice".hex(), account)
        assert "result" in passed, "the rule lets it pass: nobody is asked"
        other = "https://no-rule.example"
        await alice.connect(other)
        asked = alice.site("personal_sign", "0x" + b"guarded".hex(), account, origin=other)
        seen = await alice.sheet()
        assert 'id="password"' in seen.text and "A yes wants your password" in seen.text
        for password in ("", "wrong one"):
            assert (await alice.acted(*yes(seen, password=password))).status == 409 and not asked.done()
        done = await alice.acted(*yes(seen, password=PASSWORD))
        assert done.status == 200 and "result" in await asked


async def test_no_rule_is_made_of_a_connection_and_that_is_said(alice):
    """It would show the wallet's first account from then on, whichever was chosen this time."""
    asked = alice.site("eth_requestAccounts", origin="https://always.example")
    seen = await alice.sheet()
    assert "This rule would be kept" not in seen.text and 'name="always"' not in seen.text
    path, fields = yes(seen)
    refused = await alice.acted(path, [*fields, ("always", "yes"), ("password", PASSWORD)])
    assert refused.status == 409 and "no rule can be made of it" in refused.text and not asked.done()
    assert (await alice.signer.policy())["policy"] is None
    assert (await alice.acted(path, fields)).status == 200 and "result" in await asked


async def test_a_yes_that_comes_too_soon_does_not_count(tmp_path):
    async with person(Path(tmp_path), settle_seconds=3600.0) as slow:
        asked = slow.site("eth_requestAccounts")
        seen = await slow.sheet()
        refused = await slow.acted(*yes(seen))
        assert refused.status == 409 and "Look at it first" in refused.text and not asked.done()
        await slow.act(yes(seen)[0].replace("approve", "decline"))
        assert (await asked)["error"]["code"] == 4001


async def test_pages_hear_of_what_comes_and_goes(alice):
    headers = {"Sec-Fetch-Site": "same-origin", "Cookie": alice.cookie}
    async with alice.http.get(alice.base + "/events", headers=headers) as stream:
        assert await asyncio.wait_for(stream.content.readline(), 30) == b"event: ready\n"
        asked = alice.site("eth_requestAccounts", origin="https://news.example")
        await asyncio.wait_for(stream.content.readuntil(b"event: approvals\n"), 30)
        seen = await alice.sheet()
        await alice.act(yes(seen)[0].replace("approve", "decline"))
        await asyncio.wait_for(stream.content.readuntil(b"event: approvals\n"), 30)
        await asked


async def test_in_chinese_too(alice):
    await alice.act("/taste", name="language", value="zh", at="/")
    asked = alice.site("eth_requestAccounts", origin="https://zh.example")
    seen = await alice.sheet()
    await alice.act("/taste", name="language", value="en", at="/")
    assert "同意" in seen.text and "Agree" not in seen.text and "Raw data" not in seen.text
    await alice.act(yes(seen)[0].replace("approve", "decline"))
    await asked
