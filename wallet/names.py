"""Names that a person gives to accounts and contacts: one spelling each, and no two that pass for each other. Pure.

NFKC; letters, digits and single spaces, - _ . between them, of one alphabet (Chinese, Japanese and Korean beside it are
fine). Control and format characters, which turn or hide what stands beside them, are refused. Two names with the same
skeleton (Unicode TR39's idea: what is left when look-alikes are made equal) cannot both be had.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from wallet.errors import InputMalformed, NameTaken

LENGTH_MAX = 32
_TYPED_LENGTH_MAX = 200
_SHAPE = re.compile(r"[^\W_]+(?:[ ._-][^\W_]+)*")
_ACCENTS = re.compile("[\u0300-\u036f]")
_EAST_ASIAN = {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "DIGIT", "KATAKANA-HIRAGANA", "IDEOGRAPHIC"}
# First the look-alike, then what it passes for (of Unicode's confusables.txt, as far as names of one alphabet reach).
_PAIRS = (
    "0o 1l |l ıi ĸk øo đd łl ħh ŧt þp ðd ŋn ƀb ɑa ɡg ɩi ʏy ʋu ᴏo "
    "аa б6 вb гr еe з3 иu кk мm нh оo пn рp сc тt уy хx ьb ѕs іi јj ћh ђh ԁd ԛq ԝw һh ӏl "
    "αa βb γy εe ηn ιi κk μu νv οo πn ρp σo ςc τt υu χx ωw "
    "օo ոn սu հh ցg զq "
    "へヘ エ工 カ力 タ夕 ト卜 ニ二 ハ八 ロ口 囗口 ー一 土士 未末 已己 巳己 日曰 入人 干千"
)
_LOOK_ALIKE = {ord(pair[0]): pair[1:] for pair in _PAIRS.split()}


def read_name(text: str) -> str:
    """The name in its one spelling (NFKC). Raises InputMalformed."""
    name = unicodedata.normalize("NFKC", text[:_TYPED_LENGTH_MAX]).strip()
    if not name or len(name) > LENGTH_MAX or not _SHAPE.fullmatch(_bare(name)):
        raise InputMalformed("name", text[:80], "up to 32 letters and digits, with single space - _ . between them")
    if name.lower().startswith("0x") or not any(c.isalpha() for c in name):
        raise InputMalformed("name", text[:80], "it reads like a number or an address")
    if len(_alphabets(name)) > 1:
        raise InputMalformed("name", text[:80], "its letters are of more than one alphabet")
    return name


def skeleton(name: str) -> str:
    """What is left of a name when everything that looks alike is made equal."""
    folded = _bare(unicodedata.normalize("NFKC", name).casefold()).translate(_LOOK_ALIKE)
    joined = re.sub(r"[ ._-]", "", folded)
    return joined.replace("rn", "m").replace("vv", "w").replace("cl", "d").replace("i", "l")


def new_name(text: str, taken: Iterable[str]) -> str:
    """A name that none of those that are taken passes for. Raises InputMalformed, NameTaken."""
    name = read_name(text)
    alike = next((other for other in taken if skeleton(other) == skeleton(name)), None)
    if alike is not None:
        raise NameTaken(name, alike)
    return name


def is_same(left: str, right: str) -> bool:
    """The same name, however it is typed; a look-alike is not."""
    return _folded(left) == _folded(right)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


def _bare(name: str) -> str:
    """Without accents, which are composed with their letters or not."""
    decomposed = unicodedata.normalize("NFD", name)
    return unicodedata.normalize(
        "NFC", "".join(c for c in decomposed if unicodedata.category(c) != "Mn" or c > "\u036f")
    )


def _alphabets(name: str) -> set[str]:
    """The writing systems of the letters, by the first word of their Unicode names; East Asian ones go with any."""
    words = {unicodedata.name(c, "?").split()[0] for c in name if c.isalpha()}
    return words - _EAST_ASIAN
