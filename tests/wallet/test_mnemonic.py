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
BEYOND = {  # no list of the standard's repository; as python-mnemonic 0.21 ships them
    Language.RUSSIAN: "07f11af3f07fd13d8d74859f4448d8bca8f1d9d336dc4842531ecea083103a26",
    Language.TURKISH: "a7dc9c77913726106c7b8baa022b7e17601d118acf40aa60ab1fbc9c91b383ac",
}
BEYOND_VECTORS = [  # python-mnemonic 0.21 of entropy and passphrase
    (
        Language.RUSSIAN,
        "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
        "TREZOR",
        "обед эпизод уважение якорь шланг скот юстиция хутор обед эпизод уважение январь",
        "b918bd21a3d4bc9ad48fbf554c1b2170899bdfd6ec116b537d341c1225a9b2ac"
        "f2f9672363be0041d73d7c648252b42032275fe8f6e185776fc71f87abdd48ae",
    ),
    (
        Language.RUSSIAN,
        "f0e1d2c3b4a5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f",
        "ㇷ゚é",
        "ценить бросить роман март коридор здесь ужин грамм институт удочка извне врач "
        "бред флаг брюки плакать пляж желудок власть самец рядом весь народ фаворит",
        "d440fb9b65786aca13a7ff663eaa55165c3136373a155509b0b95611e17238d1"
        "c8d88965f2e5fa578ad8488fdc355fd1b8a32286e9b4dcee528a224b07db1549",
    ),
    (
        Language.TURKISH,
        "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
        "TREZOR",
        "meziyet yüzyıl tosbağa zindan yoğurt silecek zılgıt vokal meziyet yüzyıl tosbağa zirzop",
        "823d592ed10291fc25837c58bc122b2b37c0d20ea67530349270bcdb92e4892e"
        "13a7443eca530e9544694c8fb91d2fb7e8c29caeb598f627f90858e9fda408a0",
    ),
    (
        Language.TURKISH,
        "f0e1d2c3b4a5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f",
        "ㇷ゚é",
        "yağlı artı robot korkusuz iskele garnitür turan dehşet hacamat tulumba gökyüzü canhıraş "
        "armoni ülke aruz ödünç önerge eşya bisiklet sağduyu sade bedel marmelat uysal",
        "4e682ff4e156872376c99d0e2229787981101c9e15c58e2421d82a993eb10ee4"
        "e44354d5f89327839a3e58b87e89591f79be51af78465634debc90690319f656",
    ),
]
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


@pytest.mark.parametrize(("language", "entropy", "passphrase", "phrase", "seed"), BEYOND_VECTORS)
def test_russian_and_turkish_are_those_of_the_reference_implementation(language, entropy, passphrase, phrase, seed):
    (mnemonic,) = readings(phrase)
    assert (mnemonic.language, mnemonic.entropy.hex(), mnemonic.text) == (language, entropy, phrase)
    assert mnemonic.seed(passphrase).raw.hex() == seed
    file = ROOT / "wallet" / "wordlists" / f"{language}.txt"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == BEYOND[language]


def test_turkish_may_be_typed_in_capitals_and_without_its_letters():
    """I is the capital of the dotless i there, and the system's own lower case does not know that."""
    words = Mnemonic(bytes.fromhex("80" * 24), Language.TURKISH)
    assert "fıldır" in words.words and "alıngan" in words.words
    for typed in (words.text.upper(), words.text.replace("ı", "i"), unicodedata.normalize("NFD", words.text)):
        assert words in readings(typed)


@pytest.mark.parametrize("language", STANDARD_LISTS)
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
    if language not in (Language.JAPANESE, *BEYOND):  # which bip-utils has not
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
