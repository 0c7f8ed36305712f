"""Without the extension: pages on loopback speak to the client by HTTP themselves, others by the browser's leave."""

from __future__ import annotations

import pytest

from tests.browser.browser import Dapp
from tests.browser.pages import LIBRARIES
from tests.browser.play import DECLINED_OVER_HTTP, play


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_page_connects_signs_sends_and_is_declined(library, guarded, client, site, chain_url):
    origin = site.loopback(library)
    dapp = Dapp(guarded.context.new_page(), f"{origin}/{library}.html?wallet={client.dapp}")
    play(dapp, client, chain_url, library, origin, DECLINED_OVER_HTTP)


def test_i05_a_page_of_the_internet_needs_the_persons_leave(guarded, client, site, chain_url):
    """The browser asks for `loopback-network`; a headless one denies until it was granted."""
    origin = site.secure("direct")
    dapp = Dapp(guarded.context.new_page(), f"{origin}/viem.html?wallet={client.dapp}")
    dapp.start("connect")
    assert "Failed to fetch" in dapp.result()["failed"]["message"]
    assert client.waiting() == []
    guarded.context.grant_permissions(["local-network-access"], origin=origin)
    play(dapp, client, chain_url, "viem", origin, DECLINED_OVER_HTTP)
