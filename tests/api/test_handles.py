"""A-10: names. Look-alikes share a skeleton; what cannot be read plainly is no handle."""

from __future__ import annotations

import unicodedata

import pytest

from api.errors import HandleInvalid
from api.handles import normal, skeleton

WRITTEN = (
    "Alice=alice @bob=bob ＢＯＢ=bob ﬁne=fine a.b-c_d=a.b-c_d 李小龙=李小龙 Алиса=алиса Émile=émile "
    "e\u0301mile=émile 김철수=김철수"
)
ALIKE = (
    "paypal=раураl alice=a1ice modern=modem bob=b0b vvave=wave al.ice=al-ice ecole=école へいわ=ヘいわ "
    "口口口=ロロロ 黑黑人=黒黑入 scope=ѕсоре author=αuthor strasse=straſſe adm1n=admin"
)
DIFFERENT = "alice=alicia bob=rob 李小龙=李大龙 がま=かま anna=ana"


def pairs(text):
    return [tuple(pair.split("=")) for pair in text.split()]


@pytest.mark.parametrize(("written", "handle"), pairs(WRITTEN))
def test_one_spelling_each(written, handle):
    assert normal(written) == handle
    assert normal(handle) == handle


@pytest.mark.parametrize(("one", "other"), pairs(ALIKE))
def test_look_alikes_have_one_skeleton(one, other):
    def bare(text):
        return skeleton(unicodedata.normalize("NFKC", text).casefold())

    assert bare(one) == bare(other)


@pytest.mark.parametrize(("one", "other"), pairs(DIFFERENT))
def test_different_names_stay_different(one, other):
    assert skeleton(one) != skeleton(other)


BAD = (
    *("", "a", "ab", "a" * 33, "a" * 10_000, "123", "0.0.0", ".bob", "bob.", "bo..b", "bo_-b", "bo/b", "bo%b", "@@bob"),
    *("bob@", "bo b", "bo\tb", "bob\n", "bob\x00", "bob\x1b[31m", "bo\u200bb", "bo\u200db", "\ufeffbob", "bo\u00adb"),
    *("\u202ebob", "bob\u2066x", "\u0301\u0301\u0301", "bob\u0489", "😀😀😀", "🇩🇪🇩🇪", "аlice", "aliсe", "bοb", "bob李"),
    *("кат猫", "٣٤٥٦", "बाबा", "ابجد", "אבגד", "admin", "Adm1n", "support", "t.a.n.d.e.m", "operat0r", "r00t"),
)


@pytest.mark.parametrize("written", BAD, ids=lambda text: ascii(text)[:24])
def test_what_is_no_handle(written):
    with pytest.raises(HandleInvalid):
        normal(written)
