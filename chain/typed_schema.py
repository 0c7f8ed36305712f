"""The types of typed data (EIP-712): declared by whoever asks, checked, and hashed once for all who share them. Pure.

A page asks for the same permit again and again; what its types are is kept by their canonical text, bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from chain.errors import TypedDataMalformed
from chain.keccak import keccak256
from chain.typed_atoms import READERS

Members = tuple[tuple[str, str], ...]
"""Type and name of each member, in order."""

DEPTH_MAX = 16
TYPES_MAX = 64
MEMBERS_MAX = 64
DOMAIN = "EIP712Domain"
_KEPT_MAX = 128
_KEPT_MEMBERS_MAX = 64
"""Schemas with more members are made anew each time: what strangers declare is not to fill the memory."""
_KIND_LENGTH_MAX = 200
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,127}", re.ASCII)
_ARRAY = re.compile(r"(.+)\[([1-9][0-9]{0,5})?\]", re.ASCII)
_RESERVED = re.compile(
    r"address|bool|string|bytes([0-9]{1,2})?|u?int([0-9]{1,3})?|byte|u?fixed([0-9].*)?|function", re.ASCII
)
"""Names that mean, or once meant, an atomic type."""


class Schema:
    """Checked types by name. What is worked out of them is worked out once."""

    def __init__(self, types: Mapping[str, Members]) -> None:
        self.types = types
        self._hashes: dict[str, bytes] = {}
        self._reached: dict[str, Mapping[str, Members]] = {}

    def type_hash(self, name: str) -> bytes:
        if name not in self._hashes:
            self._hashes[name] = keccak256(encode_type(self.types, name).encode())
        return self._hashes[name]

    def reached(self, primary: str) -> Mapping[str, Members]:
        """The types that a document of this primary type and its domain are made of."""
        if primary not in self._reached:
            self._reached[primary] = {name: self.types[name] for name in _reached(self.types, (DOMAIN, primary))}
        return self._reached[primary]


def read_schema(declared: object) -> Schema:
    """Of the `types` of a document. Raises TypedDataMalformed."""
    if not isinstance(declared, Mapping) or len(declared) > TYPES_MAX:
        raise TypedDataMalformed("types", "object expected")
    text = tuple([(name, _members(name, entries)) for name, entries in declared.items()])
    is_kept = sum([len(members) for _, members in text]) <= _KEPT_MEMBERS_MAX
    try:
        return _kept(text) if is_kept else _checked(text)
    except TypeError:  # a name or a type that is no text, and cannot be looked up either
        raise TypedDataMalformed("types", "member with name and type expected") from None


def encode_type(types: Mapping[str, Members], name: str) -> str:
    """`Mail(Person from,Person to)Person(...)`, as the standard's encodeType."""
    others = sorted(other for other in _reached(types, (name,)) if other != name)
    declared = (f"{n}({','.join(f'{kind} {member}' for kind, member in types[n])})" for n in (name, *others))
    return "".join(declared)


@lru_cache(maxsize=512)
def array_of(kind: str) -> tuple[str, int] | None:
    """The elements' type and how many there are (0: any number), or None for what is no array."""
    array = _ARRAY.fullmatch(kind)
    return (array[1], int(array[2] or 0)) if array else None


def _members(name: object, declared: object) -> Members:
    """As they stand there, whatever they are; `_checked` looks at what has not been seen before."""
    if not isinstance(declared, (list, tuple)) or len(declared) > MEMBERS_MAX:
        raise TypedDataMalformed(f"types.{str(name)[:128]}", "array expected")
    try:
        return tuple([(entry["type"], entry["name"]) for entry in declared])
    except (KeyError, TypeError):
        raise TypedDataMalformed(f"types.{str(name)[:128]}", "member with name and type expected") from None


def _checked(declared: tuple[tuple[str, Members], ...]) -> Schema:
    for name, members in declared:
        if not isinstance(name, str) or not _NAME.fullmatch(name) or _RESERVED.fullmatch(name):
            raise TypedDataMalformed("types", "no name for a type")
        if not all(isinstance(kind, str) and len(kind) <= _KIND_LENGTH_MAX for kind, _ in members):
            raise TypedDataMalformed(f"types.{name}", "member with name and type expected")
        if not all(isinstance(member, str) and _NAME.fullmatch(member) for _, member in members):
            raise TypedDataMalformed(f"types.{name}", "member with name and type expected")
        if len({member for _, member in members}) != len(members):
            raise TypedDataMalformed(f"types.{name}", "a member is declared twice")
    types = dict(declared)
    types.setdefault(DOMAIN, ())
    for name, members in types.items():
        for kind, member in members:
            _check_known(kind, types, f"types.{name}.{member}")
    checked = set[str]()
    for name in types:
        _check_finite(types, name, (), checked)
    return Schema(types)


_kept = lru_cache(maxsize=_KEPT_MAX)(_checked)


def _base(kind: str) -> str:
    """Of an array of any depth."""
    for _ in range(DEPTH_MAX):
        array = array_of(kind)
        if array is None:
            return kind
        kind = array[0]
    raise TypedDataMalformed("types", "array nested too deep")


def _check_known(kind: str, types: Mapping[str, Members], path: str) -> None:
    base = _base(kind)
    if not (base in READERS or base == "address" or (base in types and base != DOMAIN)):
        raise TypedDataMalformed(path, "unknown type")


def _check_finite(types: Mapping[str, Members], name: str, above: tuple[str, ...], checked: set[str]) -> None:
    """Each type once; `above` holds it while its members are looked at."""
    if name in above or len(above) > DEPTH_MAX:
        raise TypedDataMalformed(f"types.{name}", "contains itself, or nested too deep")
    if name in checked:
        return
    for kind, _ in types[name]:
        if (base := _base(kind)) in types:
            _check_finite(types, base, (*above, name), checked)
    checked.add(name)


def _reached(types: Mapping[str, Members], names: tuple[str, ...]) -> Iterator[str]:
    """These types and what they are made of, each once."""
    waiting, known = list(names), set[str]()
    while waiting:
        name = waiting.pop(0)
        if name not in known:
            known.add(name)
            waiting += [base for kind, _ in types[name] if (base := _base(kind)) in types]
            yield name
