"""Real parts: Anvil, `tandem up` as a process of its own, Debian's Chromium with the extension, npm's libraries.

A test plays the page (`dapp.start`, `dapp.result`) and the person (`client.approve`, `client.decline`). Nothing waits
by the clock: a page's promise, an approval that appeared, an element of the popup.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import BrowserContext, Playwright, sync_playwright

from chain.devnet import Devnet
from tests.browser.browser import SECURE, Browser, Site, open_browser
from tests.browser.client import Client, open_client
from tests.browser.pages import LIBRARIES, bundle, certificate, serve


@pytest.fixture(scope="session")
def chain_url() -> Iterator[str]:
    """Anvil, in a thread with an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    devnet = Devnet.start()

    def wait(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(120)

    yield wait(devnet.__aenter__()).url
    wait(devnet.__aexit__(None, None, None))
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="session")
def client(chain_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with open_client(tmp_path_factory.mktemp("client"), chain_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Of a file, not of the run: while it is open its event loop is the thread's, and no other test could have one."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The pages, on the public Internet (as the browser believes) and on loopback, one origin a library."""
    folder = bundle(tmp_path_factory.mktemp("pages"))
    with ExitStack() as stack:
        public = stack.enter_context(serve(folder))
        secure = stack.enter_context(serve(folder, certificate(tmp_path_factory.mktemp("tls"), f"*.{SECURE}")))
        near = {name: stack.enter_context(serve(folder)) for name in (*LIBRARIES, "plain", "granted")}
        yield Site(public, secure, near)


@pytest.fixture(scope="module")
def unpaired(playwright: Playwright, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium with the extension, which knows no client yet."""
    with open_browser(playwright, tmp_path_factory.mktemp("profile"), site.rules, extension=True) as browser:
        yield browser


@pytest.fixture(scope="module")
def browser(unpaired: Browser, client: Client) -> Browser:
    """The same, paired with the client as a person would."""
    unpaired.pair(client)
    return unpaired


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """The paired browser; the pages that a test opened close with it, and nothing may be left waiting."""
    yield browser.context
    browser.tidy()


@pytest.fixture(autouse=True)
def nothing_left_waiting(client: Client) -> Iterator[None]:
    """A test answers what it caused to be asked."""
    yield
    assert client.waiting() == []


@pytest.fixture(scope="module")
def bare(playwright: Playwright, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium without the extension, and without its own guard of loopback: what is refused, the client refuses."""
    rules = [*site.rules, "--disable-features=LocalNetworkAccessChecks"]
    with open_browser(playwright, tmp_path_factory.mktemp("bare"), rules, extension=False) as browser:
        yield browser


@pytest.fixture(scope="module")
def guarded(playwright: Playwright, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium as people have it, without the extension."""
    with open_browser(playwright, tmp_path_factory.mktemp("guarded"), site.rules, extension=False) as browser:
        yield browser
