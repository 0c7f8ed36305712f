"""The root of an ordered list in a Merkle-Patricia trie, as block headers carry it for receipts. Pure.

Keys are the RLP of each item's place; a node of less than 32 bytes stands in its parent as it is (yellow paper, D).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from chain.keccak import keccak256
from chain.rlp import encode, encode_integer, header

_Pairs = Sequence[tuple[tuple[int, ...], bytes]]
_EMPTY = b"\x80"


def ordered_root(items: Sequence[bytes]) -> bytes:
    """32 bytes; of no items the root of the empty trie."""
    pairs = sorted([(_key(place), item) for place, item in enumerate(items)])
    return keccak256(_node(pairs, 0) if pairs else _EMPTY)


def _node(pairs: _Pairs, depth: int) -> bytes:
    """The RLP of what holds pairs that agree in their first `depth` nibbles, sorted."""
    first, item = pairs[0]
    if len(pairs) == 1:
        return _list(_path(first[depth:], is_leaf=True) + encode(item))
    last, shared = pairs[-1][0], depth
    while shared < len(first) and first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return _list(_path(first[depth:shared], is_leaf=False) + _reference(_node(pairs, shared)))
    below: list[list[tuple[tuple[int, ...], bytes]]] = [[] for _ in range(16)]
    for pair in pairs:
        below[pair[0][depth]].append(pair)
    branches = [_reference(_node(group, depth + 1)) if group else _EMPTY for group in below]
    return _list(b"".join(branches) + _EMPTY)  # no key is the beginning of another, so nothing ends here


def _list(body: bytes) -> bytes:
    return header(len(body), 0xC0) + body


def _reference(node: bytes) -> bytes:
    return b"\xa0" + keccak256(node) if len(node) >= 32 else node


@lru_cache(maxsize=4096)
def _key(place: int) -> tuple[int, ...]:
    """The nibbles of its RLP."""
    return tuple(part for byte in encode(encode_integer(place)) for part in (byte >> 4, byte & 15))


@lru_cache(maxsize=4096)
def _path(nibbles: tuple[int, ...], *, is_leaf: bool) -> bytes:
    """The RLP of its hex-prefix encoding (yellow paper, C)."""
    flag = 2 * is_leaf + len(nibbles) % 2
    whole = (flag, *nibbles) if len(nibbles) % 2 else (flag, 0, *nibbles)
    return encode(bytes(16 * high + low for high, low in zip(whole[::2], whole[1::2], strict=True)))
