"""A dApp's page asks at the door, and the person answers in the wallet's pages: by clicks, by keys, in two tabs."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from api.pytest_plugin import TandemChain, TandemWallet
from tests.web.dapp import Dapp, dapp
from tests.web.stage import Ui, look

HOSTILE = "<img src=x onerror=alert(1)> Sign me\u202e" + "a" * 3000


def test_a_dapp_asks_and_the_pages_answer(
    ui: Ui, bob: TandemWallet, tandem_chain: TandemChain, browser: Browser, context: BrowserContext, tmp_path: Path
) -> None:
    page = ui.enter(context)
    page.get_by_role("link", name="Approvals").first.click()
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    expect(page.locator("body")).to_have_attribute("data-listening", "")
    assert look(page) == []
    with dapp(browser, ui, tmp_path) as site:
        _connects_by_keyboard(page, site)
        account = ui.wallet.address.lower()
        _pays_in_two_tabs(ui, page, site, account, bob.address, tandem_chain)
        _hostile_words_are_declined(page, site, account)
        _an_allowance_is_given_and_taken_back(page, site, account, bob.address, tandem_chain)
        _the_connection_is_taken_back(page, site)


def _connects_by_keyboard(page: Page, site: Dapp) -> None:
    site.ask("eth_requestAccounts")
    expect(page.get_by_role("heading", name="It wants to see your account")).to_be_visible()
    expect(page.locator("[data-sheet] .asker")).to_contain_text(site.origin)
    agree = page.get_by_role("button", name="Agree", exact=True)
    expect(agree).to_be_enabled()
    assert look(page) == []
    agree.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Agreed. It goes on from here by itself.")).to_be_focused()
    assert len(site.answer()["result"]) == 1


def _pays_in_two_tabs(ui: Ui, page: Page, site: Dapp, account: str, to: str, chain: TandemChain) -> None:
    """Both show it; the one that answers second has nothing to answer any more."""
    other = page.context.new_page()
    other.goto(f"{ui.base}/approvals")
    expect(other.locator("body")).to_have_attribute("data-listening", "")
    site.ask("eth_sendTransaction", {"from": account, "to": to, "value": hex(10**15)})
    for tab in (page, other):
        expect(tab.locator("[data-sheet] table.changes")).to_contain_text("0.001")
        expect(tab.locator("[data-sheet]")).to_have_attribute("data-settled", "")
    assert look(page) == []
    page.get_by_role("button", name="Agree", exact=True).click()
    sent = site.answer()["result"]
    expect(other.get_by_text("Nothing waits for you.")).to_be_visible()
    assert len(sent) == 66 and chain.rpc("eth_getTransactionByHash", sent)["to"] == to.lower()
    other.close()


def _hostile_words_are_declined(page: Page, site: Dapp, account: str) -> None:
    site.ask("personal_sign", "0x" + HOSTILE.encode().hex(), account)
    sheet = page.locator("[data-sheet]")
    expect(sheet).to_contain_text("<img src=x onerror=alert(1)> Sign me<U+202E>")
    assert sheet.locator("img").count() == 0
    width = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width[0] <= width[1], "nothing is wider than the page"
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("button", name="同意", exact=True)).to_be_enabled()
    assert look(page) == []
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Decline").click()
    expect(page.get_by_text("Declined. Whoever asked is told so.")).to_be_visible()
    assert site.answer()["error"]["code"] == 4001


def _an_allowance_is_given_and_taken_back(page: Page, site: Dapp, account: str, to: str, chain: TandemChain) -> None:
    token, units = chain.tokens["DUSD"], 5_000_000
    call = "0x095ea7b3" + to[2:].lower().rjust(64, "0") + f"{units:064x}"
    site.ask("eth_sendTransaction", {"from": account, "to": token, "data": call})
    expect(page.locator("[data-sheet] .caution").first).to_be_visible()
    expect(page.locator("[data-sheet]")).to_have_attribute("data-settled", "")
    page.get_by_role("button", name="Agree", exact=True).click()
    assert "result" in site.answer()
    page.get_by_role("link", name="Allowances").first.click()
    given = page.locator("[data-token=DUSD]")
    expect(given).to_contain_text("5 DUSD")
    expect(given).to_contain_text("EUR")
    assert look(page) == []
    given.get_by_role("button", name="Take back").click()
    expect(page.get_by_role("button", name="Sign and send")).to_be_visible()
    assert look(page) == []
    page.get_by_role("button", name="Sign and send").click()
    expect(page.get_by_role("heading", name="Taken back")).to_be_visible()
    page.get_by_role("link", name="All allowances").click()
    expect(page.get_by_text("Nobody may take any of your tokens.")).to_be_visible()


def _the_connection_is_taken_back(page: Page, site: Dapp) -> None:
    page.get_by_role("link", name="Connections").first.click()
    one = page.locator(f"[data-client='{site.origin}']")
    expect(one).to_contain_text("ask you for signatures")
    assert look(page) == []
    one.get_by_role("button", name="Take back").click()
    expect(one).to_have_count(0)
    site.ask("eth_accounts")
    assert site.answer()["result"] == []
