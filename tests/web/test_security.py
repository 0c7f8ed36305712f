"""The account at the server from the pages: frozen and freed, a limit set, and the receipts of it checked."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page, expect

from tests.web.stage import Ui, look


def test_freeze_limit_and_the_receipts_check(ui: Ui, context: BrowserContext) -> None:
    page = ui.enter(context)
    page.get_by_role("link", name="Security").first.click()
    expect(page.get_by_role("heading", name="The brake")).to_be_visible()
    assert look(page) == []
    page.get_by_role("button", name="Freeze").click()
    _sign(page, "nothing leaves your account")
    expect(page.get_by_text("Frozen: nothing leaves your account until you unfreeze it.")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Security").click()
    page.get_by_role("button", name="Unfreeze").click()
    _sign(page, "money may leave your account again")
    page.get_by_role("main").get_by_role("link", name="Security").click()
    page.get_by_text("Set a limit").click()
    page.get_by_label("Amount, or none").fill("500")
    page.get_by_role("button", name="Review").first.click()
    _sign(page, "a limit")
    page.get_by_role("main").get_by_role("link", name="Security").click()
    expect(page.get_by_role("cell", name="500.00").first).to_be_visible()
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("The ledger agrees with your own receipts up to")).to_be_visible()
    assert look(page) == []


def _sign(page: Page, title: str) -> None:
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    assert look(page) == []
    page.get_by_role("button", name="Sign and send").click()
    expect(page.get_by_text("The receipt was checked and is kept.")).to_be_visible()
