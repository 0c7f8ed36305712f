"""Exports: beancount itself reads them, every movement balances, and texts of others stay texts."""

from __future__ import annotations

import pytest
from beancount import loader
from beancount.core import realization

from wallet.export import beancount, commodity, is_movement, prices_of, worth, worth_then

BASE = {
    "at": "2026-03-04T05:06:07Z",
    "kind": "transfer",
    "rail": "ledger",
    "direction": "out",
    "asset": "EUR",
    "amount": "12.50",
    "state": "done",
    "counterparty": {"handle": "bob"},
    "received": None,
    "memo": None,
}


def item(**changes):
    return {**BASE, **changes}


def read(items):
    entries, errors, _options = loader.load_string(beancount(items))
    assert not errors, errors
    return entries


def balances(items):
    tree = realization.realize(read(items))
    found = {}
    for account in ("Assets:Tandem:Ledger", "Assets:Tandem:Chain", "Expenses:Fees", "Assets:Outside"):
        node = realization.get(tree, account)
        found |= {(account, p.units.currency): str(p.units.number) for p in (node.balance if node is not None else ())}
    return found


def test_every_movement_has_both_its_sides():
    items = [
        item(kind="fee", amount="0.10", at="2026-03-05T00:00:00Z"),
        item(),
        item(kind="topup", direction="in", amount="100.00", counterparty={"label": "sandbox"}),
        item(kind="conversion", amount="50.00", received={"asset": "USD", "amount": "54.12"}),
        item(rail="chain", kind="chain_transfer", direction="in", asset="ETH", amount="0.000000000000000001"),
    ]
    assert balances(items) == {
        ("Assets:Tandem:Ledger", "EUR"): "37.40",
        ("Assets:Tandem:Ledger", "USD"): "54.12",
        ("Assets:Tandem:Chain", "ETH"): "1E-18",
        ("Expenses:Fees", "EUR"): "0.10",
        ("Assets:Outside", "EUR"): "-100.00",
    }


def test_what_moved_nothing_is_left_out():
    still = [
        item(kind="hold"),
        item(kind="release"),
        item(state="failed"),
        item(direction="self"),
        item(amount="1e5"),
        item(at="yesterday"),
        item(amount=None),
    ]
    assert not any(map(is_movement, still)) and read(still) == []


def test_what_waits_is_marked():
    (entry,) = [e for e in read([item(state="pending")]) if hasattr(e, "flag")]
    assert entry.flag == "!"


@pytest.mark.parametrize(
    "text",
    ['"', "\\", '\\"', '" "x\n2026-01-01 open Assets:Evil', "\u202etxt", "日本", "; x", "#tag ^link", "x" * 10_000],
)
def test_other_peoples_texts_stay_texts(text):
    entries = read([item(memo=text, counterparty={"label": text})])
    (entry,) = [e for e in entries if hasattr(e, "narration")]
    assert {e.account for e in entries if not hasattr(e, "narration")} == {"Assets:Tandem:Ledger", "Expenses:Sent"}
    assert text[:20].strip() in entry.payee or "<U+" in entry.payee


@pytest.mark.parametrize("asset", ["EUR", "DUSD", "usd.e", "1INCH", "", "日本", "A" * 60, 'X"\n2026'])
def test_any_assets_name_is_one_that_beancount_takes(asset):
    assert read([item(asset=asset)])
    assert commodity("EUR") == "EUR"


def test_worth_is_cut_and_never_rounded_up():
    prices = prices_of([{"asset": "ETH", "price": "2999.999999"}, {"asset": "DEAD", "price": None}], "EUR")
    assert worth(item(asset="ETH", amount="0.333333333333333333"), prices, 2) == "999.99"
    assert worth(item(), prices, 2) == "12.50"
    assert worth(item(asset="ETH", amount="2"), prices, 0) == "5999"
    assert worth(item(asset="DEAD"), prices, 2) == worth(item(asset="none"), prices, 2) == ""
    assert worth(item(asset="ETH", amount="1e3"), prices, 2) == ""


VALUE = {"currency": "EUR", "amount": "11.10", "amount_minor": "1110", "price": "0.888", "source": "EUR/USD"}


def test_what_it_was_worth_then_is_the_servers_word_in_that_currency_alone():
    assert worth_then(item(value=VALUE), "EUR") == "11.10"
    odd = (None, {}, "11.10", {**VALUE, "currency": "USD"}, {**VALUE, "amount": "1e3"}, {**VALUE, "amount": '1" x'})
    assert {worth_then(item(value=value), "EUR") for value in odd} == {""} and worth_then(item(), "EUR") == ""


def test_beancount_reads_both_worths_each_under_its_name():
    entries = read([item(worth_then="11.10", worth_now="12.50", worth_in="EUR"), item(worth_now="", worth_in="EUR")])
    first, second = (entry for entry in entries if hasattr(entry, "narration"))
    metas = [{k: str(v) for k, v in one.meta.items() if k.startswith("worth")} for one in (first, second)]
    assert {} in metas and {"worth_then": "11.10 EUR", "worth_now": "12.50 EUR"} in metas
