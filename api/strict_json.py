"""JSON as this server accepts it: one reading only (RFC 8259, and stricter).

Refused: duplicate keys, floats, NaN and Infinity, integers of more than 78 digits, lone surrogates, NUL, nesting
beyond 32 levels, anything but UTF-8 (THREATS I-22). Pure.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from api.errors import MalformedJson

DEPTH_MAX = 32
DIGITS_MAX = 78


def parse(body: bytes) -> Any:
    """The one value that `body` spells. Raises MalformedJson."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedJson("it is not UTF-8") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_no_float,
            parse_constant=_no_float,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        raise MalformedJson(f"it is not JSON at character {error.pos}") from None
    except RecursionError:
        raise MalformedJson("it is nested too deeply") from None
    _check(value, DEPTH_MAX)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("a key stands twice in one object")
    return members


def _no_float(text: str) -> NoReturn:
    raise MalformedJson("a number is no integer; amounts are strings")


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > DIGITS_MAX:
        raise MalformedJson("a number is too long")
    if text == "-0":
        raise MalformedJson("-0 is no integer")
    return int(text)


def _check(value: Any, depth: int) -> None:
    if depth == 0:
        raise MalformedJson("it is nested too deeply")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_text(name)
            _check(member, depth - 1)
    elif isinstance(value, list):
        for member in value:
            _check(member, depth - 1)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise MalformedJson("a text holds NUL")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise MalformedJson("a text holds half of a surrogate pair")
