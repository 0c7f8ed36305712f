"""The root of an ordered list in a Merkle-Patricia trie, as block headers carry it for receipts. Pure.

Keys are the RLP of each item's place; a node of less than 32 bytes stands in its parent as it is (yellow paper, D).
"""

from __future__ import annotations

from collections.abc import Sequence

from chain.keccak import keccak256
from chain.rlp import Item, encode, encode_integer

_Pairs = Sequence[tuple[tuple[int, ...], bytes]]


def ordered_root(items: Sequence[bytes]) -> bytes:
    """32 bytes; of no items the root of the empty trie."""
    pairs = sorted((_nibbles(encode(encode_integer(place))), item) for place, item in enumerate(items))
    return keccak256(encode(_node(pairs, 0) if pairs else b""))


def _node(pairs: _Pairs, depth: int) -> Item:
    """Of pairs that agree in their first `depth` nibbles, sorted."""
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return [_path(first[depth:], is_leaf=True), pairs[0][1]]
    shared = depth
    while shared < len(first) and first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return [_path(first[depth:shared], is_leaf=False), _reference(_node(pairs, shared))]
    branches: list[Item] = []
    for nibble in range(16):
        below = [pair for pair in pairs if pair[0][depth] == nibble]
        branches.append(_reference(_node(below, depth + 1)) if below else b"")
    return [*branches, b""]  # no key is the beginning of another, so nothing ends here


def _reference(node: Item) -> Item:
    raw = encode(node)
    return keccak256(raw) if len(raw) >= 32 else node


def _nibbles(key: bytes) -> tuple[int, ...]:
    return tuple(part for byte in key for part in (byte >> 4, byte & 15))


def _path(nibbles: Sequence[int], *, is_leaf: bool) -> bytes:
    """Hex-prefix encoding (yellow paper, C)."""
    flag = 2 * is_leaf + len(nibbles) % 2
    whole = (flag, *nibbles) if len(nibbles) % 2 else (flag, 0, *nibbles)
    return bytes(16 * high + low for high, low in zip(whole[::2], whole[1::2], strict=True))
