"""A second node cross-checks reviews and the balance: one that contradicts is named, one that is away is said."""

from __future__ import annotations

import pytest

from tests.flows.lying_node import lying_node
from wallet.purse import TOKENS

BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
DUSD = next(token for token in TOKENS.on_chain(31337) if token.symbol == "DUSD")
MORE = "0x" + f"{10**24:064x}"
AWAY = "http://127.0.0.1:9"


def held_more(asked, found):
    """Ten to the twenty-fourth of whatever is asked about."""
    if not asked or not isinstance(found, str) or (len(found) not in (66, len(hex(10**24))) and len(found) > 66):
        return found
    return MORE if isinstance(asked[0], dict) else hex(10**24)


LIES = {
    "a balance of coins": ("eth_getBalance", held_more, "balance ETH"),
    "a balance of tokens": ("eth_call", held_more, "balance DUSD"),
    "no code": ("eth_getCode", lambda asked, found: "0x", "code " + DUSD.address),
    "another code": ("eth_getCode", lambda asked, found: found + "00" if len(found) > 2 else found, "code "),
    "another block": (
        "eth_getBlockByNumber",
        lambda asked, found: {**found, "hash": "0x" + "99" * 32} if found and asked[0] != "0x0" else found,
        "block",
    ),
    "another chain": ("eth_chainId", lambda asked, found: "0x1", "chain"),
}


@pytest.fixture(scope="module")
def second(place):
    with lying_node(place.chain) as node:
        yield node


@pytest.fixture
def alice(people, tandem, place, second):
    """A person with a second node; without one again afterwards."""
    environ = {**people[0].environ, "TANDEM_RPC": place.chain}

    def run(*arguments):
        return tandem(*arguments, **environ)

    second.be_honest()
    assert run("networks", "second", "31337", second.url, "--json").json["networks"][0]["second"] == second.url
    yield run
    assert "second" not in run("networks", "second", "31337", "--json").json["networks"][0]


def test_two_that_agree_hinder_nothing(alice, second):
    sent = alice("send", "0.001", "DUSD", BOB, "--yes")
    assert sent.status == 0, sent.err
    assert "it agrees" in sent.err and {"eth_getBalance", "eth_getCode", "eth_simulateV1"} <= set(second.asked)


@pytest.mark.parametrize(("method", "change", "about"), LIES.values(), ids=LIES)
def test_a_contradiction_is_a_warning_that_names_both_hosts(alice, second, place, method, change, about):
    second.lies[method] = change
    refused = alice("send", "0.001", "DUSD", BOB, "--yes")
    assert refused.status == 2 and second.told, "--yes takes no warning"
    assert "Your two nodes disagree" in refused.err and f"It says of {about}" in refused.err
    for url in (place.chain, second.url):
        assert f"claimed by {url.removeprefix('http://')}" in refused.err


def test_one_that_is_away_is_said_and_not_fatal(alice):
    assert alice("networks", "second", "31337", AWAY).status == 0
    sent = alice("send", "0.001", "ETH", BOB, "--yes")
    assert sent.status == 0 and "nothing was cross-checked" in sent.err and "127.0.0.1:9" in sent.err
    shown = alice("balance")
    assert shown.status == 0 and "The second node 127.0.0.1:9 does not answer" in shown.out
    assert alice("balance", "--json").json["cross_check"]["state"] == "away"


def test_the_balance_is_cross_checked_at_the_servers_block(alice, second, people):
    checked = alice("balance", "--json").json["cross_check"]
    assert (checked["state"], checked["differences"], checked["not_here"]) == ("agrees", [], [])
    second.lies["eth_call"] = held_more
    checked = alice("balance", "--json").json["cross_check"]
    assert checked["state"] == "disagrees" and checked["server"] in people[0].environ["TANDEM_SERVER"]
    assert "DUSD" in [one["asset"] for one in checked["differences"]]
    shown = alice("balance").out
    assert f"{checked['server']} says " in shown and f"DUSD, {checked['second']} says 1000000000000000000:" in shown
    second.lies["eth_chainId"] = lambda asked, found: "0x1"
    assert "is on another chain" in alice("balance").out


def test_a_second_node_is_another_node_with_a_url(alice, place, tandem, people):
    assert alice("networks", "second", "31337", place.chain, "--json").json["field"] == "network-url"
    assert alice("networks", "second", "77", AWAY, "--json").json["field"] == "network"
    assert alice("networks", "second", "31337", "nowhere", "--json").json["field"] == "network-url"
