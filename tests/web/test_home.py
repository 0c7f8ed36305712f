"""Home as a person sees it: opened by the link, with everything they hold, by any tab of theirs."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, expect

from tests.web.stage import Ui, look


def test_the_link_opens_home_with_both_kinds_of_money(ui: Ui, context: BrowserContext) -> None:
    page = ui.enter(context)
    for asset in ("EUR", "ETH", "DUSD"):
        expect(page.locator(f"#positions li[data-asset={asset}]")).to_be_visible()
    expect(page.locator("#line .chart-box canvas")).to_be_visible()
    assert look(page) == []


def test_reload_and_a_second_tab_are_let_in_and_a_used_link_is_not(ui: Ui, context: BrowserContext) -> None:
    page = ui.enter(context)
    page.reload()
    expect(page.locator("#positions")).to_be_visible()
    second = context.new_page()
    second.goto(ui.base + "/")  # as typed: Sec-Fetch-Site is none
    expect(second.locator("#positions")).to_be_visible()
    link = ui.link()
    third = context.new_page()
    third.goto(link)
    expect(third.locator("#positions")).to_be_visible()
    third.goto(link)
    expect(third.get_by_role("heading", level=1)).to_have_text("This page is closed")
    assert look(third) == []


def test_language_theme_and_hidden_amounts_are_a_click_away(ui: Ui, context: BrowserContext) -> None:
    page = ui.enter(context)
    page.get_by_role("button", name="Hide amounts").click()
    expect(page.locator("#total")).to_contain_text("hidden")
    assert "100.00" not in page.content()
    page.get_by_role("button", name="Show amounts").click()
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.get_by_role("heading", name="持仓")).to_be_visible()
    assert look(page) == []
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Theme: as the system").click()
    page.get_by_role("button", name="Theme: light").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert look(page) == []
    page.get_by_role("button", name="Theme: dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "system")


def test_locking_turns_every_tab_away_and_the_password_lets_in(ui: Ui, context: BrowserContext) -> None:
    page, other = ui.enter(context), context.new_page()
    other.goto(ui.base + "/")
    expect(other.locator("body")).to_have_attribute("data-listening", "")
    page.get_by_role("button", name="Lock now").click()
    for tab in (page, other):  # the other is told, without a click
        expect(tab.get_by_role("heading", name="Your wallet is locked")).to_be_visible()
    assert look(page) == []
    page.get_by_label("Password").fill("not it, I am afraid")
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_role("alert")).to_contain_text("password is wrong")
    page.get_by_label("Password").fill(ui.password)
    page.get_by_role("button", name="Unlock").click()
    expect(page.locator("#positions")).to_be_visible()
