"""The main job by clicks alone: open the link, see Home, send money and tokens, see both in Activity with proof."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from api.pytest_plugin import TandemWallet
from tests.web.stage import Ui, look

HOSTILE = "<b>lunch</b> & more"


def send(page: Page, amount: str, asset: str, to: str, memo: str = "") -> None:
    """Form, review, yes."""
    page.get_by_role("link", name="Send", exact=True).first.click()
    page.get_by_label("To", exact=True).fill(to)
    page.get_by_label("To", exact=True).press("Tab")
    expect(page.locator("#payee")).to_contain_text("fingerprint" if to.startswith("@") else "address")
    page.get_by_label("Amount", exact=True).fill(amount)
    page.get_by_label("Of what").select_option(asset)
    if memo:
        page.get_by_text("Memo, speed").click()
        page.get_by_label("Memo (money").fill(memo)
    assert look(page) == []
    page.get_by_role("button", name="Review").click()
    summary = page.locator("table.summary")
    expect(summary).to_contain_text(f"{amount} {asset}")
    assert look(page) == []
    page.get_by_role("button", name="Sign and send").click()
    expect(page.get_by_role("heading", name="Sent", exact=True)).to_be_visible()


def test_both_kinds_are_sent_and_seen(ui: Ui, context: BrowserContext, bob: TandemWallet) -> None:
    page = ui.enter(context)
    expect(page.locator("#positions li[data-asset=EUR]")).to_be_visible()

    send(page, "12.50", "EUR", bob.payee, HOSTILE)
    expect(page.locator("ol.steps")).to_contain_text("The receipt was checked and is kept")
    assert look(page) == []
    send(page, "0.25", "ETH", bob.payee)
    expect(page.locator("#progress")).to_contain_text("In block")
    assert look(page) == []
    page.reload()  # shows the same
    expect(page.locator("#progress")).to_contain_text("In block")

    assert bob.balance("EUR") == "12.50"
    page.get_by_role("link", name="Activity", exact=True).first.click()
    expect(page.locator("#history")).to_contain_text("−0.25 ETH")
    expect(page.locator("#history")).to_contain_text("−12.50 EUR")
    assert look(page) == []

    page.get_by_label("Search", exact=True).fill("lunch")
    page.get_by_role("button", name="Look").click()
    rows = page.locator("#history ul.list > li")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(HOSTILE)  # as text
    rows.get_by_role("link").click()
    expect(page.locator("[data-proven]")).to_be_visible()
    assert page.locator("main b").count() == 0
    page.get_by_text("The signed order").click()
    expect(page.locator("#evidence pre").first).to_contain_text("LedgerTransfer")
    assert look(page) == []


def test_what_is_kept_comes_as_a_file(ui: Ui, context: BrowserContext, tmp_path: Path) -> None:
    page = ui.enter(context)
    page.goto(ui.base + "/activity?rail=ledger")
    page.get_by_text("Files to keep").click()
    with page.expect_download() as csv:
        page.get_by_role("link", name="History as CSV").click()
    csv.value.save_as(tmp_path / "history.csv")
    assert "topup" in (tmp_path / "history.csv").read_text()
    with page.expect_download() as pdf:
        page.get_by_role("button", name="Get the statement").click()
    pdf.value.save_as(tmp_path / "statement.pdf")
    assert (tmp_path / "statement.pdf").read_bytes().startswith(b"%PDF-")


def test_a_request_is_shown_scanned_from_its_picture_and_filled_in(
    ui: Ui, context: BrowserContext, tmp_path: Path
) -> None:
    page = ui.enter(context)
    page.get_by_role("link", name="Receive", exact=True).first.click()
    expect(page.locator("#address")).to_contain_text("chain 31337")
    page.locator("#amount").fill("0.125")
    page.get_by_role("button", name="Show the request").click()
    link = f"ethereum:{ui.wallet.address}@31337?value=125000000000000000"
    expect(page.locator("#own-link")).to_have_text(link)
    page.locator("#sum").fill("7.5")
    page.get_by_role("button", name="Show the link").click()
    expect(page.locator("#money-link")).to_contain_text("amount=7.50&currency=EUR")
    assert look(page) == []
    picture = tmp_path / "request.png"
    page.locator("#address svg.qr").screenshot(path=picture)

    page.get_by_role("link", name="Send", exact=True).first.click()
    page.get_by_text("Scan a QR code").click()
    page.get_by_label("Or a picture of it").set_input_files(picture)
    expect(page.get_by_label("To", exact=True)).to_have_value(link)
    page.get_by_role("button", name="Fill in").click()
    expect(page.get_by_label("Amount", exact=True)).to_have_value("0.125")
    expect(page.get_by_label("Of what")).to_have_value("ETH")


def test_what_cannot_be_meant_is_said_before_anything_is_signed(
    ui: Ui, context: BrowserContext, bob: TandemWallet
) -> None:
    page, before = ui.enter(context), bob.balance("EUR")
    wrong = [
        ("@nobody_is_called_so", "1", "EUR", "no such user"),
        (bob.payee, "1,5", "EUR", "is no amount"),
        (bob.payee, "0", "EUR", "above zero"),
        (bob.payee, "0.001", "EUR", "too many decimals"),
        (bob.payee, "1000000", "EUR", "are missing"),
        (bob.address, "1", "EUR", "sent to a @handle"),
        (bob.address[:-1] + ("0" if bob.address[-1] != "0" else "1"), "1", "ETH", "checksum"),
        (bob.payee, "100000", "ETH", "Not enough coins"),
    ]
    page.goto(ui.base + "/send")
    for to, amount, asset, told in wrong:
        page.get_by_label("To", exact=True).fill(to)
        page.get_by_label("Amount", exact=True).fill(amount)
        page.get_by_label("Of what").select_option(asset)
        with page.expect_response("**/send/review"):
            page.get_by_role("button", name="Review").click()
        expect(page.get_by_role("alert").first).to_contain_text(told)
    assert look(page) == []
    assert bob.balance("EUR") == before
