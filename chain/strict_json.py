"""JSON from strangers: bounded in size and depth, no member twice, no NaN, floats only where asked for.

Depth is checked before parsing: Python's parser recurses in C, and where a library has raised the recursion limit
(py_ecc, which web3 and eth-account import, does) a deep document would end the process instead of raising.
"""

from __future__ import annotations

import json
import re

from chain.errors import JsonMalformed

DEPTH_MAX = 64
INTEGER_DIGITS_MAX = 100
_NO_MARKS = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_NOT_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"?|[^\[\]{}"]+', re.DOTALL)


def parse(document: str | bytes, bytes_max: int, floats: bool = False) -> object:
    """Raises JsonMalformed."""
    if len(document) > bytes_max:
        raise JsonMalformed("too large")
    try:
        text = document if isinstance(document, str) else document.decode()
    except UnicodeDecodeError as error:
        raise JsonMalformed("no UTF-8") from error
    _check_depth(document if isinstance(document, bytes) else text.encode(errors="surrogatepass"), text)
    try:
        return (_WITH_FLOATS if floats else _WITHOUT).decode(text)
    except ValueError as error:
        raise JsonMalformed("not JSON") from error


def _check_depth(raw: bytes, text: str) -> None:
    """Of one document, as bytes and as text."""
    if raw.count(b"[") + raw.count(b"{") > DEPTH_MAX and not _is_shallow(raw):
        _count_depth(text)


def _is_shallow(raw: bytes) -> bool:
    """Surely within the bounds, found out at the speed of bytes; False where that is not seen at a glance.

    Without a backslash, brackets with an even number of quotes before them stand outside of strings. Of those that are
    left, a pass takes away one level or two.
    """
    if b"\\" in raw:
        return False
    marks = raw.translate(None, _NO_MARKS).replace(b'""', b"")
    for _ in range(DEPTH_MAX // 2):
        if not marks or b'"' in marks:
            break
        marks = marks.replace(b"[]", b"").replace(b"{}", b"")
    return not marks


def _count_depth(text: str) -> None:
    depth = 0
    for mark in _NOT_STRUCTURE.sub("", text):
        depth += 1 if mark in "[{" else -1
        if depth > DEPTH_MAX:
            raise JsonMalformed("nested too deep")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonMalformed("a member is named twice")
    return members


def _integer(text: str) -> int:
    if len(text) > INTEGER_DIGITS_MAX:
        raise JsonMalformed("number too long")
    return int(text)


def _no_float(text: str) -> object:
    raise JsonMalformed("no integer")


_WITHOUT, _WITH_FLOATS = (
    json.JSONDecoder(object_pairs_hook=_unique, parse_float=number, parse_int=_integer, parse_constant=_no_float)
    for number in (_no_float, float)
)
