"""Handles: the names people pay to. One spelling each, and no two that a person could take for the other.

NFKC and lower case, 3 to 32 characters of one writing system, digits, and single `_` `-` `.` between them. Two handles
with the same skeleton (Unicode TR39's idea: what is left when look-alikes are made equal) cannot both be had. Pure.
"""

from __future__ import annotations

import re
import unicodedata

from api.errors import HandleInvalid

LENGTH_MIN, LENGTH_MAX = 3, 32
INPUT_LENGTH_MAX = 128
_SHAPE = re.compile(r"[^\W_]+(?:[-_.][^\W_]+)*")
_SCRIPTS = (
    "a-zà-öø-ÿā-ž",
    "а-џґ",
    "ά-ώ",
    "ぁ-ゖァ-ヺー々㐀-䶿一-鿿",
    "가-힣",
)
_ONE_SCRIPT = tuple(re.compile(f"[0-9._{letters}-]+") for letters in _SCRIPTS)

# First the look-alike, then what it passes for. Letters of other alphabets that pass for Latin ones and digits that
# pass for letters come from Unicode's confusables.txt, as far as the writing systems above reach, with the few beside
# it that people are known to misread; accents are taken off before.
_LETTERS = (
    "0o 1l ıi ĸk øo đd łl ħh ŧt þp ðd ŋn æae œoe "
    "аa б6 вb гr еe з3 иu кk мm нh оo пn рp сc тt уy хx ьb ѕs іi јj ћh ґr ђh "
    "αa βb γy εe ηn ιi κk μu νv οo πn ρp σo ςc τt υu χx ωw"
)
_CHARACTERS = (
    "へヘ イ亻 エ工 カ力 タ夕 ト卜 ニ二 ハ八 ロ口 囗口 ー一 併倂 値值 啓啟 土士 塡填 墫壿 媯嬀 "
    "帡帲 戶戸 晚晩 研硏 絕絶 郎郞 鎭鎮 隷隸 鹂鹃 黑黒 未末 已己 巳己 日曰 入人 干千"
)
_LOOK_ALIKE = {ord(pair[0]): pair[1:] for pair in (_LETTERS + " " + _CHARACTERS).split()}
_ACCENTS = re.compile("[\u0300-\u036f]")

_RESERVED = ("admin", "me", "operator", "root", "security", "support", "system", "tandem", "bank", "help")


def normal(text: str) -> str:
    """The one spelling of a handle (a leading @ is dropped). Raises HandleInvalid saying why."""
    if len(text) > INPUT_LENGTH_MAX:
        raise HandleInvalid("it is too long")
    handle = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.removeprefix("@")).casefold())
    if not LENGTH_MIN <= len(handle) <= LENGTH_MAX:
        raise HandleInvalid(f"it has {LENGTH_MIN} to {LENGTH_MAX} characters")
    if not _SHAPE.fullmatch(handle):
        raise HandleInvalid("it has letters and digits, with single - _ . between them")
    if not any(script.fullmatch(handle) for script in _ONE_SCRIPT):
        raise HandleInvalid("its letters are of one writing system (Latin, Cyrillic, Greek, Han and kana, Hangul)")
    if not any(character.isalpha() for character in handle):
        raise HandleInvalid("it has at least one letter")
    if skeleton(handle) in _RESERVED_SKELETONS:
        raise HandleInvalid("it is kept for the operator")
    return handle


def skeleton(handle: str) -> str:
    """What is left of a normal handle when everything that looks alike is made equal."""
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", handle)).translate(_LOOK_ALIKE)
    joined = re.sub("[-_.]", "", bare)
    return joined.replace("rn", "m").replace("vv", "w").replace("i", "l")


_RESERVED_SKELETONS = frozenset(skeleton(word) for word in _RESERVED)
