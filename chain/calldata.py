"""Contract ABI: selectors, arguments, results and revert reasons, strict and bounded.

Only the canonical encoding decodes: every byte is read exactly once, in order, so neither overlapping nor recursive
pointers nor zero-sized types can make a small input large (eth-abi GHSA-3qwc-47jf-5rf7). What is not canonical is not
decoded, and what is not decoded is not shown as if it were understood.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import TypeAlias

from chain.address import Address
from chain.deadline import NEVER, Deadline
from chain.errors import CalldataMalformed
from chain.keccak import keccak256

Value: TypeAlias = "bool | int | bytes | str | Address | Sequence[Value]"

DATA_BYTES_MAX = 1024 * 1024
DEPTH_MAX = 16
_WORD = 32
_VALUES_A_LOOK = 256
"""So many values are read between two looks at the clock."""
_ELEMENTARY = re.compile(r"(address|bool|string|bytes|uint|int)([0-9]{1,3})?", re.ASCII)
_SUFFIX = re.compile(r"\[([1-9][0-9]{0,4})?\]", re.ASCII)
_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")


class Kind(Enum):
    ADDRESS = auto()
    BOOL = auto()
    UINT = auto()
    INT = auto()
    FIXED_BYTES = auto()
    BYTES = auto()
    STRING = auto()
    ARRAY = auto()
    TUPLE = auto()


@dataclass(frozen=True, slots=True)
class AbiType:
    """`size` is bits of an integer, bytes of a bytesN, or the length of an array (0: as long as it says)."""

    kind: Kind
    size: int = 0
    members: tuple[AbiType, ...] = ()
    is_dynamic: bool = field(init=False, compare=False, repr=False)
    head_bytes: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        is_open = self.kind in (Kind.BYTES, Kind.STRING) or (self.kind is Kind.ARRAY and self.size == 0)
        is_dynamic = is_open or any(member.is_dynamic for member in self.members)
        repeat = self.size if self.kind is Kind.ARRAY else 1
        laid_out = repeat * sum(member.head_bytes for member in self.members)
        object.__setattr__(self, "is_dynamic", is_dynamic)
        object.__setattr__(self, "head_bytes", _WORD if is_dynamic or not self.members else laid_out)


@lru_cache(maxsize=512)
def parse_type(text: str) -> AbiType:
    """Of a canonical type such as `(address,uint256[])[2]`. Raises CalldataMalformed; aliases (`uint`) too."""
    if len(text) > 1000:
        raise CalldataMalformed("type too long")
    parsed, end = _type_at(text, 0, DEPTH_MAX)
    if end != len(text):
        raise CalldataMalformed("type expected")
    return parsed


@lru_cache(maxsize=512)
def selector(signature: str) -> bytes:
    """First four bytes of the hash of a canonical signature such as `transfer(address,uint256)`."""
    return keccak256(signature.encode())[:4]


def encode_call(signature: str, *arguments: Value) -> bytes:
    return selector(signature) + encode(signature[signature.index("(") :], arguments)


def decode_call(signature: str, data: bytes) -> tuple[Value, ...] | None:
    """The arguments, or None for another selector. Raises CalldataMalformed for this one with other bytes."""
    if data[:4] != selector(signature):
        return None
    return decode(signature[signature.index("(") :], data[4:])


def encode(types: str, values: Sequence[Value]) -> bytes:
    """Of a tuple type, `(address,uint256)`. Raises CalldataMalformed for values that do not fit."""
    return _encode(parse_type(types), values)


def decode(types: str, data: bytes, deadline: Deadline = NEVER) -> tuple[Value, ...]:
    """The reverse, of exactly these bytes. Raises CalldataMalformed, also where the time is over."""
    if len(data) > DATA_BYTES_MAX:
        raise CalldataMalformed("too long")
    value, end = _Reader(data, deadline).read(parse_type(types), 0)
    if end != len(data):
        raise CalldataMalformed("not canonical")
    assert isinstance(value, tuple)
    return value


def revert_reason(data: bytes) -> str | None:
    """What Solidity's Error(string) or Panic(uint256) say. The text is the contract's claim, cut to 200 characters."""
    try:
        if data[:4] == _ERROR_STRING:
            return str(decode("(string)", data[4:])[0])[:200]
        if data[:4] == _PANIC:
            return f"panic {decode('(uint256)', data[4:])[0]!r}"
    except CalldataMalformed:
        return None
    return None


def _type_at(text: str, start: int, depth: int) -> tuple[AbiType, int]:
    if depth == 0:
        raise CalldataMalformed("type nested too deep")
    if text[start : start + 1] == "(":
        parsed, end = _tuple_at(text, start + 1, depth)
    else:
        parsed, end = _elementary_at(text, start)
    while suffix := _SUFFIX.match(text, end):
        depth -= 1
        if depth == 0:
            raise CalldataMalformed("type nested too deep")
        parsed, end = AbiType(Kind.ARRAY, int(suffix[1] or 0), (parsed,)), suffix.end()
    return parsed, end


def _tuple_at(text: str, start: int, depth: int) -> tuple[AbiType, int]:
    members: list[AbiType] = []
    if text[start : start + 1] == ")" and depth == DEPTH_MAX:
        return AbiType(Kind.TUPLE), start + 1  # a function without arguments; nested, it would be zero-sized
    while True:
        member, start = _type_at(text, start, depth - 1)
        members.append(member)
        mark, start = text[start : start + 1], start + 1
        if mark == ")":
            return AbiType(Kind.TUPLE, 0, tuple(members)), start
        if mark != ",":
            raise CalldataMalformed("type expected")


def _elementary_at(text: str, start: int) -> tuple[AbiType, int]:
    match = _ELEMENTARY.match(text, start)
    if match is None:
        raise CalldataMalformed("type expected")
    name, size = match[1], int(match[2] or 0)
    if name in ("uint", "int") and size % 8 == 0 and 8 <= size <= 256 and match[2] == str(size):
        return AbiType(Kind.UINT if name == "uint" else Kind.INT, size), match.end()
    if name == "bytes" and 1 <= size <= 32 and match[2] == str(size):
        return AbiType(Kind.FIXED_BYTES, size), match.end()
    plain = {"address": Kind.ADDRESS, "bool": Kind.BOOL, "bytes": Kind.BYTES, "string": Kind.STRING}
    if match[2] is not None or name not in plain:
        raise CalldataMalformed("type expected")
    return AbiType(plain[name]), match.end()


def _encode(kind: AbiType, value: Value) -> bytes:
    match kind.kind:
        case Kind.TUPLE:
            return _encode_members(kind.members, _sequence(value, len(kind.members)))
        case Kind.ARRAY:
            items = _sequence(value, kind.size or None)
            count = b"" if kind.size else len(items).to_bytes(_WORD, "big")
            return count + _encode_members(kind.members * len(items), items)
        case Kind.BYTES | Kind.STRING:
            raw = _raw(kind.kind, value)
            return len(raw).to_bytes(_WORD, "big") + raw + bytes(-len(raw) % _WORD)
        case _:
            return _encode_word(kind, value)


def _encode_members(kinds: Sequence[AbiType], values: Sequence[Value]) -> bytes:
    heads, tails = [], []
    offset = sum(kind.head_bytes for kind in kinds)
    for kind, value in zip(kinds, values, strict=True):
        encoded = _encode(kind, value)
        if kind.is_dynamic:
            heads.append(offset.to_bytes(_WORD, "big"))
            tails.append(encoded)
            offset += len(encoded)
        else:
            heads.append(encoded)
    return b"".join(heads + tails)


def _encode_word(kind: AbiType, value: Value) -> bytes:
    if kind.kind is Kind.ADDRESS and isinstance(value, Address):
        return bytes(12) + value.raw
    if kind.kind is Kind.BOOL and isinstance(value, bool):
        return int(value).to_bytes(_WORD, "big")
    if kind.kind is Kind.FIXED_BYTES and isinstance(value, bytes) and len(value) == kind.size:
        return value.ljust(_WORD, b"\0")
    if isinstance(value, int) and not isinstance(value, bool):
        if kind.kind is Kind.UINT and 0 <= value < 1 << kind.size:
            return value.to_bytes(_WORD, "big")
        if kind.kind is Kind.INT and -(1 << kind.size - 1) <= value < 1 << kind.size - 1:
            return value.to_bytes(_WORD, "big", signed=True)
    raise CalldataMalformed(f"no {kind.kind.name.lower()} of size {kind.size}")


def _sequence(value: Value, length: int | None) -> Sequence[Value]:
    if not isinstance(value, (tuple, list)) or (length is not None and len(value) != length):
        raise CalldataMalformed("as many members as the type has expected")
    return value


def _raw(kind: Kind, value: Value) -> bytes:
    if kind is Kind.BYTES and isinstance(value, bytes):
        return value
    if kind is Kind.STRING and isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise CalldataMalformed("lone surrogate") from error
    raise CalldataMalformed(f"no {kind.name.lower()}")


class _Reader:
    """Reads in one pass what `encode` writes, and nothing else: a pointer must lead to where the last value ended."""

    def __init__(self, data: bytes, deadline: Deadline) -> None:
        self._data = data
        self._deadline = deadline
        self._looks_in = _VALUES_A_LOOK

    def read(self, kind: AbiType, start: int) -> tuple[Value, int]:
        """The value whose own encoding begins at `start`, and where that ends."""
        match kind.kind:
            case Kind.TUPLE:
                return self._members(kind.members, start)
            case Kind.ARRAY:
                return self._array(kind, start)
            case Kind.BYTES | Kind.STRING:
                return self._dynamic(kind.kind, start)
            case _:
                return _decode_word(kind, self._word(start)), start + _WORD

    def _members(self, kinds: Sequence[AbiType], base: int) -> tuple[tuple[Value, ...], int]:
        self._look(len(kinds))
        values, head = [], base
        tail = base + sum([kind.head_bytes for kind in kinds])
        for kind in kinds:
            if kind.is_dynamic:
                if base + self._number(head) != tail:
                    raise CalldataMalformed("not canonical")
                value, tail = self.read(kind, tail)
                head += _WORD
            else:
                value, head = self.read(kind, head)
            values.append(value)
        return tuple(values), tail

    def _array(self, kind: AbiType, start: int) -> tuple[Value, int]:
        count = kind.size or self._number(start)
        if count * kind.members[0].head_bytes > len(self._data):
            raise CalldataMalformed("longer than the data")
        return self._members(kind.members * count, start if kind.size else start + _WORD)

    def _dynamic(self, kind: Kind, start: int) -> tuple[Value, int]:
        begin = start + _WORD
        length = self._number(start)
        stop, end = begin + length, begin + length + -length % _WORD
        if end > len(self._data):
            raise CalldataMalformed("points outside")
        raw = self._data[begin:stop]
        if any(self._data[stop:end]):
            raise CalldataMalformed("not canonical")
        if kind is Kind.BYTES:
            return raw, end
        try:
            return raw.decode(), end
        except UnicodeDecodeError as error:
            raise CalldataMalformed("no UTF-8") from error

    def _number(self, start: int) -> int:
        number = int.from_bytes(self._word(start), "big")
        if number > len(self._data):
            raise CalldataMalformed("points outside")
        return number

    def _word(self, start: int) -> bytes:
        word = self._data[start : start + _WORD]
        if len(word) != _WORD:
            raise CalldataMalformed("points outside")
        return word

    def _look(self, values: int) -> None:
        self._looks_in -= values
        if self._looks_in <= 0:
            self._looks_in = _VALUES_A_LOOK
            if self._deadline.is_over:
                raise CalldataMalformed("takes too long to read")


def _decode_word(kind: AbiType, word: bytes) -> Value:
    """Whatever the value does not need has to be padding, as `encode` writes it."""
    match kind.kind:
        case Kind.ADDRESS:
            if any(word[:12]):
                raise CalldataMalformed("not canonical")
            return Address.from_bytes(word[12:])
        case Kind.FIXED_BYTES:
            if any(word[kind.size :]):
                raise CalldataMalformed("not canonical")
            return word[: kind.size]
        case Kind.INT:
            number = int.from_bytes(word, "big", signed=True)
            if (number if number >= 0 else ~number).bit_length() >= kind.size:
                raise CalldataMalformed(f"above {kind.size} bits")
            return number
        case _:
            number = int.from_bytes(word, "big")
            if number.bit_length() > (kind.size or 1):
                raise CalldataMalformed(f"above {kind.size or 1} bits")
            return number == 1 if kind.kind is Kind.BOOL else number
