"""`tandem convert` where a token is given: paid to the treasury, followed until it is money."""

from __future__ import annotations

import time
from decimal import Decimal


def settled_at(tandem, environ, amount):
    """The euros once they are there: the client waits for a credit, and a busy machine may take longer."""
    deadline = time.monotonic() + 120
    while True:
        view = tandem("balance", "--json", **environ).json
        (euros,) = [p for p in view["positions"] if (p["rail"], p["asset"]) == ("ledger", "EUR")]
        if euros["amount"] == amount or time.monotonic() > deadline:
            return euros
        time.sleep(0.2)


def test_a_token_becomes_money_at_terms_that_the_operator_signed(tandem, place, strangers):
    nina, _ = strangers
    place.operate("treasury", "init", "--json")
    done = tandem("convert", "10", "DUSD", "EUR", "--yes", "--json", **nina.environ)
    assert done.status == 0, done.err + done.out
    assert (done.json["state"], done.json["asset"], done.json["receive_asset"]) == ("completed", "DUSD", "EUR")
    total = str(100 + Decimal(done.json["received"]))
    euros = settled_at(tandem, nina.environ, total)
    assert (euros["amount"], euros["coming_minor"]) == (total, "0")
    items = tandem("activity", "--json", **nina.environ).json["items"]
    (both,) = [item for item in items if item["kind"] == "conversion"]
    assert (both["asset"], both["amount"], both["received"]["amount"]) == ("DUSD", "10", done.json["received"])

    refused = tandem("convert", "0", "DUSD", "EUR", "--yes", "--json", **nina.environ)
    assert refused.status != 0
    missing = tandem("convert", "1000", "DUSD", "EUR", "--yes", "--json", **nina.environ)
    assert (missing.status, missing.json["slug"]) == (1, "funds-missing")
