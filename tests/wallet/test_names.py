"""Names: one spelling, one alphabet, and no twin. The corpus has names that were made to deceive (THREATS A-10)."""

from __future__ import annotations

import pytest

from wallet.errors import InputMalformed, NameTaken
from wallet.names import is_same, new_name, read_name, skeleton

TWINS = {
    "paypal": ["PayPal", "pаypаl", "paypa1", "paypaI", "ｐａｙｐａｌ", "pay-pal", "pay pal", "páypal", "рaypal"],
    "modern": ["rnodern", "modem", "mоdern", "MODERN"],
    "bob": ["b0b", "ƀob", "Bób", "bоb"],
    "wallet": ["vvallet", "wa11et", "walIet"],
    "clerk": ["derk", "сlerk"],
    "已付": ["己付", "巳付"],
}
HARMFUL = [
    *("a\u202eb", "a\u200bb", "a\u200db", "\u2066a", "a\x1b[31m", "a\nb", "a\tb", "a\0b", "\ufeffbob", "a\u00adb"),
    *("", " ", ".", "-a", "a-", "a--b", "a  b", "a_", "a@b", "@bob", "bob#1", "a/b", "😀", "a😀", "🇩🇪", "x" * 33),
    *("0xab", "0X12", "12", "1-2", "bоb", "αlpha", "аlice", "bo\u0301\u0302\u0489b", "a\u2060b", "a\ud800b"),
]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Savings", "Savings"),
        (" Old key ", "Old key"),
        ("Ｂｏｂ", "Bob"),
        ("日常", "日常"),
        ("Bob 的卡", "Bob 的卡"),
        ("Иван", "Иван"),
        ("Zoë", "Zoë"),
        ("Zoe\u0308", "Zoë"),
        ("カード2", "カード2"),
        ("a.b-c_d 1", "a.b-c_d 1"),
        ("x" * 32, "x" * 32),
    ],
)
def test_names_have_one_spelling(typed, name):
    assert read_name(typed) == name


@pytest.mark.parametrize("text", HARMFUL)
def test_what_deceives_is_no_name(text):
    with pytest.raises(InputMalformed) as caught:
        read_name(text)
    assert caught.value.field == "name"


@pytest.mark.parametrize(("name", "twin"), [(name, twin) for name, twins in TWINS.items() for twin in twins])
def test_twins_are_seen(name, twin):
    assert skeleton(name) == skeleton(twin)
    try:
        with pytest.raises(NameTaken):
            new_name(twin, ["someone else", name])
    except InputMalformed:
        pass  # of two alphabets: no name at all, which is as good


@pytest.mark.parametrize(("left", "right"), [("bob", "rob"), ("日常", "日用"), ("Иван", "Игорь"), ("anna", "hanna")])
def test_other_names_are_others(left, right):
    assert new_name(left, [right]) == left


def test_a_name_is_found_as_it_is_typed_and_a_twin_is_not():
    assert is_same("Savings", " savings") and is_same("Zoë", "zoe\u0308") and is_same("Ｂｏｂ", "bob")
    assert not is_same("Savings", "Sav1ngs")
