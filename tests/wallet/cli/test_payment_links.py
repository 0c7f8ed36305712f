"""From `tandem receive` to `tandem send`: links to a handle and `ethereum:` links, and the QR codes that carry them."""

from __future__ import annotations

import json
import re

import pexpect
import pytest
import segno

HALVES = {" ": (1, 1), "\u2580": (0, 1), "\u2584": (1, 0), "\u2588": (0, 0)}
"""What a terminal shows in one cell: the upper and the lower module, 1 is dark."""
QUIET = 4


def modules(drawn):
    """Of a QR code in half blocks, without its quiet zone."""
    rows = []
    for line in drawn:
        cells = [HALVES[cell] for cell in line]
        rows += [[cell[half] for cell in cells] for half in (0, 1)]
    width = len(rows[0])
    return [row[QUIET:-QUIET] for row in rows[QUIET : width - QUIET]]


def test_a_link_names_the_payee_and_what_is_asked(tandem, people):
    alice, bob = people
    asked = tandem("receive", "EUR", "--amount", "1.25", "--memo", "a & b", "--json", **bob.environ).json
    assert asked["link"].startswith(bob.environ["TANDEM_SERVER"] + "/pay/@bob#holder=0x")
    sent = tandem("send", asked["link"], "--yes", "--json", **alice.environ)
    assert (sent.status, sent.json["amount"], sent.json["asset"]) == (0, "1.25", "EUR"), sent.out
    newest = tandem("activity", "--limit", "1", "--json", **bob.environ).json["items"][0]
    assert (newest["amount"], newest["counterparty"]["handle"], newest["memo"]) == ("1.25", "alice", "a & b")
    again = tandem("send", "1.250", "EUR", asked["link"], "--yes", **alice.environ)
    assert again.status == 2, "more decimals than the currency has"
    for amount, asset, more, about in (
        ("1.26", "EUR", (), "another amount"),
        ("1.25", "USD", (), "another asset"),
        ("1.25", "DUSD", (), "another asset"),
        ("1.25", "EUR", ("--memo", "c"), "another memo"),
    ):
        refused = tandem("send", amount, asset, asked["link"], *more, "--yes", **alice.environ)
        assert refused.status == 2 and about in refused.err, refused.err
    plain = tandem("receive", "EUR", "--json", **bob.environ).json["link"]
    assert tandem("send", plain, "--yes", **alice.environ).status == 2, "it leaves the amount open"
    whatever = tandem("receive", "--json", **bob.environ).json["link"]
    tokens = tandem("send", "1", "DUSD", whatever, "--yes", "--json", **alice.environ)
    assert tokens.json["to"] == bob.address, "without a currency it is for whatever the handle takes"


def test_the_links_holder_overrides_the_server(tandem, people):
    alice, bob = people
    link = tandem("receive", "EUR", "--amount", "1", "--json", **bob.environ).json["link"]
    forged = re.sub("holder=0x..", "holder=0xff", link)
    refused = tandem("send", forged, "--yes", "--json", **alice.environ)
    assert (refused.status, refused.json["slug"]) == (1, "payee-changed")
    elsewhere = tandem("send", link.replace("http://127.0.0.1", "http://evil.example"), "--yes", **alice.environ)
    assert elsewhere.status == 2 and "The link leads to somebody at evil.example" in elsewhere.err
    assert tandem("send", "1", "EUR", "--yes", **alice.environ).status == 2


@pytest.mark.parametrize(("asset", "amount"), [("ETH", "0.003"), ("DUSD", "1.5")])
def test_an_ethereum_link_stands_alone_too(tandem, people, asset, amount):
    alice, bob = people
    uri = tandem("receive", asset, "--amount", amount, "--json", **bob.environ).json["uri"]
    sent = tandem("send", uri, "--yes", "--json", **alice.environ)
    assert (sent.json["state"], sent.json["amount"], sent.json["to"]) == ("done", amount, bob.address), sent.out
    open_one = tandem("receive", asset, "--json", **bob.environ).json["uri"]
    assert tandem("send", open_one, "--yes", "--json", **alice.environ).json["field"] == "amount"


def test_what_cannot_be_asked_for(tandem, people):
    alice = people[0].environ
    for options, field in (
        (("--amount", "1"), "amount"),
        (("DUSD", "--memo", "x"), "memo"),
        (("EUR", "--memo", "a\nb"), "memo"),
    ):
        refused = tandem("receive", *options, "--json", **alice)
        assert (refused.status, refused.json["field"]) == (2, field)
    for asset, amount in (("EUR", "1.005"), ("EUR", "0"), ("DUSD", "0"), ("DUSD", "1.0000001"), ("EUR", "x")):
        assert tandem("receive", asset, "--amount", amount, "--json", **alice).status in (1, 2)


@pytest.mark.parametrize("arguments", [("EUR", "--amount", "12.50"), ("DUSD",), ()])
def test_the_qr_code_is_of_the_very_text(typed, tandem, people, arguments):
    alice = people[0].environ
    told = tandem("receive", *arguments, "--json", **alice).json
    child = typed("receive", *arguments, **alice)
    child.expect(pexpect.EOF)
    drawn = [line for line in child.before.splitlines() if line and not set(line) - HALVES.keys() and len(line) > 20]
    text = told.get("uri") or told["link"]
    assert modules(drawn) == [list(row) for row in segno.make(text, error="m").matrix]
    assert json.dumps(text)[1:-1] in child.before.replace("\r\n", "") or "link" in told
