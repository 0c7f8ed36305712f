"""Recovery phrases (BIP-39): made in English, read in every language of the standard.

A phrase is its entropy and the language of its list, because the seed is PBKDF2 over the *text*: the same words in the
other Chinese script pass the checksum and open another wallet. So reading returns every wallet that the typed words
may mean, and never picks one silently.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from wallet.errors import ChecksumWrong, SignerUnsafe, WordCountWrong, WordUnknown

WORD_COUNTS = (12, 15, 18, 21, 24)
LIST_LENGTH = 2048
TYPED_LENGTH_MAX = 2000
_WORD_LENGTH_MAX = 32
_NEAR_MAX = 5
_BESIDE = Path(__file__).parent


class Language(StrEnum):
    """The ten lists of BIP-39 and the two more, Russian and Turkish, that its authors' own implementation reads. They
    lie in `wordlists` as the standard's repository, and python-mnemonic 0.21, have them."""

    ENGLISH = "english"
    CHINESE_SIMPLIFIED = "chinese-simplified"
    CHINESE_TRADITIONAL = "chinese-traditional"
    CZECH = "czech"
    FRENCH = "french"
    ITALIAN = "italian"
    JAPANESE = "japanese"
    KOREAN = "korean"
    PORTUGUESE = "portuguese"
    RUSSIAN = "russian"
    SPANISH = "spanish"
    TURKISH = "turkish"


_CHINESE = (Language.CHINESE_SIMPLIFIED, Language.CHINESE_TRADITIONAL)
_ACCENTED = (Language.FRENCH, Language.SPANISH, Language.TURKISH)


class Seed:
    """The 64 bytes that all keys come from. Shows itself as ***."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def __repr__(self) -> str:
        return "Seed(***)"


@dataclass(frozen=True, slots=True, repr=False)
class Mnemonic:
    """A valid phrase: 16, 20, 24, 28 or 32 bytes of entropy and the list that spells them."""

    entropy: bytes
    language: Language = Language.ENGLISH

    def __post_init__(self) -> None:
        if len(self.entropy) not in (16, 20, 24, 28, 32):
            raise ValueError("entropy has 16, 20, 24, 28 or 32 bytes")

    def __repr__(self) -> str:
        return "Mnemonic(***)"

    @classmethod
    def generate(cls, word_count: int) -> Mnemonic:
        """A new English phrase from the system's generator. Raises WordCountWrong, SignerUnsafe."""
        if word_count not in WORD_COUNTS:
            raise WordCountWrong(word_count)
        size = word_count * 4 // 3
        entropy, other = os.urandom(size), os.urandom(size)
        if entropy == other or len(set(entropy)) < 4:
            raise SignerUnsafe("the system's random generator repeats itself")
        return cls(entropy)

    @property
    def words(self) -> tuple[str, ...]:
        """As the list spells them, in composed form (NFC), for eyes; the seed takes the decomposed one."""
        spelt = word_list(self.language)
        return tuple(unicodedata.normalize("NFC", spelt[index]) for index in _indexes(self.entropy))

    @property
    def text(self) -> str:
        """The phrase on one line; Japanese is written with ideographic spaces."""
        return ("\u3000" if self.language is Language.JAPANESE else " ").join(self.words)

    def seed(self, passphrase: str = "") -> Seed:
        """BIP-39: PBKDF2-HMAC-SHA512 of the text, 2048 rounds. A passphrase is part of the key, never checked."""
        sentence = unicodedata.normalize("NFKD", " ".join(self.words)).encode()
        salt = unicodedata.normalize("NFKD", "mnemonic" + passphrase).encode()
        return Seed(hashlib.pbkdf2_hmac("sha512", sentence, salt, 2048))

    def differing(self, given: dict[int, str]) -> list[int]:
        """The positions (from 1) where `given` is not this phrase's word; typed carelessly is typed right."""
        mine = dict(enumerate(self.words, start=1))
        return [n for n, word in given.items() if not _same(mine.get(n, ""), word)]


@lru_cache
def word_list(language: Language) -> tuple[str, ...]:
    """The 2048 words of a language in decomposed form (NFKD), as the standard hashes them."""
    listed = (_BESIDE / "wordlists" / f"{language}.txt").read_text(encoding="utf-8")
    words = tuple(unicodedata.normalize("NFKD", listed).split())
    if len(set(words)) != LIST_LENGTH:
        raise ValueError(f"the {language} list is not the standard's")
    return words


