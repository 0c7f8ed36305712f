"""Strangers' text made visible: nothing hides, nothing that can be read is changed."""

from __future__ import annotations

import pytest

from wallet.plain_text import LINE_LENGTH, LINES_MAX, is_hiding, lines, parts, visible


@pytest.mark.parametrize("text", ["", "hello", "你好，世界", "🌱 café", "a b"])
def test_what_can_be_read_stays_as_it_is(text):
    assert visible(text) == text and not is_hiding(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a<U+001B>[2Jb"),
        ("\u202eabc", "<U+202E>abc"),
        ("a\u200bb", "a<U+200B>b"),
        ("\ufeffa", "<U+FEFF>a"),
        ("a\u2028b", "a<U+2028>b"),
        ("\U000e0041", "<U+E0041>"),
        ("\ue000", "<U+E000>"),
    ],
)
def test_what_hides_is_spelt_out(text, shown):
    assert visible(text) == shown and is_hiding(text)


def test_lines_are_cut_and_counted():
    assert lines("a\r\nb\n") == (["a", "b", ""], True)
    assert lines("x" * (LINE_LENGTH + 1)) == (["x" * LINE_LENGTH, "x"], True)
    assert lines("\n" * (LINES_MAX - 1))[1] and not lines("\n" * LINES_MAX)[1]
    assert lines("\u202e" * LINE_LENGTH)[0][0].startswith("<U+202E>")
    assert parts("") == [""] and "".join(parts("ab" * 500)) == "ab" * 500
