"""A review of an order says what its bytes say, for every type, and where each fact comes from."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from chain.address import Address
from fiat.order import (
    ORDER_TYPES,
    LedgerControl,
    LedgerConversion,
    LedgerHold,
    LedgerMandate,
    LedgerTransfer,
    LedgerWithdrawal,
    text_hash,
)
from fiat.quote import Quote
from wallet.errors import BytesNotUnderstood
from wallet.review import Caution, Fact, Label, Source, Title, Told
from wallet.review_orders import NO_LIMIT, review_order

LEDGER = b"\7" * 32
SALT = bytes(range(16))
BOB = bytes.fromhex("3f2a91c077de0b12" + "00" * 24)
OTHER = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
HEAD = {
    "holder": b"\1" * 32,
    "key_epoch": 1,
    "nonce": b"\2" * 32,
    "valid_after": 1,
    "valid_before": 2,
    "seen_head": b"\1" * 32,
}
MONEY = {"currency": "EUR", "exponent": 2, "amount_minor": 4000, "total_max_minor": 4025}
TEXT = "@bob\nlunch"
SHOWN = {"shown": text_hash(SALT, TEXT)}
QUOTE = Quote(
    holder=b"\1" * 32,
    salt=b"\5" * 32,
    currency="EUR",
    exponent=2,
    amount_minor=4000,
    fee_minor=25,
    receive_asset="JPY",
    receive_exponent=0,
    receive_minor=6448,
    market=Fraction(162),
    spread_ppm=5000,
    expires_at=1_800_000_000,
)


def payment(text=TEXT):
    return LedgerTransfer(**HEAD, payee=BOB, shown=text_hash(SALT, text), **MONEY)


def hold():
    return LedgerHold(**HEAD, **SHOWN, **MONEY, captor=BOB, until=1_800_000_000)


def mandate(**changes):
    money = {"currency": "EUR", "exponent": 2, "per_period_minor": 1500}
    fields = {"period_seconds": 7 * 86400, "count": 12, "until": 1_800_000_000}
    return LedgerMandate(**HEAD, **SHOWN, **money, payee=BOB, **(fields | changes))


def conversion(quote=QUOTE, **changes):
    fields = {"receive_asset": "JPY", "receive_min_minor": 6448, "receive_to": bytes(20)}
    return LedgerConversion(**HEAD, **SHOWN, **MONEY, **(fields | {"reference": quote.digest(LEDGER)} | changes))


def control(action, subject=bytes(32), value=0):
    return LedgerControl(**HEAD, action=action, subject=subject, value=value)


def of_order(order, text=TEXT, known=True, quote=None, more=(), **texts):
    told = {"shown": Told(SALT, text), **{name: Told(SALT, value) for name, value in texts.items()}}
    if isinstance(order, LedgerControl):
        told = {}
    return review_order(
        order.type_name, LEDGER, order.to_json(), told, host="server", payee_known=known, quote=quote, more=more
    )


def facts(review):
    return {fact.label: (fact.value, fact.source) for fact in review.facts}


def test_a_payment_shows_amount_fee_and_total_from_the_bytes():
    review = of_order(payment())
    shown = facts(review)
    assert review.title is Title.PAY and review.digest == payment().digest(LEDGER)
    assert shown[Label.AMOUNT] == ("40.00 EUR", Source.BYTES)
    assert shown[Label.FEE_MAX] == ("0.25 EUR", Source.BYTES)
    assert shown[Label.TOTAL] == ("40.25 EUR", Source.BYTES)
    assert shown[Label.FINGERPRINT] == ("3f2a 91c0 77de 0b12", Source.BYTES)
    assert shown[Label.MEMO] == ("lunch", Source.BYTES)
    assert shown[Label.PAYEE] == ("@bob", Source.LIST)
    assert review.cautions == ()


@pytest.mark.parametrize("order", [payment(), hold(), mandate()])
def test_whoever_was_not_met_before_is_the_servers_claim(order):
    review = of_order(order, known=False)
    assert facts(review)[Label.PAYEE] == ("@bob", Source.CLAIMED)
    assert facts(review)[Label.FINGERPRINT] == ("3f2a 91c0 77de 0b12", Source.BYTES)
    assert review.cautions == (Caution.FIRST_TIME,) and not review.payee_known


@pytest.mark.parametrize("order", [payment(), hold(), mandate()])
def test_a_text_that_was_not_signed_is_not_shown(order):
    with pytest.raises(BytesNotUnderstood):
        of_order(order, text="@bob\ndinner")


def test_a_withdrawal_shows_its_destination():
    target = "iban:DE89370400440532013000"
    order = LedgerWithdrawal(**HEAD, destination=text_hash(SALT, target), shown=text_hash(SALT, target), **MONEY)
    review = of_order(order, text=target, destination=target)
    assert facts(review)[Label.DESTINATION] == (target, Source.BYTES)
    with pytest.raises(BytesNotUnderstood):
        of_order(order, text=target, destination="iban:GB82WEST12345698765432")


def test_a_fee_above_a_tenth_is_warned_of():
    dear = replace(hold(), amount_minor=100, total_max_minor=111)
    assert Caution.FEE_HIGH in of_order(dear).cautions


def test_a_hold_shows_until_when_and_for_whom():
    review = of_order(hold())
    assert review.title is Title.HOLD
    assert facts(review)[Label.UNTIL] == ("2027-01-15 08:00:00 UTC", Source.BYTES)
    assert facts(review)[Label.TOTAL] == ("40.25 EUR", Source.BYTES)


@pytest.mark.parametrize(("seconds", "text"), [(86400, "day"), (604800, "week"), (2592000, "month"), (3600, "3600 s")])
def test_a_mandate_shows_each_period_and_the_whole(seconds, text):
    shown = facts(of_order(mandate(period_seconds=seconds)))
    assert shown[Label.PER_PERIOD] == ("15.00 EUR", Source.BYTES)
    assert shown[Label.PERIOD] == (text, Source.BYTES)
    assert shown[Label.COUNT] == ("12", Source.BYTES)
    assert shown[Label.TOTAL] == ("180.00 EUR", Source.BYTES)


def test_a_date_that_no_calendar_has_stays_a_number():
    assert facts(of_order(mandate(until=2**64 - 1)))[Label.UNTIL] == (str(2**64 - 1), Source.BYTES)


def test_a_conversion_shows_its_worst_rate_from_the_bytes_and_the_market_as_a_claim():
    review = of_order(conversion(), quote=QUOTE)
    shown = facts(review)
    assert review.title is Title.CONVERT and review.cautions == ()
    assert shown[Label.RECEIVE] == ("6448 JPY", Source.LIST)
    assert shown[Label.RATE] == ("1 EUR = 161.200000 JPY", Source.BYTES)
    assert shown[Label.MARKET] == ("1 EUR = 162.000000 JPY", Source.CLAIMED)
    assert shown[Label.SPREAD] == ("0.5000 %", Source.CLAIMED)
    assert shown[Label.TOTAL] == ("40.25 EUR", Source.BYTES)


def test_a_rate_far_below_the_market_is_warned_of():
    poor = replace(QUOTE, market=Fraction(170))
    assert of_order(conversion(poor), quote=poor).cautions == (Caution.RATE_POOR,)


@pytest.mark.parametrize(
    "changes",
    [
        {"reference": bytes(32)},
        {"receive_to": b"\1" * 20},
        {"receive_asset": "eip155:1/slip44:60"},
        {"receive_min_minor": 6449},
    ],
)
def test_a_conversion_that_accepts_something_else_is_not_reviewed(changes):
    with pytest.raises(BytesNotUnderstood):
        of_order(conversion(**changes), quote=QUOTE)


def test_a_conversion_without_a_quote_is_not_reviewed():
    with pytest.raises(BytesNotUnderstood):
        of_order(conversion())


KEY = bytes(12) + OTHER.raw
CONTROLS = [
    ("key-add", KEY, 0, {Label.KEY: OTHER, Label.EFFECT: "in 48 hours"}),
    ("key-revoke", KEY, 0, {Label.KEY: OTHER, Label.EFFECT: "at once"}),
    ("freeze", bytes(32), 0, {Label.EFFECT: "at once"}),
    ("unfreeze", bytes(32), 0, {Label.EFFECT: "at once"}),
    ("limit", b"transfer:EUR:day".ljust(32, b"\0"), 5000, {Label.LIMIT: "50.00 EUR", Label.PERIOD: "day"}),
    ("limit", b"all:JPY:month".ljust(32, b"\0"), NO_LIMIT, {Label.LIMIT: "no limit", Label.ABOUT: "all"}),
    ("mandate-revoke", b"\6" * 32, 0, {Label.NONCE: "0x" + "06" * 32}),
    ("cancel", b"\6" * 32, 0, {Label.NONCE: "0x" + "06" * 32}),
]


@pytest.mark.parametrize(("action", "subject", "value", "expected"), CONTROLS)
def test_a_control_shows_what_it_changes(action, subject, value, expected):
    order = control(action, subject, value)
    review = of_order(order, more=[Fact(Label.BEFORE, "10.00 EUR", Source.CLAIMED)])
    shown = facts(review)
    assert review.title == action and review.digest == order.digest(LEDGER)
    assert {label: shown[label][0] for label in expected} == expected
    assert shown[Label.BEFORE] == ("10.00 EUR", Source.CLAIMED)


@pytest.mark.parametrize(
    "order",
    [
        control("key-add", b"\1" * 32),
        control("key-add", bytes(32)),
        control("key-add", KEY, 1),
        control("freeze", KEY),
        control("freeze", value=1),
        control("limit", b"transfer:XXX:day".ljust(32, b"\0"), 1),
        control("limit", b"\xff" * 32, 1),
        control("cancel", b"\6" * 32, 1),
        control("grant", b"\6" * 32),
    ],
)
def test_a_control_of_another_form_is_not_reviewed(order):
    with pytest.raises(BytesNotUnderstood):
        of_order(order)


def test_every_order_type_is_reviewed():
    seen = {type(o) for o in (payment(), hold(), mandate(), conversion(), control("freeze"))} | {LedgerWithdrawal}
    assert seen == set(ORDER_TYPES.values())
