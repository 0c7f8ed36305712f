"""Phrases against the public vectors of every language, and against people's slips."""

from __future__ import annotations

import gzip
import hashlib
import json
import unicodedata
from contextlib import suppress
from pathlib import Path

import pytest
from bip_utils import Bip39Languages, Bip39MnemonicDecoder
from bip_utils.utils.mnemonic import MnemonicChecksumError
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet.errors import ChecksumWrong, SignerUnsafe, WordCountWrong, WordUnknown
from wallet.mnemonic import WORD_COUNTS, Language, Mnemonic, glosses, near_words, readings, word_list

ROOT = Path(__file__).parents[2]
TESTCASES = ROOT / "node_modules/@ethersproject/testcases/testcases/hdnode.json.gz"
LOCALES = {
    "en": Language.ENGLISH,
    "es": Language.SPANISH,
    "fr": Language.FRENCH,
    "it": Language.ITALIAN,
    "ja": Language.JAPANESE,
    "ko": Language.KOREAN,
    "zh_cn": Language.CHINESE_SIMPLIFIED,
    "zh_tw": Language.CHINESE_TRADITIONAL,
}
STANDARD_LISTS = {  # SHA-256 of the files in the repository of the standard
    Language.ENGLISH: "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda",
    Language.JAPANESE: "2eed0aef492291e061633d7ad8117f1a2b03eb80a29d0e4e3117ac2528d05ffd",
    Language.CHINESE_SIMPLIFIED: "5c5942792bd8340cb8b27cd592f1015edf56a8c5b26276ee18a482428e7c5726",
    Language.CHINESE_TRADITIONAL: "417b26b3d8500a4ae3d59717d7011952db6fc2fb84b807f3f94ac734e89c1b5f",
    Language.KOREAN: "9e95f86c167de88f450f0aaf89e87f6624a57f973c67b516e338e8e8b8897f60",
    Language.SPANISH: "46846a5a0139d1e3cb77293e521c2865f7bcdb82c44e8d0a06a2cd0ecba48c0b",
    Language.FRENCH: "ebc3959ab7801a1df6bac4fa7d970652f1df76b683cd2f4003c941c63d517e59",
    Language.ITALIAN: "d392c49fdb700a24cd1fceb237c1f65dcc128f6b34a8aacb58b59384b5c648c2",
    Language.CZECH: "7e80e161c3e93d9554c2efb78d4e3cebf8fc727e9c52e03b83b94406bdcc95fc",
    Language.PORTUGUESE: "2685e9c194c82ae67e10ba59d9ea5345a23dc093e92276fc5361f6667d79cd3f",
}
JUNK = "test test test test test test test test test test test junk"
# github.com/bip32JP: the mnemonic with ideographic spaces, and a passphrase that NFKD changes.
JAPANESE = [
    (
        "00000000000000000000000000000000",
        "あいこくしん　" * 11 + "あおぞら",
        "a262d6fb6122ecf45be09c50492b31f92e9beb7d9a845987a02cefda57a15f9c"
        "467a17872029a9e92299b5cbdf306e3a0ee620245cbd508959b6cb7ca637bd55",
    ),
    (
        "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
        "そつう　れきだい　ほんやく　わかす　りくつ　ばいか　ろせん　やちん　そつう　れきだい　ほんやく　わかめ",
        "aee025cbe6ca256862f889e48110a6a382365142f7d16f2b9545285b3af64e54"
        "2143a577e9c144e101a6bdca18f8d97ec3366ebf5b088b1c1af9bc31346e60d9",
    ),
    (
        "80808080808080808080808080808080",
        "そとづら　あまど　おおう　あこがれる　いくぶん　けいけん　あたえる　いよく　"
        "そとづら　あまど　おおう　あかちゃん",
        "e51736736ebdf77eda23fa17e31475fa1d9509c78f1deb6b4aacfbd760a7e2ad"
        "769c714352c95143b5c1241985bcb407df36d64e75dd5a2b78ca5d2ba82a3544",
    ),
]


def cases(locale):
    everything = json.loads(gzip.decompress(TESTCASES.read_bytes()))
    return [case for case in everything if case["locale"] == locale]


@pytest.mark.parametrize("locale", LOCALES)
def test_public_vectors(locale):
    chosen = cases(locale)
    assert len(chosen) >= (1094 if locale == "en" else 45)
    for case in chosen:
        expected = Mnemonic(bytes.fromhex(case["entropy"][2:]), LOCALES[locale])
        assert expected.text in {m.text for m in readings(case["mnemonic"])}
        assert expected.text == unicodedata.normalize("NFC", case["mnemonic"])
        assert expected.seed(case.get("password") or "").raw.hex() == case["seed"][2:]


