"""`tandem export` of a real history."""

from __future__ import annotations

import csv
import io

from beancount import loader
from beancount.core import realization


def test_the_history_comes_out_in_every_format(tandem, people):
    alice, bob = people
    assert tandem("send", "3", "EUR", bob.in_full, "--memo", "=cmd", "--yes", **alice.environ).status == 0
    told = tandem("export", "--format", "beancount", **alice.environ)
    entries, errors, _options = loader.load_string(told.out)
    assert (told.status, errors) == (0, []), told.err
    held = realization.get(realization.realize(entries), "Assets:Tandem:Ledger").balance
    position = next(p for p in tandem("balance", "--json", **alice.environ).json["positions"] if p["asset"] == "EUR")
    assert {str(p.units.number) for p in held if p.units.currency == "EUR"} == {position["amount"]}

    rows = list(csv.DictReader(io.StringIO(tandem("export", **alice.environ).out)))
    sent = next(row for row in rows if row["memo"] == "'=cmd")
    assert (sent["amount"], sent["worth_now"], sent["worth_in"]) == ("3.00", "3.00", "EUR")
    assert sent["worth_then"] in ("", "3.00"), "of its time only where the server says so"
    paid = next(entry for entry in entries if getattr(entry, "narration", "").endswith("=cmd"))
    assert str(paid.meta["worth_now"]) == "3.00 EUR"
    items = tandem("export", "--format", "json", "--in", "usd", **alice.environ).json["items"]
    assert len(items) == len(rows) and {item["worth_in"] for item in items} == {"USD"}
    assert tandem("export", "--limit", "1", "--json", **alice.environ).json["next_cursor"]
    assert tandem("export", "--in", "XXQ", "--json", **alice.environ).json["slug"] == "currency-unknown"
