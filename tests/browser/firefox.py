"""Debian's Firefox, headless, with the extension, driven by WebDriver BiDi.

Playwright drives only a Firefox of its own making.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.browser.browser import EXTENSION
from tests.browser.client import WAIT_SECONDS_MAX

UUID = "6f1c0a52-4a53-4a0f-9d5e-2f6f3b1d7c11"  # Firefox draws one for each profile; ours is told
PREFERENCES = """
user_pref("extensions.webextensions.uuids", "{{\\"tandem@tandem.local\\":\\"{uuid}\\"}}");
user_pref("network.dns.localDomains", "{domains}");
user_pref("app.update.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
"""
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


class Page:
    """A tab. `start` and `result` are those of tests.browser.browser.Dapp."""

    def __init__(self, firefox: Firefox, url: str) -> None:
        self._firefox = firefox
        self._context = firefox.command("browsingContext.create", type="tab")["context"]
        firefox.command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value as JSON, once its promise is settled."""
        answer = self._firefox.command(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then((value) => JSON.stringify(value ?? null))",
            target={"context": self._context},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def wait(self, condition: str) -> None:
        """Until it holds in the page."""
        look = f"const timer = setInterval(() => {{ if ({condition}) {{ clearInterval(timer); done(); }} }}, 20);"
        self.evaluate(f"new Promise((done) => {{ {look} }})")

    def start(self, act: str, *values: Any) -> None:
        self.evaluate(f"void (window.outcome = window.dapp[{json.dumps(act)}](...{json.dumps(values)}))")

    def result(self) -> Any:
        return self.evaluate("window.outcome")


class Firefox:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._last = 0

    def command(self, method: str, **parameters: Any) -> Any:
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv(WAIT_SECONDS_MAX))).get("id") != self._last:
            pass  # an event
        assert answer["type"] == "success", answer
        return answer["result"]

    def popup(self) -> Page:
        page = Page(self, f"moz-extension://{UUID}/popup.html")
        page.wait("document.querySelector('#client[data-state]')")
        return page


@contextmanager
def open_firefox(folder: Path, domains: list[str]) -> Iterator[Firefox]:
    """A Firefox with the extension; the domains lead to this machine. Ended with the block."""
    profile, extension, log = folder / "profile", folder / "extension", folder / "firefox.log"
    profile.mkdir()
    (profile / "user.js").write_text(PREFERENCES.format(uuid=UUID, domains=",".join(domains)))
    shutil.copytree(EXTENSION, extension)
    shutil.copy(extension / "manifest.firefox.json", extension / "manifest.json")
    process = subprocess.Popen(
        ["firefox-esr", "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"],
        env={**os.environ, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log.open("w"),
    )
    try:
        with connect(_address(process, log), max_size=None) as socket:
            firefox = Firefox(socket)
            firefox.command("session.new", capabilities={})
            firefox.command("webExtension.install", extensionData={"type": "path", "path": str(extension)})
            yield firefox
            firefox.command("session.end")
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS_MAX)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it takes orders, once it says so."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while (found := LISTENING.search(log.read_text())) is None:
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return f"{found[1]}/session"
