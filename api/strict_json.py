"""JSON as this server accepts it: one reading only (RFC 8259, and stricter).

On top of the chain library's strict reader (no key twice, no floats, bounded depth and digits; THREATS I-22): no NUL
and no half of a surrogate pair in any text, which databases and encoders choke on later. Pure.
"""

from __future__ import annotations

from api.errors import MalformedJson
from chain import strict_json
from chain.errors import JsonMalformed


def parse(body: bytes, bytes_max: int) -> object:
    """The one value that `body` spells. Raises MalformedJson."""
    try:
        value = strict_json.parse(body, bytes_max)
    except JsonMalformed as error:
        raise MalformedJson(error.reason) from None
    _check_texts(value)
    return value


def _check_texts(value: object) -> None:
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict):
            rest += item.keys()
            rest += item.values()
        elif isinstance(item, list):
            rest += item


def _check_text(text: str) -> None:
    if "\0" in text:
        raise MalformedJson("a text holds NUL")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise MalformedJson("a text holds half of a surrogate pair")
