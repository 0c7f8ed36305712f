"""A person with a client that runs, and a browser that looks at its pages; axe-core looks at each of them too."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, WebError, expect

from api.pytest_plugin import TandemWallet
from tests.browser.client import TANDEM

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
WAIT_SECONDS_MAX = 60
"""Only a test that fails waits so long."""
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
expect.set_options(timeout=WAIT_SECONDS_MAX * 1000)


class Ui:
    """`tandem up` of one person; `wallet` is theirs, `base` the pages' URL and `door` that of dApps."""

    def __init__(self, wallet: TandemWallet) -> None:
        self.wallet = wallet
        self.base = self.door = ""
        self._process: subprocess.Popen[str] | None = None

    @property
    def password(self) -> str:
        return Path(self.wallet.environment["TANDEM_PASSWORD_FILE"]).read_text().strip()

    def start(self) -> None:
        """On free ports the first time, at the same one for its pages afterwards."""
        self.wallet.tandem("lock")
        listens = {f"TANDEM_{name}_LISTEN": "127.0.0.1:0" for name in ("DAPP", "CONTROL")}
        settings = self.wallet.environment | listens
        settings["TANDEM_UI_LISTEN"] = self.base.removeprefix("http://") or "localhost:0"
        self._process = subprocess.Popen(
            [TANDEM, "up", "--json"], env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        spoke, _, _ = select.select([self._process.stdout], [], [], WAIT_SECONDS_MAX)
        assert spoke, "the client did not start"
        ready = json.loads(self._process.stdout.readline())
        self.base, self.door = ready["ui"].partition("/open")[0], ready["dapp"]

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.communicate(timeout=WAIT_SECONDS_MAX)
            finally:
                self._process.kill()

    def link(self) -> str:
        return str(self.wallet.tandem("ui")["ui"])

    def enter(self, context: BrowserContext) -> Page:
        """A tab at Home, opened by a link as a person opens it."""
        page = context.new_page()
        page.goto(self.link())
        page.wait_for_url(f"{self.base}/")
        return page


@contextmanager
def open_ui(wallet: TandemWallet) -> Iterator[Ui]:
    ui = Ui(wallet)
    ui.start()
    try:
        yield ui
    finally:
        ui.stop()


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Debian's, headless."""
    program = shutil.which("chromium")
    assert program is not None, "Debian's package chromium is needed (make setup)"
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium has none for root
    browser = playwright.chromium.launch(executable_path=program, args=arguments)
    try:
        yield browser
    finally:
        browser.close()


class Watch:
    """What a page says on its console and what it cannot load: a policy that is broken shows there."""

    def __init__(self, context: BrowserContext) -> None:
        self.said: list[str] = []
        context.on("console", self._console)
        context.on("weberror", self._error)

    def _error(self, error: WebError) -> None:
        if "Transition was skipped" not in str(error.error):  # the browser's own: there was no time to draw one
            self.said.append(str(error.error))

    def _console(self, message: ConsoleMessage) -> None:
        expected = "the server responded with a status of"  # an answer that says no is said in the page
        if message.type in ("error", "warning") and expected not in message.text:
            self.said.append(message.text)


def look(page: Page) -> list[dict[str, Any]]:
    """What axe-core finds wrong with the page as it stands; none is right.

    Its script comes in by the browser's own tools, past the page's policy.
    """
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(AXE.read_text())
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']}).then(result => result.violations)",
        list(RULES),
    )
    return [
        {"rule": one["id"], "says": one["help"], "where": [node["html"][:200] for node in one["nodes"]][:3]}
        for one in found
    ]