def test_trezor_vectors_are_among_them():
    assert len([case for case in cases("en") if case["name"].startswith("trezor")]) == 24


@pytest.mark.parametrize(("entropy", "phrase", "seed"), JAPANESE)
def test_japanese_vectors(entropy, phrase, seed):
    (mnemonic,) = readings(phrase)
    assert mnemonic.entropy.hex() == entropy
    assert mnemonic.text == unicodedata.normalize("NFC", phrase)
    assert mnemonic.seed("㍍ガバヴァぱばぐゞちぢ十人十色").raw.hex() == seed


@pytest.mark.parametrize("language", Language)
def test_lists_are_the_standards(language):
    spelt = "".join(word + "\n" for word in word_list(language))
    forms = [unicodedata.normalize(form, spelt) for form in ("NFC", "NFD", "NFKD")]
    assert STANDARD_LISTS[language] in {hashlib.sha256(form.encode()).hexdigest() for form in forms}


@given(
    st.sampled_from(list(Language)),
    st.sampled_from([16, 20, 24, 28, 32]).flatmap(lambda n: st.binary(min_size=n, max_size=n)),
)
@settings(max_examples=150, deadline=None)
def test_same_as_bip_utils(language, entropy):
    mnemonic = Mnemonic(entropy, language)
    assert mnemonic.text in {m.text for m in readings(mnemonic.text)}
    if language is not Language.JAPANESE:  # which bip-utils has not
        peer = Bip39MnemonicDecoder(Bip39Languages[language.name])
        assert peer.Decode(mnemonic.text) == entropy


@given(st.lists(st.sampled_from(word_list(Language.ENGLISH)), min_size=12, max_size=12))
@settings(max_examples=200, deadline=None)
def test_refuses_what_bip_utils_refuses(words):
    text = " ".join(words)
    try:
        Bip39MnemonicDecoder(Bip39Languages.ENGLISH).Decode(text)
    except MnemonicChecksumError:
        with pytest.raises(ChecksumWrong):
            readings(text)
    else:
        assert readings(text)


@pytest.mark.parametrize("count", WORD_COUNTS)
def test_new_phrases_are_english_and_never_the_same(count):
    made = [Mnemonic.generate(count) for _ in range(50)]
    assert {len(m.words) for m in made} == {count}
    assert len({m.entropy for m in made}) == 50
    assert all(readings(m.text) == (m,) for m in made)


