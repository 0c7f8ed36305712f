"""What a stranger's JSON may not do."""

import sys

import pytest

from chain import strict_json
from chain.errors import JsonMalformed


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":1}', "NaN", "1.0", "1e3", "[" * 65 + "]" * 65, "9" * 101, "[1,]", "", b"\xff"]
)
def test_refused(text: str | bytes) -> None:
    with pytest.raises(JsonMalformed):
        strict_json.parse(text, 1000)


def test_accepted() -> None:
    assert strict_json.parse('{"a":["]]]}}}\\"[[", 1, null]}', 1000) == {"a": [']]]}}}"[[', 1, None]}
    assert strict_json.parse("[0.5]", 1000, floats=True) == [0.5]
    with pytest.raises(JsonMalformed):
        strict_json.parse(" " * 1001, 1000)


def test_depth_is_refused_even_where_the_recursion_limit_was_raised() -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        for text in ("[" * 10**6, '{"a":' * 10**6, '["' + "\\" * 10**6):
            with pytest.raises(JsonMalformed):
                strict_json.parse(text, 10**7)
    finally:
        sys.setrecursionlimit(before)


def test_how_deep_is_found_out_quickly_and_rightly() -> None:
    """Whatever stands in strings; one level less is taken, one more refused."""
    deep = "[" * 63 + "{}" + "]" * 63
    strings = ['"]]]"', '"[[["', '"{\\"["', '""', '"\u005b"', '"a"', '"[", "]"', '{"[": "]", "}": "{"}']
    for text in (deep, *(f"[{one}, {one}]" for one in strings)):
        assert strict_json.parse(text, 1000) is not None
    for filler in ("", *strings[:6]):
        inside = f"[{filler}]"
        with pytest.raises(JsonMalformed):
            strict_json.parse("[" * 64 + inside + "]" * 64, 1000)
        assert strict_json.parse("[" * 63 + inside + "]" * 63, 1000) is not None


def test_half_a_character_beside_many_brackets_is_no_crash() -> None:
    assert strict_json.parse(f'["\ud800", {"[]," * 100} 1]', 10_000) == ["\ud800", *[[]] * 100, 1]
