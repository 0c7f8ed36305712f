"""Quotes between a currency and a token: one id, one spelling, and what they promise is what their rate gives."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction

import pytest

from fiat.bridge_quote import BridgeQuote, Pair, bridge_quote, bridge_quote_from_json, chain_asset
from fiat.currency import Currency
from fiat.errors import AmountNotPositive, AmountTooLarge, CurrencyUnknown, FeeExceedsAmount, OrderMalformed
from fiat.fee import FeeSchedule
from fiat.quote import quote_from_json
from fiat.token_scale import minor_and_dust, token_currency, units_of

LEDGER = bytes(range(32))
ETH = Pair(to_token=True, currency="EUR", exponent=2, chain_id=31337, token=bytes(20), symbol="ETH", decimals=18)
DUSD = replace(ETH, token=b"\x11" * 20, symbol="DUSD", decimals=6)
RATE = Fraction(108, 300_000)  # ETH for one EUR
OTHER = {"to_token": False, "currency": "GBP", "symbol": "DWETH", "token": b"\x22" * 20}
OTHER |= {"holder": b"\3" * 32, "salt": b"\4" * 32, "market": Fraction(1, 7)}


def offered(pair=ETH, amount=1_000, market=RATE, schedule=None, network=0, spread=5000):
    return bridge_quote(
        pair,
        amount,
        market,
        holder=b"\1" * 32,
        salt=b"\2" * 32,
        spread_ppm=spread,
        schedule=schedule or FeeSchedule(),
        network_fee_minor=network,
        expires_at=1_800_000_060,
    )


def test_euros_for_ether_arrive_in_whole_gwei():
    found = offered(schedule=FeeSchedule(fixed_minor=25), network=3)
    # 10.00 EUR at 0.00036 less half a percent: 0.003582 ETH
    assert (found.receive_amount, found.fees_minor, found.total_minor) == (3_582_000_000_000_000, 28, 1_028)
    assert found.adds_up and found.asset == "eip155:31337/slip44:60"
    cut = offered(market=Fraction(1, 3))
    assert cut.receive_amount % 10**9 == 0 and cut.adds_up
    assert cut.receive_amount == 3_316_666_666 * 10**9


def test_ether_for_euros_pays_the_fees_of_what_it_comes_to():
    sold = offered(replace(ETH, to_token=False), 10**16, 1 / RATE, FeeSchedule(fixed_minor=25), 3)
    # 0.01 ETH at 2777.77.. less half a percent: 27.638.. EUR
    assert (sold.receive_amount, sold.total_minor, sold.adds_up) == (2_763 - 28, 0, True)
    with pytest.raises(FeeExceedsAmount):
        offered(replace(ETH, to_token=False), 10**16, 1 / RATE, FeeSchedule(fixed_minor=2_763))


def test_a_token_of_six_decimals_is_kept_as_it_is():
    found = offered(DUSD, 1_000, Fraction(108, 100), spread=0)
    assert found.receive_amount == 10_800_000
    assert found.asset == chain_asset(31337, b"\x11" * 20) == "eip155:31337/erc20:0x" + "11" * 20


def test_what_would_come_to_nothing_or_too_much_is_refused():
    with pytest.raises(AmountNotPositive):
        offered(amount=1, market=Fraction(1, 10**18))
    with pytest.raises(AmountNotPositive):
        offered(replace(ETH, to_token=False), 1, 1 / RATE)
    with pytest.raises(AmountTooLarge):
        offered(amount=10**17 + 1)
    with pytest.raises(AmountTooLarge):
        offered(amount=10**17, market=Fraction(10**6))
    assert offered(replace(ETH, to_token=False), 2**127, Fraction(1, 10**15)).adds_up, "a token's amounts are wide"


def test_a_quote_that_promises_one_unit_more_does_not_add_up():
    for found in (offered(network=3), offered(replace(ETH, to_token=False), 10**16, 1 / RATE)):
        for changes in ({"receive_amount": found.receive_amount + 1}, {"spread_ppm": 6000}, {"decimals": 17}):
            assert not replace(found, **changes).adds_up


def test_every_field_is_under_the_id():
    found = offered()
    for field in fields(BridgeQuote):
        value = getattr(found, field.name)
        changed = replace(found, **{field.name: OTHER[field.name] if field.name in OTHER else value + 1})
        assert changed.digest(LEDGER) != found.digest(LEDGER), field.name
    assert found.digest(LEDGER) != found.digest(bytes(32))


def test_a_quote_has_one_spelling_and_is_no_other_kind():
    found = offered(schedule=FeeSchedule(fixed_minor=25))
    document = found.to_json()
    assert bridge_quote_from_json(document) == found
    with pytest.raises(OrderMalformed):
        quote_from_json(document)
    for name in document:
        for wrong in (None, 5, "", "-1", "0x", "01", document[name] + "x", "9" * 78):
            with pytest.raises(OrderMalformed):
                bridge_quote_from_json({**document, name: wrong})
    for changes in ({"more": "1"}, {"toToken": "2"}, {"rateDenominator": "0"}, {"rateNumerator": "18"}):
        with pytest.raises(OrderMalformed):
            bridge_quote_from_json({**document, **changes})


def test_the_scale_loses_nothing_and_takes_no_currencys_name():
    for decimals in (0, 6, 9, 10, 18, 77):
        for units in (0, 1, 10**9 - 1, 10**9, 123_456_789_012_345_678_901, 2**256 - 1):
            minor, dust = minor_and_dust(units, decimals)
            assert units_of(minor, decimals) + dust == units and dust < 10 ** max(0, decimals - 9)
    assert token_currency("ETH", 18) == Currency("ETH", 9) and token_currency("DUSD", 6).exponent == 6
    for name in ("EUR", "usdc", "A", "TOOLONG", "", "1INCH"):
        with pytest.raises(CurrencyUnknown):
            token_currency(name, 18)
