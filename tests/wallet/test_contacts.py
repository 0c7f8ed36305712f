"""Contacts and recent payees, as values."""

from __future__ import annotations

import pytest

from chain.address import Address
from wallet.contacts import (
    RECENT_MAX,
    Contact,
    addresses_of,
    contacts_of,
    find_contact,
    new_contact,
    with_recent,
)
from wallet.errors import ContactUnknown, InputMalformed, NameTaken
from wallet.payee import Payee, read_payee

ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def test_a_contact_keeps_what_send_takes():
    assert new_contact("Bob", "@BOB", []) == Contact("Bob", "@bob")
    assert new_contact("Bob", "@bob#AABB CCDD EEFF 0011".replace(" ", ""), []).to == "@bob#aabbccddeeff0011"
    assert new_contact("日常", ADDRESS.lower(), []).to == ADDRESS
    assert Contact("Bob", ADDRESS).payee == Payee(address=Address(ADDRESS), name="Bob")
    with pytest.raises(InputMalformed):
        new_contact("Bob", "bob", [])


@pytest.mark.parametrize("name", ["b0b", "Bób", "BOB", "b-o-b"])
def test_a_name_that_passes_for_another_is_refused(name):
    with pytest.raises(NameTaken):
        new_contact(name, ADDRESS, ["Bob"])


def test_a_contact_is_found_by_its_name_and_a_twin_is_named_as_one():
    known = contacts_of({"Bob": {"to": ADDRESS}, "alice": {"to": "@alice"}})
    assert [contact.name for contact in known] == ["alice", "Bob"]
    assert find_contact(" bob", known).to == ADDRESS
    for typed, near in (("b0b", "Bob"), ("carol", "")):
        with pytest.raises(ContactUnknown) as caught:
            find_contact(typed, known)
        assert caught.value.near == near


def test_addresses_are_those_that_are_known_in_full():
    assert addresses_of(contacts_of({"Bob": {"to": ADDRESS}, "alice": {"to": "@alice"}})) == {Address(ADDRESS)}


def test_recent_payees_are_bounded_and_the_last_one_is_last():
    document = {}
    for second in range(RECENT_MAX + 5):
        document = with_recent(document, read_payee(f"@user_{second}"), second)
    assert len(document) == RECENT_MAX and "@user_4" not in document and max(document.values()) == RECENT_MAX + 4
    again = with_recent(document, read_payee("@user_5"), 100)
    assert again["@user_5"] == 100 and len(again) == RECENT_MAX
