"""`make screenshots`: every page in both languages, both themes and two widths, for a person to look at.

`make test` runs one combination. Each page is looked at by axe, and none is wider than its screen.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.conftest import PHONE, WIDE
from tests.web.stage import WAIT_SECONDS_MAX, Ui, Watch, look
from wallet.web.screens import NAVIGATION

FOLDER = Path(__file__).parents[2] / "screenshots"
ALL = list(product(("en", "zh"), ("light", "dark"), (("wide", WIDE), ("phone", PHONE))))
ONE = ("zh", "dark", ("phone", PHONE))


def name_of(path: str) -> str:
    return path.strip("/").replace("/", "-") or "home"


def ready(page: Page) -> None:
    """What comes by itself has come."""
    expect(page.locator(".htmx-request")).to_have_count(0)
    if page.locator(".chart").count():
        expect(page.locator(".chart .choices")).to_be_visible()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One combination, or all of them."""
    if "size" in metafunc.fixturenames:
        combinations = ALL if metafunc.config.getoption("--screenshots") else [ONE]
        names = [f"{language}-{theme}-{size[0]}" for language, theme, size in combinations]
        metafunc.parametrize(("language", "theme", "size"), combinations, ids=names)


def test_every_page(
    language: str,
    theme: str,
    size: tuple[str, dict[str, int]],
    ui: Ui,
    browser: Browser,
    request: pytest.FixtureRequest,
) -> None:
    wanted = request.config.getoption("--screenshots")
    context = browser.new_context(viewport=size[1], device_scale_factor=2 if size[0] == "phone" else 1)
    context.set_default_timeout(WAIT_SECONDS_MAX * 1000)
    watch = Watch(context)
    ui.wallet.home.joinpath("ui.json").write_text(f'{{"language": "{language}", "theme": "{theme}"}}')
    page = ui.enter(context)
    for screen in NAVIGATION:
        page.goto(ui.base + screen.path)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        ready(page)
        assert look(page) == [], screen.path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), screen.path
        if wanted:
            FOLDER.mkdir(exist_ok=True)
            page.screenshot(path=FOLDER / f"{name_of(screen.path)}-{language}-{theme}-{size[0]}.png", full_page=True)
    context.close()
    ui.wallet.home.joinpath("ui.json").unlink()
    assert watch.said == []
