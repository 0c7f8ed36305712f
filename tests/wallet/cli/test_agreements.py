"""Holds, mandates, conversions and the brake, by the real commands of a person and a merchant."""

from __future__ import annotations

import json
import re

import pytest

from tests.wallet.cli.conftest import outside, settle, top_up


@pytest.fixture(scope="module")
def pair(place, tmp_path_factory, password_file):
    """carol with 100 EUR and a shop with nothing; both are unlocked, and have not met."""
    folder = tmp_path_factory.mktemp("pair")
    carol, shop = (settle(place, folder, password_file, name) for name in ("carol", "shop"))
    top_up(carol, "100", "EUR")
    yield carol, shop
    for someone in (carol, shop):
        outside(someone.environ, "lock")


def done(tandem, person, *arguments):
    answer = tandem(*arguments, "--json", **person.environ)
    assert answer.status == 0, (arguments, answer.out, answer.err)
    return answer.json


def held(tandem, person, asset="EUR"):
    found = [p for p in done(tandem, person, "balance")["positions"] if p["asset"] == asset]
    return (found[0]["amount"], found[0]["available"]) if found else None


def test_a_deposit_is_reserved_taken_in_part_and_given_back(tandem, pair):
    carol, shop = pair
    strange = tandem("hold", "30", "EUR", "@shop", "--yes", **carol.environ)
    assert strange.status == 2 and "--yes is not enough" in strange.err
    agreed = done(tandem, carol, "hold", "30", "EUR", shop.in_full, "--until", "2d", "--memo", "bike", "--yes")
    assert held(tandem, carol) == ("100.00", "70.00")
    number = agreed["nonce"][2:12]
    shown = tandem("holds", **shop.environ).out
    assert number in shown and "@carol" in shown and "30.00 EUR" in shown and "open" in shown
    assert max(map(len, shown.splitlines())) <= 80, "a number that breaks in two cannot be copied"
    token = tandem("topup", "5", "ETH", **carol.environ)
    assert token.status == 2 and "“ETH” is no currency: that is a token" in token.err
    taken = done(tandem, shop, "capture", number, "12.50")
    again = done(tandem, shop, "capture", number, "12.50", "--again", taken["id"])
    assert again["receipt"] == taken["receipt"]
    (row,) = done(tandem, carol, "holds")["holds"]
    assert (row["captured"], row["reserved"], row["memo"], row["state"]) == ("12.50", "17.50", "bike", "open")
    assert tandem("capture", number, "17.51", **shop.environ).status == 1
    theirs = tandem("capture", number, "1", **carol.environ)
    assert (theirs.status, theirs.err.count("is there, but only its other side may do that")) == (2, 1), theirs.err
    negative = tandem("limits", "set", "all", "EUR", "day", "-5", "--yes", **carol.environ)
    assert (negative.status, negative.err.count("a limit is 0 or more, or none")) == (2, 1), negative.err
    done(tandem, shop, "release", number)
    assert held(tandem, carol) == ("87.50", "87.50") and held(tandem, shop) == ("12.50", "12.50")


def test_a_subscription_is_collected_and_revoked(tandem, pair):
    carol, shop = pair
    agreed = done(tandem, carol, "mandate", "5", "EUR", "@shop", "--every", "week", "--count", "4", "--yes")
    number = agreed["nonce"][2:12]
    collected = done(tandem, shop, "collect", number, "3")
    assert (collected["amount"], collected["asset"]) == ("3.00", "EUR")
    over = tandem("collect", number, "2.01", **shop.environ)
    assert (over.status == 1 and "2.00" in over.err) or "200" in over.err
    shown = tandem("mandates", **carol.environ).out
    assert number in shown and "week" in shown and "5.00 EUR" in shown
    done(tandem, carol, "mandates", "revoke", number, "--yes")
    assert tandem("collect", number, "1", **shop.environ).status == 1
    (row,) = done(tandem, shop, "mandates")["mandates"]
    assert (row["state"], row["collected"], row["role"]) == ("revoked", "3.00", "payee")


