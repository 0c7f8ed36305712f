"""Real parts: Anvil, the server, `tandem up`, Debian's Chromium. One stack for the whole folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from api.pytest_plugin import TandemWallet
from tests.web.stage import WAIT_SECONDS_MAX, Ui, Watch, chromium, open_ui

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def alice(tandem_wallets: Callable[..., TandemWallet]) -> TandemWallet:
    """With 100 EUR, 1 ETH and 100 DUSD."""
    return tandem_wallets("alice", eur="100.00", eth="1", dusd="100")


@pytest.fixture(scope="session")
def bob(tandem_wallets: Callable[..., TandemWallet]) -> TandemWallet:
    return tandem_wallets("bob")


@pytest.fixture(scope="session")
def ui(alice: TandemWallet) -> Iterator[Ui]:
    """Alice's client; unlocked."""
    with open_ui(alice) as opened:
        yield opened


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Of a file, not of the run: while it is open its event loop is the thread's, and no other test could have one."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with chromium(playwright) as opened:
        yield opened


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser's profile that ends with the test; nothing may be said on a page's console."""
    opened = browser.new_context(viewport=WIDE, permissions=["clipboard-read", "clipboard-write"])
    opened.set_default_timeout(WAIT_SECONDS_MAX * 1000)
    watch = Watch(opened)
    yield opened
    opened.close()
    assert watch.said == []
