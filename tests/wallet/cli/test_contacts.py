"""`tandem contacts`, and sending to a name."""

from __future__ import annotations

ADDRESS = "0x00a329c0648769A73afAc7F9381E08FB43dBEA72"


def test_names_are_added_listed_and_removed(tandem):
    assert tandem("contacts", "add", "Bob", "@bob", "--json").status == 0
    assert tandem("contacts", "add", "日常", ADDRESS.lower(), "--json").status == 0
    listed = tandem("contacts", "--json").json["contacts"]
    assert listed == [{"name": "Bob", "to": "@bob"}, {"name": "日常", "to": ADDRESS}]
    for name, slug in (("b0b", "name-taken"), ("a\u202eb", "input-malformed"), ("bоb", "input-malformed")):
        refused = tandem("contacts", "add", name, "@eve", "--json")
        assert (refused.status, refused.json["slug"]) == (2, slug)
    assert tandem("contacts", "add", "Eve", "eve", "--json").json["slug"] == "input-malformed"
    assert tandem("contacts", "remove", "bob", "--json").json["contacts"] == listed[1:]
    assert tandem("contacts", "remove", "bob", "--json").json["slug"] == "contact-unknown"


def test_a_name_that_nobody_has_is_told_with_its_twin(tandem):
    tandem("contacts", "add", "Bob", "@bob")
    refused = tandem("send", "1", "EUR", "b0b", "--yes", TANDEM_LANG="en")
    assert refused.status == 2 and "“Bob” looks like it, and is another" in refused.err
    assert "looks like it" not in tandem("send", "1", "EUR", "carol", "--yes", TANDEM_LANG="en").err


def test_contacts_and_accounts_share_their_names(tandem, people):
    alice, _bob = people
    assert tandem("contacts", "add", "Savings", "@bob", **alice.environ).status == 0
    for arguments in (("rename", "0", "sav1ngs"), ("watch", ADDRESS, "--name", "SAVINGS")):
        refused = tandem("accounts", *arguments, "--json", **alice.environ)
        assert (refused.json["slug"], refused.json["other"]) == ("name-taken", "Savings")


def test_both_kinds_of_money_go_to_a_name_and_are_recent(tandem, people):
    alice, bob = people
    assert tandem("contacts", "add", "Bobby", bob.in_full, **alice.environ).status == 0
    assert tandem("contacts", "add", "Cold", ADDRESS, **alice.environ).status == 0
    fiat = tandem("send", "1", "EUR", "bobby", "--yes", "--json", **alice.environ)
    assert (fiat.status, fiat.json["state"]) == (0, "accepted"), fiat.out + fiat.err
    token = tandem("send", "0.01", "ETH", "Cold", "--yes", "--json", **alice.environ)
    assert (token.status, token.json["to"]) == (0, ADDRESS), token.out + token.err
    recent = tandem("contacts", "recent", "--json", **alice.environ).json["recent"]
    assert {(row["name"], row["to"]) for row in recent[:2]} == {("Bobby", bob.in_full), ("Cold", ADDRESS)}


def test_a_look_alike_of_a_contact_is_warned_of(tandem, people):
    """Poisoning: same first and last digits as one whom the person named, and never paid."""
    alice, _bob = people
    near, sure = ("0xabcd" + digit * 32 + "ef01" for digit in "12")
    assert tandem("contacts", "add", "Vault", sure, **alice.environ).status == 0
    refused = tandem("send", "0.01", "ETH", near, "--yes", "--json", **alice.environ)
    assert (refused.json["slug"], refused.json["reason"]) == ("yes-refused", "warnings")
