"""What is only watched is shown beside the balance, marked, and never counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from wallet.purse import TOKENS
from wallet.state import Store

RICH = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
DUSD = next(token for token in TOKENS.on_chain(31337) if token.symbol == "DUSD")
SITE = "https://mint.example"


@pytest.fixture
def alice(people, tandem, place):
    def run(*arguments, **environ):
        return tandem(*arguments, **{**people[0].environ, "TANDEM_RPC": place.chain, **environ})

    return run


def parts(view):
    return {name: view[name] for name in ("total", "positions")}


def test_watch_only_accounts_are_marked_and_in_no_total(alice, place):
    before = alice("balance", "--json").json
    assert before["watched"] == [] and before["kept_in_view"] == []
    assert place.operate("devnet", "fund", RICH, "--dusd", "12").status == 0
    assert alice("accounts", "watch", RICH, "--name", "Cold store").status == 0
    try:
        after = alice("balance", "--json").json
        assert parts(after) == parts(before)
        found = {row["asset"]: row for row in after["watched"]}
        assert found["DUSD"]["name"] == "Cold store" and found["DUSD"]["watch_only"] is True
        assert float(found["DUSD"]["amount"]) >= 12 and found["ETH"]["address"] == RICH
        shown = alice("balance").out
        host = place.chain.removeprefix("http://")
        assert f"Watch-only, by {host}" in shown and "Cold store" in shown
        relayed = alice("balance", "--json", TANDEM_RPC="").json
        assert [row["amount"] for row in relayed["watched"]] == [row["amount"] for row in after["watched"]]
        away = alice("balance", TANDEM_RPC="http://127.0.0.1:9")
        assert away.status == 0 and "127.0.0.1:9 does not answer" in away.out and "Cold store" not in away.out
    finally:
        assert alice("accounts", "unwatch", RICH).status == 0


def test_who_only_watches_needs_no_account_at_the_server(tandem, place, tmp_path):
    settings = {"TANDEM_HOME": tmp_path / "watcher", "TANDEM_SERVER": place.server, "TANDEM_RPC": place.chain}
    assert tandem("balance", "--json", **settings).json["slug"] == "holder-missing"
    assert tandem("accounts", "watch", RICH, **settings).status == 0
    assert {row["asset"] for row in tandem("balance", "--json", **settings).json["watched"]} >= {"ETH"}
    shown = tandem("balance", **settings)
    assert shown.status == 0 and "Watch-only, by" in shown.out and "Total" not in shown.out


def test_tokens_kept_in_view_for_a_site_are_its_claim(alice, people):
    entry = {"type": "ERC20", "symbol": "SAFEMOON", "decimals": 6, "by": SITE}
    piece = {"type": "ERC721", "symbol": "APE", "decimals": 0, "by": SITE}
    folder = Store(alice_home(people)).chain(31337)
    before = alice("balance", "--json").json
    folder.put("watched", {DUSD.address: entry, f"{DUSD.address}/7": piece})
    try:
        after = alice("balance", "--json").json
        assert parts(after) == parts(before), "under a name that it chose, and in no total"
        token, ape = after["kept_in_view"]
        assert (token["asset"], token["claimed_by"], token["contract"]) == ("SAFEMOON", SITE, DUSD.address)
        held = next(p for p in before["positions"] if p["asset"] == "DUSD")
        assert token["amount_minor"] == held["amount_minor"]
        assert (ape["token_id"], ape["amount"]) == ("7", None), "the contract answers like no such token"
        shown = alice("balance").out
        assert f"claimed by {SITE}" in shown and "never in the total" in shown and "unknown" in shown
    finally:
        folder.remove("watched")


def alice_home(people):
    return Path(people[0].environ["TANDEM_HOME"])
