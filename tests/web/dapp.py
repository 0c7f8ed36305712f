"""A page of somebody else on loopback, an origin of its own, that asks the client at its door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser.pages import PLAIN, serve
from tests.web.stage import Ui

_ASK = """([door, method, params]) => {
  window.answer = fetch(door, {method: "POST", headers: {"content-type": "application/json"},
    body: JSON.stringify({jsonrpc: "2.0", id: 1, method, params})}).then(answer => answer.json());
}"""


class Dapp:
    """`ask` returns at once; `answer` waits for what the person says."""

    def __init__(self, page: Page, door: str, origin: str) -> None:
        self._page, self._door, self.origin = page, door, origin

    def ask(self, method: str, *params: Any) -> None:
        self._page.evaluate(_ASK, [self._door, method, list(params)])

    def answer(self) -> Any:
        return self._page.evaluate("() => window.answer")


@contextmanager
def dapp(browser: Browser, ui: Ui, folder: Path) -> Iterator[Dapp]:
    """In a browser's profile of its own."""
    (folder / "index.html").write_text(PLAIN)
    with serve(folder) as port:
        origin = f"http://127.0.0.1:{port}"
        context = browser.new_context()
        page = context.new_page()
        page.goto(origin)
        yield Dapp(page, ui.door, origin)
        context.close()
