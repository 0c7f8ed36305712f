"""Payees and destinations as people type them."""

from __future__ import annotations

import pytest

from chain.errors import AddressChecksumWrong, AddressMalformed
from wallet.errors import InputMalformed
from wallet.payee import read_destination, read_payee

ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def test_handles_have_one_spelling():
    assert read_payee("@Bob").handle == read_payee("@ｂｏｂ").handle == "bob"
    assert read_payee("@bob#3F2A 91C0 77de 0b12").fingerprint == "3f2a91c077de0b12"
    assert read_payee("@鲍勃").handle == "鲍勃"


def test_addresses_are_checked():
    assert read_payee(ALICE).address == ALICE
    with pytest.raises(AddressChecksumWrong):
        read_payee(ALICE.replace("f39F", "f39f"))
    with pytest.raises(AddressMalformed):
        read_payee(ALICE[:-1])


@pytest.mark.parametrize(
    "text", ["bob", "", "@", "@bob/x", "@bob?x=1", "@../x", "@bob#12", "@b b", "@bob\n", "alice.eth"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(InputMalformed):
        read_payee(text)


def test_a_fingerprint_names_one_holder_only():
    payee = read_payee("@bob#0102030405060708")
    assert payee.is_named_in_full(bytes.fromhex("0102030405060708" + "00" * 24))
    assert not payee.is_named_in_full(bytes(32))
    assert not read_payee("@bob").is_named_in_full(bytes(32))


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("iban:DE89 3704 0044 0532 0130 00", "iban:DE89370400440532013000"),
        ("IBAN:gb82west12345698765432", "iban:GB82WEST12345698765432"),
        ("card:4111-1111-1111-1111", "card:4111111111111111"),
        ("account:DEMO0001", "account:DEMO0001"),
    ],
)
def test_destinations(typed, canonical):
    assert read_destination(typed) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "DE89370400440532013000",
        "iban:DE88370400440532013000",
        "card:4111111111111112",
        "account:é",
        "iban:",
        "paypal:bob",
    ],
)
def test_wrong_destinations(text):
    with pytest.raises(InputMalformed):
        read_destination(text)
