"""`ethereum:` links: the standard's own examples, what agrees with what was typed, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.address import Address
from chain.errors import AddressChecksumWrong
from chain.token import Token, TokenAmount
from wallet.errors import InputMalformed
from wallet.payment_uri import PaymentUri, check_agrees, is_payment_uri, read_payment_uri

BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
UNICORN = Address("0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7")
ETH = Token.native(31337)
DUSD = Token(31337, UNICORN, "DUSD", "Demo Dollar", 6)


def test_eip681_a_payment_in_ether():
    """The address is printed there with letters in the wrong case: so it is refused, with what would be right."""
    printed = "ethereum:0xfb6916095ca1df60bb79Ce92ce3ea74c37c5d359?value=2.014e18"
    with pytest.raises(AddressChecksumWrong) as caught:
        read_payment_uri(printed)
    right = caught.value.expected
    assert right.lower() == printed[9:51].lower()
    for spelt in (right, right.lower()):
        found = read_payment_uri(printed.replace(printed[9:51], spelt))
        assert found == PaymentUri(Address(right), None, None, 2_014 * 10**15)


def test_eip681_a_unicorn():
    link = (
        "ethereum:0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7/transfer"
        "?address=0x8e23ee67d1332ad560396262c48ffbb01f93d052&uint256=1"
    )
    assert read_payment_uri(link) == PaymentUri(Address("0x8e23ee67d1332ad560396262c48ffbb01f93d052"), None, UNICORN, 1)


@pytest.mark.parametrize(
    ("link", "chain_id", "units"),
    [
        (f"ethereum:{BOB}", None, None),
        (f"ETHEREUM:{BOB}@1", 1, None),
        (f"ethereum:pay-{BOB}@31337?value=1e18", 31337, 10**18),
        (f"ethereum:{BOB}?value=1&gas=21000&gasPrice=5e9", None, 1),
        (f"ethereum:{BOB}?value=.5e18", None, 5 * 10**17),
        (f"ethereum:{BOB}?value=0", None, 0),
        (f"ethereum:{BOB}?value=+7", None, 7),
    ],
)
def test_links_that_are_read(link, chain_id, units):
    assert is_payment_uri(link)
    assert read_payment_uri(link) == PaymentUri(BOB, chain_id, None, units)


@pytest.mark.parametrize(
    "link",
    [
        "ethereum:",
        "ethereum://" + BOB,
        "ethereum:bob.eth?value=1",
        f"ethereum:{BOB[:-1]}",
        f"ethereum:{BOB}@0",
        f"ethereum:{BOB}@9223372036854775808",
        f"ethereum:{BOB}@1@2",
        f"ethereum:{BOB}?",
        f"ethereum:{BOB}?value",
        f"ethereum:{BOB}?value=",
        f"ethereum:{BOB}?value=1&value=2",
        f"ethereum:{BOB}?value=-1",
        f"ethereum:{BOB}?value=1.5",
        f"ethereum:{BOB}?value=1.5e0",
        f"ethereum:{BOB}?value=1e99",
        f"ethereum:{BOB}?value=1e999",
        f"ethereum:{BOB}?value=e5",
        f"ethereum:{BOB}?value=0x10",
        f"ethereum:{BOB}?value=１",
        f"ethereum:{BOB}?value=%31",
        f"ethereum:{BOB}?gas=1&gasLimit=1",
        f"ethereum:{BOB}?gas=x",
        f"ethereum:{BOB}?data=0x00",
        f"ethereum:{BOB}?address={BOB}",
        f"ethereum:{UNICORN}/transfer?uint256=1",
        f"ethereum:{UNICORN}/transfer?address=bob.eth&uint256=1",
        f"ethereum:{UNICORN}/transfer?address={BOB}&uint256=1&value=1",
        f"ethereum:{UNICORN}/transfer?address={BOB}&address={BOB}&uint256=1",
        f"ethereum:{UNICORN}/approve?address={BOB}&uint256=1",
        f"ethereum:pay-pay-{BOB}",
        f"ethereum:{BOB}#x",
        f" ethereum:{BOB}",
        f"ethereum:{BOB}\n",
        f"ethereum:{BOB}?value=" + "1" * 500,
        f"bitcoin:{BOB}",
    ],
)
def test_links_that_are_refused(link):
    with pytest.raises(InputMalformed) as caught:
        read_payment_uri(link)
    assert caught.value.field == "payee"


@given(st.integers(0, 2**256 - 1), st.integers(1, 2**63 - 1), st.integers(0, 77))
def test_every_amount_is_read_to_the_last_digit(units, chain_id, exponent):
    plain = read_payment_uri(f"ethereum:{BOB}@{chain_id}?value={units}")
    assert plain == PaymentUri(BOB, chain_id, None, units)
    digits = str(units).rjust(exponent + 1, "0")
    whole, fraction = digits[: len(digits) - exponent], digits[len(digits) - exponent :]
    point = f".{fraction}" if fraction else ""
    assert read_payment_uri(f"ethereum:{BOB}@{chain_id}?value={whole}{point}e{exponent}") == plain


def test_a_link_that_says_otherwise_is_refused():
    amount, tokens = TokenAmount.parse("2.5", ETH), TokenAmount.parse("2.5", DUSD)
    coin = f"ethereum:{BOB}@31337?value=2.5e18"
    token = f"ethereum:{UNICORN}@31337/transfer?address={BOB}&uint256=2.5e6"
    for link, typed in ((coin, amount), (token, tokens), (f"ethereum:{BOB}", amount), (coin.partition("?")[0], amount)):
        check_agrees(read_payment_uri(link), link, typed)
    others = [
        (coin.replace("31337", "1"), amount, "chain"),
        (coin, tokens, "asset"),
        (token, amount, "asset"),
        (token.replace(UNICORN, BOB), tokens, "asset"),
        (coin.replace("2.5", "2.6"), amount, "amount"),
        (token.replace("2.5e6", "2.5e7"), tokens, "amount"),
    ]
    for link, typed, about in others:
        with pytest.raises(InputMalformed) as caught:
            check_agrees(read_payment_uri(link), link, typed)
        assert about in caught.value.reason


@pytest.mark.parametrize(
    "link", [PaymentUri(BOB, 31337), PaymentUri(BOB, 1, None, 10**16), PaymentUri(BOB, 1, UNICORN)]
)
def test_what_is_handed_over_is_read_again_and_names_its_chain(link):
    assert read_payment_uri(link.text) == link and f"@{link.chain_id}" in link.text
    asked = PaymentUri(link.to, link.chain_id, UNICORN, 7)
    assert asked.text == f"ethereum:{UNICORN}@{link.chain_id}/transfer?address={BOB}&uint256=7"
    assert read_payment_uri(asked.text) == asked
