"""What unlisted tokens say of themselves: nobody's name fools, and nothing of it reaches a terminal as it is."""

from __future__ import annotations

import unicodedata

import pytest

from chain.calldata import encode
from chain.confusable import resembles, skeleton
from chain.devnet_contracts import demo_token
from chain.token_claim import Claim, Fault, read_claim
from chain.views import Answer, AnswerState

LISTED = [demo_token("DUSD"), demo_token("DWETH")]


def told(value, kept_max=160):
    raw = value if isinstance(value, bytes) else encode("(string)", (value,))
    return Answer(AnswerState.ANSWERED, len(raw), raw[:kept_max])


def word(number):
    return Answer(AnswerState.ANSWERED, 32, number.to_bytes(32, "big"))


def claim(symbol, name="Some Name", decimals=6):
    return read_claim([told(name), told(symbol), word(decimals)], LISTED)


def test_an_honest_claim_is_shown_as_it_is():
    assert claim("HONEST") == Claim("Some Name", "HONEST", 6)
    old = read_claim([told(b"Old Maker".ljust(32, b"\0")), told(b"OLD".ljust(32, b"\0")), word(18)], LISTED)
    assert old == Claim("Old Maker", "OLD", 18)
    assert claim("代币", "中文代币") == Claim("中文代币", "代币", 6), "other alphabets are no fault"


@pytest.mark.parametrize(
    "symbol",
    [
        *("DUSD", "dusd", "DUЅD", "DUSＤ", "D U S D", "D\u200bUSD", "D.USD", "ⅮUSD", "𝐃𝐔𝐒𝐃", "DU$D", "DU5D", "ꓓꓴꓢꓓ"),
        *("Dμsd", "DÚSD", "Demo Dollar", "Dеmо Dоllаr", "DUS\u202eD", "ᴅᴜꜱᴅ"),
    ],
)
def test_nobody_bears_the_name_of_a_listed_token_however_it_is_written(symbol):
    assert resembles(symbol, "DUSD") or resembles(symbol, "Demo Dollar")
    found = claim(symbol)
    assert found.symbol == "" and Fault.LOOKS_LISTED in found.faults
    assert Fault.LOOKS_LISTED in claim("OTHER", name=symbol).faults


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("\x1b[31mRED", Fault.HIDDEN_CHARACTERS),
        ("A\x00B", Fault.HIDDEN_CHARACTERS),
        ("new\nline", Fault.HIDDEN_CHARACTERS),
        ("\u202eDSU", Fault.HIDDEN_CHARACTERS),
        ("\u2066DSU\u2069", Fault.HIDDEN_CHARACTERS),
        ("Z" + "\u0336" * 5, Fault.HIDDEN_CHARACTERS),
        ("N" * 21, Fault.TOO_LONG),
        ("M" * 2000, Fault.TOO_LONG),
        (encode("(bytes)", (b"US\xc0\xaf",)), Fault.NOT_TEXT),
        (b"\xff" * 32, Fault.NOT_TEXT),
        (b"\x20" + bytes(95), Fault.NOT_TEXT),
        (b"", Fault.NO_ANSWER),
    ],
)
def test_what_could_not_be_shown_is_not_shown(value, fault):
    found = claim(value)
    assert (found.symbol, found.faults) == ("", (fault,))


def test_decimals_are_a_claim_too():
    assert claim("A", decimals=255) == Claim("Some Name", "A", None, (Fault.DECIMALS_ODD,))
    assert claim("A", decimals=0).decimals == 0
    silent = read_claim([Answer(AnswerState.REVERTED)] * 3, LISTED)
    assert silent == Claim(faults=(Fault.NO_ANSWER, Fault.DECIMALS_ODD))


def test_whatever_is_shown_can_be_printed():
    for number in range(0, 0x3000, 7):
        shown = claim("x" + chr(number)).symbol
        assert all(unicodedata.category(c)[0] not in "CZ" or c == " " for c in shown), hex(number)


def test_skeletons_tell_apart_what_is_seen_apart():
    assert skeleton("DUSD") != skeleton("DEUR") != skeleton("HONEST")
    assert skeleton("\u200b \n") == "" and not resembles("\u200b", "")
