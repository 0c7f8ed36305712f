"""The pure join of both sides: sums, rounding, and what is said where something is not known."""

from __future__ import annotations

import pytest

from api.portfolio import ChainState, Holdings, Unlisted, Waiting, portfolio
from api.prices import PriceBook, Reading
from chain.address import Address
from chain.token import Token, TokenAmount
from chain.token_claim import Claim, Fault
from fiat.currency import currency
from fiat.head import Balance, Head

NOW = 1_800_000_000
ETH = Token.native(31337)
ODD = Token(31337, None, "ODD", "Odd", 18)
READINGS = {"ETH/USD": Reading(3000 * 10**8, 8, NOW), "EUR/USD": Reading(108_000_000, 8, NOW)}
OLD = {"ETH/USD": Reading(3000 * 10**8, 8, 1)}
NOTHING_WAITS = Waiting(operator_holds=0, pending_changes=0, frozen=False)


def head(*balances):
    return Head(
        holder=bytes(32), count=1, head=bytes(32), balances=balances, sequence=1, timestamp=1, signature=bytes(65)
    )


def balance(code, minor, pending=0):
    return Balance(1, code, currency(code).exponent, pending, 0, 0, minor)


def view(tokens, *balances, into="EUR", readings=READINGS):
    state = ChainState(chain_id=31337, state="current", block=1, lag_blocks=0, generation=0)
    return portfolio(
        Holdings(head(*balances), NOTHING_WAITS, tokens, state, PriceBook(NOW, readings)), currency(into), NOW * 10**9
    )


def test_the_total_is_the_sum_of_what_is_shown():
    seen = view([TokenAmount(10**18 // 3, ETH)], balance("EUR", 1999), balance("USD", 100))
    assert sum(int(position.value_minor) for position in seen.positions) == int(seen.total_minor)
    assert seen.total_state == "current"


def test_values_are_rounded_down_never_up():
    (position,) = view([TokenAmount(1, ETH)]).positions
    assert (position.value, position.amount) == ("0.00", "0.000000000000000001")


@pytest.mark.parametrize(
    ("tokens", "readings", "state"),
    [
        ([TokenAmount(10**18, ETH)], READINGS, "current"),
        (None, READINGS, "partial"),
        ([TokenAmount(1, ODD)], READINGS, "partial"),
        ([TokenAmount(10**18, ETH)], READINGS | OLD, "stale"),
        ([TokenAmount(1, ETH)], READINGS | OLD, "current"),  # dust is not counted, old or not
        ([TokenAmount(10**18, ETH), TokenAmount(1, ODD)], READINGS | OLD, "partial"),
        ([], {}, "current"),
    ],
)
def test_the_total_says_how_far_it_can_be_relied_on(tokens, readings, state):
    assert view(tokens, balance("EUR", 1), readings=readings).total_state == state


def test_what_has_no_price_has_no_value_and_is_not_zero():
    position = view([TokenAmount(5, ODD)]).positions[0]
    assert (position.price, position.value, position.value_minor) == (None, None, None)


def test_reserved_money_is_booked_and_not_available():
    (position,) = view([], balance("EUR", 1000, pending=250)).positions
    assert (position.amount, position.available) == ("10.00", "7.50")


def test_currencies_without_and_with_three_decimals():
    seen = view([], balance("JPY", 1234), balance("KWD", 1234), into="JPY")
    assert [(p.asset, p.amount, p.value) for p in seen.positions] == [("JPY", "1234", "1234"), ("KWD", "1.234", None)]


def test_dust_and_strangers_tokens_count_for_nothing_and_are_shown():
    """Raw units under the contract's address, whatever name, decimals or balance it claims."""
    token = Address("0x" + "de" * 20)
    claim = Claim("Millions", "", 18, (Fault.LOOKS_LISTED,))
    state = ChainState(chain_id=31337, state="current", block=1, lag_blocks=0, generation=0)
    amounts = [TokenAmount(1, ETH), TokenAmount(10**18, ETH)]
    held = Holdings(
        head(balance("EUR", 100)),
        NOTHING_WAITS,
        amounts,
        state,
        PriceBook(NOW, READINGS),
        [Unlisted(token, 10**30, claim), Unlisted(Address("0x" + "ad" * 20), 0, Claim())],
    )
    seen = portfolio(held, currency("EUR"), NOW * 10**9)
    euro, dust, ether, stranger = seen.positions
    assert [p.counted for p in (euro, dust, ether, stranger)] == [True, False, True, False]
    assert (seen.total_minor, seen.total_state) == (str(100 + int(ether.value_minor)), "current")
    assert (stranger.asset, stranger.contract, stranger.amount, stranger.decimals) == (token, token, str(10**30), 0)
    assert (stranger.price, stranger.value, stranger.claimed.decimals) == (None, None, 18)
    assert stranger.claimed.faults == ["looks-listed"]
