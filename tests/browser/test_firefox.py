"""The extension in a real Firefox: paired, and a page of the Internet's through it."""

from __future__ import annotations

import json

from tests.browser.browser import PUBLIC
from tests.browser.firefox import Page, open_firefox
from tests.browser.play import play


def fill(page, field, value, button):
    at = "document.querySelector"
    page.evaluate(f"({at}('{field}').value = {json.dumps(value)}, {at}('{button}').click())")


def test_a_page_connects_signs_sends_and_is_declined(client, site, chain_url, tmp_path):
    domain = f"firefox.{PUBLIC}"
    origin = f"http://{domain}:{site.public_port}"
    with open_firefox(tmp_path, [domain]) as firefox:
        popup = firefox.popup()
        fill(popup, "#port", str(client.port), "#address button")
        popup.wait("document.querySelector('#client[data-state=unpaired]')")
        fill(popup, "#code", client.tandem("pair", "--extension")["code"], "#pairing button")
        popup.wait("document.querySelector('#client[data-state=welcome]')")
        page = Page(firefox, f"{origin}/viem.html")
        page.wait("window.dapp")
        play(page, client, chain_url, "viem", origin)
