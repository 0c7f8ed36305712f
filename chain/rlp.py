"""RLP, the canonical serialisation of transactions (Ethereum yellow paper, appendix B). Strict in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

from chain.errors import TransactionMalformed

Item: TypeAlias = "bytes | Sequence[Item]"
DEPTH_MAX = 8


def encode(item: Item) -> bytes:
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return header(len(item), 0x80) + item
    body = b"".join(encode(member) for member in item)
    return header(len(body), 0xC0) + body


def encode_integer(value: int) -> bytes:
    """Big endian without leading zeros, as an RLP member wants it; zero is empty."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode(raw: bytes) -> Item:
    """The one item that `raw` is. Raises TransactionMalformed for anything but its canonical encoding."""
    item, end = _decode_at(raw, 0, len(raw), DEPTH_MAX)
    if end != len(raw):
        raise TransactionMalformed("bytes after the end")
    return item


def decode_integer(item: Item, bits: int) -> int:
    if not isinstance(item, bytes):
        raise TransactionMalformed("number expected")
    if item[:1] == b"\0":
        raise TransactionMalformed("number with leading zeros")
    if len(item) * 8 > bits:
        raise TransactionMalformed(f"number above {bits} bits")
    return int.from_bytes(item, "big")


@lru_cache(maxsize=4096)
def header(length: int, offset: int) -> bytes:
    """Of a string (`offset` 0x80) or a list (0xc0) of so many bytes."""
    if length < 56:
        return bytes([offset + length])
    size = encode_integer(length)
    return bytes([offset + 55 + len(size)]) + size


def _decode_at(raw: bytes, start: int, end: int, depth: int) -> tuple[Item, int]:
    """The item at `start`, and where it ends; nothing beyond `end` belongs to it."""
    if start >= end:
        raise TransactionMalformed("bytes missing")
    first = raw[start]
    if first < 0x80:
        return raw[start : start + 1], start + 1
    is_list = first >= 0xC0
    body, stop = _body(raw, start, end, first - (0xC0 if is_list else 0x80))
    if not is_list:
        content = raw[body:stop]
        if len(content) == 1 and content[0] < 0x80:
            raise TransactionMalformed("byte with a needless header")
        return content, stop
    if depth == 0:
        raise TransactionMalformed("lists nested too deep")
    members: list[Item] = []
    while body < stop:
        member, body = _decode_at(raw, body, stop, depth - 1)
        members.append(member)
    return tuple(members), stop


def _body(raw: bytes, start: int, end: int, code: int) -> tuple[int, int]:
    """Where the content begins and ends."""
    body = start + 1
    if code < 56:
        length = code
    else:
        size = raw[body : min(body + code - 55, end)]
        length = int.from_bytes(size, "big")
        if len(size) != code - 55 or size[0] == 0 or length < 56:
            raise TransactionMalformed("length not canonical")
        body += len(size)
    if body + length > end:
        raise TransactionMalformed("bytes missing")
    return body, body + length