def test_a_conversion_shows_what_it_comes_to_and_gives_that(tandem, pair):
    carol, _shop = pair
    review = tandem("convert", "20", "EUR", "USD", "--yes", **carol.environ)
    assert review.status == 0, review.err
    for words in ("You receive, at least", "Rate, at worst", "Market rate", "claimed by", "from the bytes"):
        assert words in review.err
    received = re.search(r"into ([0-9.]+) USD", review.out)[1]
    assert held(tandem, carol, "USD") == (received, received)
    assert tandem("convert", "1", "EUR", "CHF", "--yes", **carol.environ).status == 4
    assert tandem("convert", "1", "EUR", "EUR", "--yes", **carol.environ).status == 2


def test_a_limit_and_the_brake(tandem, pair):
    carol, _shop = pair
    done(tandem, carol, "limits", "set", "transfer", "EUR", "day", "2", "--yes")
    over = tandem("send", "2.01", "EUR", "@shop", "--yes", **carol.environ)
    assert over.status == 1, over.err
    done(tandem, carol, "send", "2", "EUR", "@shop", "--yes")
    (row,) = [r for r in done(tandem, carol, "limits")["limits"] if r["limit"] == "transfer:EUR:day"]
    assert (row["limit_minor"], row["used_minor"], row["left_minor"]) == ("200", "200", "0")
    higher = tandem("limits", "set", "transfer", "EUR", "day", "none", "--yes", **carol.environ)
    assert higher.status == 0 and "in 48 hours" in higher.err
    waiting = tandem("keys", **carol.environ)
    assert waiting.status == 0, waiting.out + waiting.err
    number = re.search(r"transfer:EUR:day.*?([0-9a-f]{10})", waiting.out, re.DOTALL)[1]
    assert "Changes of your account wait (1)" in tandem("balance", **carol.environ).out
    done(tandem, carol, "keys", "cancel", number, "--yes")
    done(tandem, carol, "freeze", "--yes")
    assert "Your account is frozen" in tandem("balance", **carol.environ).out
    stopped = tandem("withdraw", "1", "EUR", "--to", "iban:DE89370400440532013000", "--yes", **carol.environ)
    assert stopped.status == 1 and "frozen" in stopped.err
    done(tandem, carol, "unfreeze", "--yes")
    done(tandem, carol, "withdraw", "1", "EUR", "--to", "iban:DE89370400440532013000", "--yes")


def test_another_key_is_named_in_full_and_can_be_taken_back(tandem, pair):
    carol, shop = pair
    assert tandem("keys", "add", shop.address[:-1] + "g", "--yes", **carol.environ).status == 2
    done(tandem, carol, "keys", "add", shop.address, "--yes")
    (_root, added) = done(tandem, carol, "keys")["keys"]
    assert (added["address"], added["state"]) == (shop.address, "pending")
    done(tandem, carol, "keys", "revoke", shop.address, "--yes")
    assert len(done(tandem, carol, "keys")["keys"]) == 1
    assert done(tandem, carol, "notices") == {"notices": []}


def test_what_is_typed_wrongly_is_refused_before_anything_is_asked(tandem, pair):
    carol, _shop = pair
    for wrong in (
        ("hold", "1", "EUR", "@shop", "--until", "yesterday", "--yes"),
        ("hold", "1", "EUR", "@shop", "--until", "2020-01-01", "--yes"),
        ("hold", "-1", "EUR", "@shop", "--yes"),
        ("hold", "1", "EUR", carol.address, "--yes"),
        ("mandate", "1", "EUR", "@shop", "--every", "59", "--count", "1", "--yes"),
        ("mandate", "1", "EUR", "@shop", "--every", "day", "--count", "0", "--yes"),
        ("capture", "12345", "1"),
        ("capture", "123456", "1"),
        ("limits", "set", "transfer", "EUR", "week", "1", "--yes"),
        ("keys", "cancel", "123456", "--yes"),
    ):
        assert tandem(*wrong, **carol.environ).status == 2, wrong
    without = tandem("hold", "1", "EUR", "@shop", **carol.environ)
    assert without.status == 2 and "there is no terminal" in without.err
    assert json.loads(tandem("freeze", "--json", **carol.environ).out)["slug"] == "terminal-needed"