@pytest.mark.parametrize("broken", [lambda n: bytes(n), lambda n: b"\x01\x02" * (n // 2), lambda n: bytes(range(n))])
def test_i11_a_broken_generator_makes_no_phrase(monkeypatch, broken):
    monkeypatch.setattr("os.urandom", broken)
    with pytest.raises(SignerUnsafe):
        Mnemonic.generate(12)


@pytest.mark.parametrize("count", [0, 11, 13, 25, -12])
def test_other_lengths_are_refused(count):
    with pytest.raises(WordCountWrong):
        Mnemonic.generate(count)


@pytest.mark.parametrize(("typed", "count"), [("", 0), ("test junk", 2), (JUNK + " test", 13), ("test " * 25, 25)])
def test_a_phrase_of_other_length_says_its_count(typed, count):
    with pytest.raises(WordCountWrong) as caught:
        readings(typed)
    assert caught.value.count == count


@pytest.mark.parametrize(
    ("bad", "position", "near"),
    [
        ("jnuk", 12, "junk"),
        ("juunk", 12, "junk"),
        ("abandn", 3, "abandon"),
        ("teast", 7, "test"),
        ("abandonment", 1, "abandon"),
    ],
)
def test_a_bad_word_is_named_with_near_words(bad, position, near):
    words = JUNK.split()
    words[position - 1] = bad
    with pytest.raises(WordUnknown) as caught:
        readings(" ".join(words))
    assert (caught.value.position, caught.value.word, caught.value.language) == (position, bad, "english")
    assert near in caught.value.near
    assert len(caught.value.near) <= 5


def test_near_words_come_nearest_first():
    assert near_words("abanden", Language.ENGLISH) == ["abandon"]
    assert near_words("actin", Language.ENGLISH)[0] == "action"
    assert near_words("zzzzzzz", Language.ENGLISH) == []
    assert near_words("x" * 10_000, Language.ENGLISH) == []


def test_a_wrong_checksum_names_the_languages_it_could_be():
    with pytest.raises(ChecksumWrong) as caught:
        readings("test " * 12)
    assert caught.value.languages == ["english"]


@pytest.mark.parametrize(
    "typed",
    [
        JUNK.upper(),
        "  " + JUNK.replace(" ", "\t\n  "),
        JUNK.replace("t", "ｔ"),
        JUNK.replace(" ", "\u3000"),
        JUNK.title(),
    ],
)
def test_how_a_phrase_is_typed_does_not_matter(typed):
    assert [m.text for m in readings(typed)] == [JUNK]


def test_accents_may_be_left_out_in_french_and_spanish():
    spanish = Mnemonic(bytes(16), Language.SPANISH)
    assert "á" in spanish.text
    assert readings(spanish.text.replace("á", "a")) == (spanish,)
    (french,) = readings(Mnemonic(bytes(range(16)), Language.FRENCH).text.replace("é", "e").replace("è", "e"))
    assert french.language is Language.FRENCH


def test_chinese_in_either_script_gives_both_wallets():
    simplified = Mnemonic(bytes(range(16)), Language.CHINESE_SIMPLIFIED)
    traditional = Mnemonic(bytes(range(16)), Language.CHINESE_TRADITIONAL)
    assert simplified.text != traditional.text
    assert simplified.seed().raw != traditional.seed().raw
    assert readings(simplified.text) == (simplified, traditional)
    assert readings(traditional.text) == (traditional, simplified)


def test_chinese_may_be_written_without_spaces_and_in_mixed_script():
    simplified = Mnemonic(bytes(range(16)), Language.CHINESE_SIMPLIFIED)
    traditional = Mnemonic(bytes(range(16)), Language.CHINESE_TRADITIONAL)
    assert readings("".join(simplified.words)) == (simplified, traditional)
    mixed = [*simplified.words[:6], *traditional.words[6:]]
    assert set(readings(" ".join(mixed))) == {simplified, traditional}


def test_chinese_that_both_scripts_spell_alike_is_one_wallet():
    (only,) = readings("的的的的的的的的的的的在")
    assert only.seed().raw == Mnemonic(bytes(16), Language.CHINESE_TRADITIONAL).seed().raw


def test_a_bad_chinese_character_is_named():
    with pytest.raises(WordUnknown) as caught:
        readings("的 的 的 的 龘 的 的 的 的 的 的 在")
    assert (caught.value.position, caught.value.word) == (5, "龘")


def test_words_of_two_languages_are_read_in_both():
    common = sorted(set(word_list(Language.ENGLISH)) & set(word_list(Language.FRENCH)))
    assert len(common) == 100
    for last in common:  # 12 words of both lists with a checksum that holds in one or the other
        try:
            found = readings(" ".join([*common[:11], last]))
        except ChecksumWrong as error:
            assert error.languages == ["english", "french"]
        else:
            assert {m.language for m in found} <= {Language.ENGLISH, Language.FRENCH}


def test_a_phrase_valid_in_two_languages_is_one_wallet():
    common = sorted(set(word_list(Language.ENGLISH)) & set(word_list(Language.FRENCH)))
    texts = (" ".join([first, *common[:10], last]) for first in common for last in common)
    both = next(text for text in texts if len(spelling_languages(text)) == 2)
    (only,) = readings(both)
    assert only.text == both
    french = next(m for m in spelling_languages(both).values() if m.language is Language.FRENCH)
    assert french.entropy != only.entropy
    assert french.seed().raw == only.seed().raw


def spelling_languages(text):
    """By bip-utils: the languages whose checksum holds, with the phrase in each."""
    found = {}
    for language in (Language.ENGLISH, Language.FRENCH):
        with suppress(MnemonicChecksumError):
            found[language] = Mnemonic(Bip39MnemonicDecoder(Bip39Languages[language.name]).Decode(text), language)
    return found


def test_glosses_fit_the_english_list():
    lines = (ROOT / "wallet/gloss_zh.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[0] for line in lines] == list(word_list(Language.ENGLISH))
    assert len(glosses()) == 2048
    assert all(0 < len(gloss) <= 8 and any("\u4e00" <= c <= "\u9fff" for c in gloss) for gloss in glosses())
    assert len(set(glosses())) == 2048


def test_the_words_asked_back_are_compared_as_people_type():
    mnemonic = readings(JUNK)[0]
    assert mnemonic.differing({1: " Test", 12: "JUNK", 5: "test"}) == []
    assert mnemonic.differing({1: "junk", 12: "junk", 13: "test", 0: "x"}) == [1, 13, 0]


def test_secrets_print_stars():
    mnemonic = readings(JUNK)[0]
    shown = repr(mnemonic) + str(mnemonic) + f"{mnemonic}" + repr(mnemonic.seed()) + str(mnemonic.seed())
    assert "junk" not in shown
    assert mnemonic.seed().raw.hex() not in shown
    assert shown.count("***") == 5