@lru_cache
def glosses() -> tuple[str, ...]:
    """A short Chinese meaning for each word of the English list, in its order. For people; no part of any key."""
    lines = (_BESIDE / "gloss_zh.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line.split("\t")[1] for line in lines)


def readings(typed: str) -> tuple[Mnemonic, ...]:
    """Every wallet that the typed words may mean; the likeliest (as spelt) first, never empty.

    Case, width, accents that a keyboard lacks and kinds of space do not matter. Chinese may be written without spaces
    and in either script, even mixed: both scripts are returned unless they spell the same text.
    Raises WordCountWrong, WordUnknown, ChecksumWrong.
    """
    words = _split(typed)
    if len(words) not in WORD_COUNTS:
        raise WordCountWrong(len(words))
    spelt = _spellings(words)
    if not spelt:
        raise _unknown(words)
    found = [Mnemonic(e, language) for language, indexes in spelt if (e := _entropy(indexes)) is not None]
    if not found:
        raise ChecksumWrong([language.value for language, _ in spelt])
    return _distinct(found)


def near_words(word: str, language: Language) -> list[str]:
    """Words of the list that a slip of the finger makes of `word`, nearest first; at most five."""
    word = word[:_WORD_LENGTH_MAX]
    ranked = []
    for index, candidate in enumerate(word_list(language)):
        distance = 9 if abs(len(candidate) - len(word)) > 2 else _distance(word, candidate)
        same_start = len(word) >= 3 and candidate[:4] == word[:4]
        if distance <= (1 if len(word) < 4 else 2) or same_start:
            ranked.append((distance - same_start, index, unicodedata.normalize("NFC", candidate)))
    return [candidate for _, _, candidate in sorted(ranked)[:_NEAR_MAX]]


def _split(typed: str) -> list[str]:
    words = unicodedata.normalize("NFKD", typed[:TYPED_LENGTH_MAX]).lower().split()
    return [part for word in words for part in (list(word) if _is_han(word) else [word])]


def _is_han(word: str) -> bool:
    return all("\u4e00" <= character <= "\u9fff" for character in word)


def _same(word: str, typed: str) -> bool:
    left, right = (unicodedata.normalize("NFKD", text.strip()).lower() for text in (word, typed))
    return hmac.compare_digest(left.encode(), right.encode())


@lru_cache
def _positions(language: Language, accents: bool) -> dict[str, int]:
    words = word_list(language) if accents else [_bare(word) for word in word_list(language)]
    return {word: index for index, word in enumerate(words)}


def _bare(word: str) -> str:
    """Without accents, and with one i for the two that Turkish has (I is the capital of the other one there)."""
    return "".join(character for character in word if not unicodedata.combining(character)).replace("ı", "i")


def _spellings(words: list[str]) -> list[tuple[Language, list[int]]]:
    """The languages that hold every word, with the words' numbers."""
    exact = _in_lists(words, {language: _positions(language, True) for language in Language})
    if exact and exact[0][0] not in _CHINESE:
        return exact
    if exact or all(_is_han(word) for word in words):
        return _in_either_script(words, [language for language, _ in exact])
    bare = [_bare(word) for word in words]
    return _in_lists(bare, {language: _positions(language, False) for language in _ACCENTED})


def _in_lists(words: list[str], lists: dict[Language, dict[str, int]]) -> list[tuple[Language, list[int]]]:
    held = [(language, [places.get(word, -1) for word in words]) for language, places in lists.items()]
    return [(language, indexes) for language, indexes in held if -1 not in indexes]


def _in_either_script(words: list[str], exact: list[Language]) -> list[tuple[Language, list[int]]]:
    """Both scripts, as typed first. The lists run in step: word n of one is word n of the other."""
    simplified, traditional = (_positions(language, True) for language in _CHINESE)
    indexes = [simplified.get(word, traditional.get(word, -1)) for word in words]
    if -1 in indexes:
        return []
    order = sorted(_CHINESE, key=lambda language: language not in exact)
    return [(language, indexes) for language in order]


def _unknown(words: list[str]) -> WordUnknown:
    """Blames the first word that the likeliest list (the one that holds most of them) lacks."""
    counts = {language: sum(word in _positions(language, True) for word in words) for language in Language}
    language = max(counts, key=lambda one: counts[one])
    known = set(_positions(language, True))
    if language in _CHINESE:
        known |= {word for script in _CHINESE for word in _positions(script, True)}
    if language in _ACCENTED:
        known |= set(_positions(language, False))
    place, word = next((n, word) for n, word in enumerate(words, start=1) if word not in known)
    shown = unicodedata.normalize("NFC", word[:_WORD_LENGTH_MAX])
    return WordUnknown(place, shown, near_words(word, language), language.value)


def _distinct(found: Iterable[Mnemonic]) -> tuple[Mnemonic, ...]:
    """One of each text: a phrase of characters common to both scripts is one wallet, not two."""
    by_text = {mnemonic.text: mnemonic for mnemonic in reversed(list(found))}
    return tuple(reversed(by_text.values()))


def _indexes(entropy: bytes) -> list[int]:
    """BIP-39: entropy, then the first bit of its SHA-256 for every 32 of it, cut into numbers of 11 bits."""
    check = len(entropy) // 4
    bits = int.from_bytes(entropy, "big") << check | hashlib.sha256(entropy).digest()[0] >> (8 - check)
    total = len(entropy) * 8 + check
    return [bits >> shift & (LIST_LENGTH - 1) for shift in range(total - 11, -1, -11)]


def _entropy(indexes: list[int]) -> bytes | None:
    """The entropy that spells these words, or None where the checksum says otherwise."""
    bits = 0
    for index in indexes:
        bits = bits << 11 | index
    check = len(indexes) // 3
    entropy = (bits >> check).to_bytes(len(indexes) * 4 // 3, "big")
    return entropy if _indexes(entropy) == indexes else None


def _distance(left: str, right: str) -> int:
    """Edits between two words, a swap of neighbours counting as one (optimal string alignment)."""
    rows = [list(range(len(right) + 1))]
    for i, a in enumerate(left, start=1):
        row = [i]
        for j, b in enumerate(right, start=1):
            cost = min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
