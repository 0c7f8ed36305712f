"""What goes wrong is a banner that says what to do; and when it is right again, a click goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, expect

from api.pytest_plugin import TandemServer, TandemWallet, _Running
from tests.web.cable import Cable
from tests.web.stage import Ui, look, open_ui
from wallet.state import Store


def place_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 0)


@pytest.fixture
def cable(tandem_server: TandemServer) -> Iterator[Cable]:
    made = Cable(place_of(tandem_server.url))
    yield made
    made.close()


@pytest.fixture
def ui(cable: Cable, tandem_wallets: Callable[..., TandemWallet]) -> Iterator[Ui]:
    """Carol's client, which has known the server by the cable's address from the beginning."""
    carol = tandem_wallets("carol", eur="10.00")
    Store(carol.home).change("servers", lambda servers: servers.update({cable.url: next(iter(servers.values()))}))
    with open_ui(dataclasses.replace(carol, environment=carol.environment | {"TANDEM_SERVER": cable.url})) as opened:
        yield opened


def test_a_server_that_is_away_and_one_whose_ledger_was_reset(
    ui: Ui, cable: Cable, context: BrowserContext, tandem_server: TandemServer, tmp_path: Path
) -> None:
    page = ui.enter(context)
    expect(page.locator("#positions li[data-asset=EUR]")).to_contain_text("10.00")

    cable.pull()
    page.reload()
    expect(page.get_by_role("heading", name="Your server is away")).to_be_visible()
    assert look(page) == []
    page.goto(ui.base + "/send")  # tokens need no server, where the node is another
    expect(page.locator(".notice.warn").first).to_contain_text("tokens alone can be sent")
    expect(page.get_by_label("Of what").locator("option[value=ETH]")).to_be_attached()
    page.goto(ui.base + "/")
    cable.plug(place_of(tandem_server.url))
    page.get_by_role("link", name="Try again").click()
    expect(page.locator("#positions li[data-asset=EUR]")).to_contain_text("10.00")

    settings = {"TANDEM_STATE": str(tmp_path / "state"), "TANDEM_LISTEN": "127.0.0.1:0"}
    with _Running("tandem-server", ["serve"], tandem_server.environment | settings, tmp_path) as fresh:
        cable.plug(place_of(fresh["url"]))
        page.reload()
        expect(page.locator("main")).to_contain_text("was reset: this is a new one")
        expect(page.get_by_role("heading", name="You have no account at this server yet")).to_be_visible()
        assert look(page) == []
