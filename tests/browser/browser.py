"""Debian's Chromium, headless, with the unpacked extension or without; and how a test plays a page in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, Playwright, Worker

from tests.browser.client import WAIT_SECONDS_MAX, Client

EXTENSION = Path(__file__).parents[2] / "extension"
ID = "gjemjenmplkdkicfphcpichhhddhdflb"
PUBLIC = "dapp.test"
SECURE = "dapp-tls.test"
REBOUND = "evil.test"  # a name of a stranger's that leads to this machine, whatever the port
POPUP = f"chrome-extension://{ID}/popup.html"


@dataclass(frozen=True)
class Site:
    """Where the pages are: ports of 127.0.0.1, `near` by name."""

    public_port: int
    secure_port: int
    near: dict[str, int]

    @property
    def rules(self) -> list[str]:
        """The browser finds the domains on our ports, and takes these for addresses of the Internet (DAPPS.md)."""
        mapped = f"MAP {REBOUND} 127.0.0.1, MAP *.{SECURE} 127.0.0.1:{self.secure_port}"
        mapped += f", MAP *.{PUBLIC} 127.0.0.1:{self.public_port}"
        spaces = ",".join(f"127.0.0.1:{port}=public" for port in (self.public_port, self.secure_port))
        return [f"--host-resolver-rules={mapped}", f"--ip-address-space-overrides={spaces}"]

    def public(self, name: str) -> str:
        """An origin that pages of the Internet have."""
        return f"http://{name}.{PUBLIC}"

    def secure(self, name: str) -> str:
        """The same with TLS."""
        return f"https://{name}.{SECURE}"

    def loopback(self, name: str) -> str:
        return f"http://127.0.0.1:{self.near[name]}"


def settled(page: Page, promise: str) -> Any:
    """The value of a promise of the page's; fails where it never comes (Playwright itself would wait for ever)."""
    late = f"new Promise((_, fail) => setTimeout(fail, {WAIT_SECONDS_MAX * 1000}, new Error('nothing came')))"
    return page.evaluate(f"Promise.race([{promise}, {late}])")


class Dapp:
    """One page, and what it was last asked to do: its promise waits in the page while the person answers."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.goto(url)
        page.wait_for_function("window.dapp")

    def start(self, act: str, *values: Any) -> None:
        self.page.evaluate("([act, values]) => { window.outcome = window.dapp[act](...values); }", [act, list(values)])

    def result(self) -> Any:
        return settled(self.page, "window.outcome")


class Browser:
    """A persistent context, with the extension or without."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context

    @property
    def worker(self) -> Worker:
        """The extension's; waits for it where the browser is still starting it."""
        running = self.context.service_workers
        return running[-1] if running else self.context.wait_for_event("serviceworker")

    def stop_worker(self) -> None:
        """As the browser does with a worker that has nothing to do."""
        assert self.context.browser is not None
        session = self.context.browser.new_browser_cdp_session()
        targets = session.send("Target.getTargets")["targetInfos"]
        [worker] = [target["targetId"] for target in targets if target["type"] == "service_worker"]
        session.send("Target.closeTarget", {"targetId": worker})
        session.detach()

    def popup(self) -> Page:
        """The popup, opened as a tab (a real one closes when it loses the focus)."""
        page = self.context.new_page()
        page.goto(POPUP)
        page.wait_for_selector("#client[data-state]")
        return page

    def pair(self, client: Client) -> None:
        """As a person does: the client's port, then the six digits that it shows."""
        popup = self.popup()
        popup.click("summary")
        popup.fill("#port", str(client.port))
        popup.click("#address button")
        popup.wait_for_selector("#client[data-state=unpaired]")
        popup.fill("#code", client.tandem("pair", "--extension")["code"])
        popup.click("#pairing button")
        popup.wait_for_selector("#client[data-state=welcome]")
        popup.close()

    def tidy(self) -> None:
        """Closes every page but the first, which keeps the browser open."""
        for page in self.context.pages[1:]:
            page.close()


@contextmanager
def open_browser(
    playwright: Playwright, profile: Path, arguments: list[str], *, extension: bool, locale: str = "en-US"
) -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium is not None, "Debian's package chromium is needed (make setup)"
    if os.geteuid() == 0:
        arguments = [*arguments, "--no-sandbox"]  # Chromium has none for root
    if extension:
        arguments = [*arguments, f"--disable-extensions-except={EXTENSION}", f"--load-extension={EXTENSION}"]
    context = playwright.chromium.launch_persistent_context(
        profile,
        executable_path=chromium,
        headless=True,
        args=[*arguments, f"--lang={locale}"],
        env={**os.environ, "LANGUAGE": locale.replace("-", "_")},
        ignore_https_errors=True,
    )
    context.set_default_timeout(WAIT_SECONDS_MAX * 1000)
    try:
        browser = Browser(context)
        if extension:
            assert browser.worker.url.endswith(f"{ID}/worker.js")
        yield browser
    finally:
        context.close()
