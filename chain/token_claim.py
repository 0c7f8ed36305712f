"""What a token that is on no list says of itself, made harmless: claims to be shown as claims, or not at all. Pure.

A contract's name is whatever its author wrote: a megabyte, bytes that are no text, characters that turn a terminal's
line around, the name of a listed token in other letters. None of that is passed on; what is wrong is said instead.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from chain.address import Address
from chain.calldata import decode, encode_call
from chain.confusable import resembles
from chain.errors import CalldataMalformed
from chain.token import DECIMALS_MAX, Token
from chain.views import Answer, AnswerState, View

NAME_LENGTH_MAX = 60
SYMBOL_LENGTH_MAX = 20
_VIEWS = (encode_call("name()"), encode_call("symbol()"), encode_call("decimals()"))
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp", "Mn", "Me"})


class Fault(StrEnum):
    """Why a claim is not shown as it is."""

    NO_ANSWER = "no-answer"
    TOO_LONG = "too-long"
    NOT_TEXT = "not-text"
    HIDDEN_CHARACTERS = "hidden-characters"
    LOOKS_LISTED = "looks-listed"
    DECIMALS_ODD = "decimals-odd"


@dataclass(frozen=True, slots=True)
class Claim:
    """What may be shown of it: "" and None where nothing may. `faults` say why, in the order of the enumeration."""

    name: str = ""
    symbol: str = ""
    decimals: int | None = None
    faults: tuple[Fault, ...] = ()


def claim_views(token: Address) -> list[View]:
    """What to ask a contract for its claim."""
    return [View(token, calldata) for calldata in _VIEWS]


def read_claim(told: list[Answer] | tuple[Answer, ...], listed: Iterable[Token]) -> Claim:
    """Of the answers to `claim_views`; `listed` are the tokens of the same chain whose names nobody else may bear."""
    name, symbol, decimals = told
    faults: set[Fault] = set()
    known = [word for token in listed for word in (token.name, token.symbol)]
    shown_name = _shown(name, NAME_LENGTH_MAX, known, faults)
    shown_symbol = _shown(symbol, SYMBOL_LENGTH_MAX, known, faults)
    places = decimals.word()
    if places is None or places > DECIMALS_MAX:
        faults.add(Fault.DECIMALS_ODD)
        places = None
    return Claim(shown_name, shown_symbol, places, tuple(fault for fault in Fault if fault in faults))


def _shown(told: Answer, length_max: int, known: list[str], faults: set[Fault]) -> str:
    """ "" where there is a fault, which is added."""
    text = _text(told)
    if isinstance(text, Fault):
        faults.add(text)
        return ""
    text = unicodedata.normalize("NFC", text).strip()
    fault = None
    if len(text) > length_max:
        fault = Fault.TOO_LONG
    elif any(unicodedata.category(c) in _HIDDEN for c in text):
        fault = Fault.HIDDEN_CHARACTERS
    if any(resembles(text, word) for word in known):  # said of a disguised one as well
        faults.add(Fault.LOOKS_LISTED)
        text = ""
    if fault is not None:
        faults.add(fault)
        text = ""
    return text


def _text(told: Answer) -> str | Fault:
    """A string as the ABI writes it, or 32 bytes ended by zeros, as tokens before ERC-20 was finished did."""
    if told.state is not AnswerState.ANSWERED or told.size == 0:
        return Fault.NO_ANSWER
    raw = told.whole()
    if raw is None:
        return Fault.TOO_LONG
    try:
        if len(raw) == 32:
            return raw.rstrip(b"\0").decode()
        (text,) = decode("(bytes)", raw)
        assert isinstance(text, bytes)
        return text.decode()
    except (CalldataMalformed, UnicodeDecodeError):
        return Fault.NOT_TEXT
