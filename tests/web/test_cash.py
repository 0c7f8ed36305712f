"""Money in, across and out from the pages: a quote that counts down, fees named, and what happens next."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.web.stage import Ui, look


def test_top_up_convert_and_withdraw(ui: Ui, context: BrowserContext) -> None:
    page = ui.enter(context)
    _open(page)
    assert look(page) == []
    _section(page, "Top up").get_by_label("Amount").fill("40")
    page.get_by_role("button", name="Top up").click()
    expect(page.get_by_role("heading", name="Arrived")).to_be_visible()
    assert look(page) == []
    _open(page)
    convert = _section(page, "Convert")
    convert.get_by_label("Amount").fill("20")
    convert.get_by_label("Into").select_option("USD")
    convert.get_by_role("button", name="Get a quote").click()
    expect(page.get_by_role("timer")).to_contain_text("seconds more")
    expect(page.locator("table.facts").first).to_contain_text("Spread")
    assert look(page) == []
    page.get_by_role("button", name="Ask for another quote").click()
    expect(page.get_by_role("timer")).to_contain_text("seconds more")
    page.get_by_role("button", name="Sign and send").click()
    expect(page.get_by_text("Converted 20.00 EUR into")).to_be_visible()
    _open(page)
    withdraw = _section(page, "Withdraw")
    withdraw.get_by_label("Amount").fill("5")
    withdraw.get_by_label("Its number").fill("DE89 3704 0044 0532 0130 01")
    withdraw.get_by_role("button", name="Review").click()
    expect(page.get_by_role("alert")).to_contain_text("mistyped")
    withdraw.get_by_label("Its number").fill("DE89 3704 0044 0532 0130 00")
    withdraw.get_by_role("button", name="Review").click()
    expect(page.get_by_role("heading", name="pay out")).to_be_visible()
    page.get_by_role("button", name="Sign and send").click()
    expect(page.get_by_text("accepted. Next: the operator pays it out")).to_be_visible()
    assert look(page) == []
    _open(page)
    convert = _section(page, "Convert")
    convert.get_by_label("Amount").fill("0.01")
    convert.get_by_label("From").select_option("ETH")
    convert.get_by_label("Into").select_option("EUR")
    convert.get_by_role("button", name="Get a quote").click()
    expect(page.get_by_role("alert")).to_contain_text("takes no tokens now")  # this stage has no treasury
    assert look(page) == []


def _open(page: Page) -> None:
    page.get_by_role("link", name="Move money").first.click()
    expect(page.get_by_role("heading", name="Top up")).to_be_visible()


def _section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)
