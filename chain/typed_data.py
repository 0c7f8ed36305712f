"""Typed data of EIP-712: the one general reader, checker and hasher (`signTypedData` version 4).

What is hashed is exactly what `leaves` lists: both follow the declared types. Members that no type declares are
neither hashed nor shown. `primaryType` is taken as given, types that it does not reach do not matter, and the domain
is hashed by the EIP712Domain that is declared, which is empty where none is. Anything ambiguous is refused:
a missing member, a member of another JSON type, a number out of bounds, a type that contains itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from chain import strict_json
from chain.address import Address
from chain.errors import AddressChecksumWrong, AddressMalformed, JsonMalformed, TypedDataMalformed
from chain.keccak import keccak256

Atom: TypeAlias = "bool | int | bytes | str | Address"

DOCUMENT_BYTES_MAX = 1024 * 1024
VALUES_MAX = 20_000
DEPTH_MAX = 16
TYPES_MAX = 64
MEMBERS_MAX = 64
DOMAIN = "EIP712Domain"
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,127}", re.ASCII)
_ARRAY = re.compile(r"(.+)\[([1-9][0-9]{0,5})?\]", re.ASCII)
_ATOMIC = re.compile(r"address|bool|string|bytes([0-9]{1,2})?|u?int([0-9]{1,3})", re.ASCII)
_ALIAS = re.compile(r"u?int|byte|u?fixed([0-9].*)?|function", re.ASCII)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,77})|0x[0-9a-fA-F]{1,128}", re.ASCII)
_HEX = re.compile(r"0x([0-9a-fA-F]{2})*", re.ASCII)

Members = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One declared value. `path` is for people (`message.to.wallets[0]`); `type` is atomic."""

    path: str
    type: str
    value: Atom


@dataclass(frozen=True, slots=True)
class TypedData:
    """A checked document. `oddities` are the paths of addresses whose letter case is not EIP-55's: the bytes are
    certain, but whoever wrote them was careless; a review says so.
    """

    primary_type: str
    types: Mapping[str, Members]
    domain: tuple[Leaf, ...]
    message: tuple[Leaf, ...]
    oddities: tuple[str, ...]
    domain_separator: bytes
    message_hash: bytes
    digest: bytes

    @classmethod
    def parse(cls, document: str | bytes | Mapping[str, object]) -> TypedData:
        """Of the JSON that eth_signTypedData_v4 takes. Raises TypedDataMalformed."""
        fields = document if isinstance(document, Mapping) else _json(document)
        types = _types(fields.get("types"))
        primary = fields.get("primaryType")
        if not isinstance(primary, str) or (primary not in types and primary != DOMAIN):
            raise TypedDataMalformed("primaryType", "not among the types")
        hasher = _Hasher(types)
        separator = hasher.struct(DOMAIN, fields.get("domain", {}), "domain", 0)
        domain, hasher.leaves = tuple(hasher.leaves), []
        body = b"" if primary == DOMAIN else hasher.struct(primary, fields.get("message"), "message", 0)
        reached = {name: types[name] for name in _reached(types, (DOMAIN, primary))}
        digest = keccak256(b"\x19\x01" + separator + body)
        message, oddities = tuple(hasher.leaves), tuple(hasher.oddities)
        return cls(primary, reached, domain, message, oddities, separator, body, digest)

    def encode_type(self, name: str) -> str:
        """`Mail(Person from,Person to)Person(...)`, as the standard's encodeType."""
        return _encode_type(self.types, name)

    def domain_value(self, name: str) -> Atom | None:
        """A declared member of the domain; what is not declared is not signed and therefore not there."""
        return next((leaf.value for leaf in self.domain if leaf.path == f"domain.{name}"), None)


class _Hasher:
    """One walk that hashes and lists at once, so that the two cannot differ."""

    def __init__(self, types: Mapping[str, Members]) -> None:
        self._types = types
        self._type_hashes: dict[str, bytes] = {}
        self.leaves: list[Leaf] = []
        self.oddities: list[str] = []
        self._values = 0

    def struct(self, name: str, value: object, path: str, depth: int) -> bytes:
        if not isinstance(value, Mapping):
            raise TypedDataMalformed(path, "object expected")
        encoded = [self._type_hash(name)]
        for kind, member in self._types[name]:
            if member not in value:
                raise TypedDataMalformed(f"{path}.{member}", "missing")
            encoded.append(self._value(kind, value[member], f"{path}.{member}", depth + 1))
        return keccak256(b"".join(encoded))

    def _value(self, kind: str, value: object, path: str, depth: int) -> bytes:
        self._values += 1
        if self._values > VALUES_MAX or depth > DEPTH_MAX:
            raise TypedDataMalformed(path, "too large")
        if array := _ARRAY.fullmatch(kind):
            return self._array(array[1], int(array[2] or 0), value, path, depth)
        if kind in self._types:
            return self.struct(kind, value, path, depth)
        atom = self._address(value, path) if kind == "address" else _atom(kind, value, path)
        self.leaves.append(Leaf(path, kind, atom))
        return _word(kind, atom)

    def _array(self, kind: str, length: int, value: object, path: str, depth: int) -> bytes:
        if not isinstance(value, (list, tuple)) or (length and len(value) != length):
            raise TypedDataMalformed(path, f"array of {length or 'any'} members expected")
        members = (self._value(kind, item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value))
        return keccak256(b"".join(members))

    def _address(self, value: object, path: str) -> Address:
        if not isinstance(value, str):
            raise TypedDataMalformed(path, "address expected")
        try:
            return Address(value)
        except AddressChecksumWrong as odd:
            self.oddities.append(path)
            return Address(odd.expected)
        except AddressMalformed as error:
            raise TypedDataMalformed(path, "address expected") from error

    def _type_hash(self, name: str) -> bytes:
        if name not in self._type_hashes:
            self._type_hashes[name] = keccak256(_encode_type(self._types, name).encode())
        return self._type_hashes[name]


def _json(document: str | bytes) -> Mapping[str, object]:
    try:
        parsed = strict_json.parse(document, DOCUMENT_BYTES_MAX)
    except JsonMalformed as error:
        raise TypedDataMalformed("", error.reason) from error
    if not isinstance(parsed, dict):
        raise TypedDataMalformed("", "object expected")
    return parsed


def _types(value: object) -> dict[str, Members]:
    if not isinstance(value, Mapping) or len(value) > TYPES_MAX:
        raise TypedDataMalformed("types", "object expected")
    types = {name: _members(name, declared) for name, declared in value.items()}
    types.setdefault(DOMAIN, ())
    for name, members in types.items():
        for kind, member in members:
            _check_known(kind, types, f"types.{name}.{member}")
    checked = set[str]()
    for name in types:
        _check_finite(types, name, (), checked)
    return types


def _members(name: object, declared: object) -> Members:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or _ATOMIC.fullmatch(name) or _ALIAS.fullmatch(name):
        raise TypedDataMalformed("types", "no name for a type")
    if not isinstance(declared, (list, tuple)) or len(declared) > MEMBERS_MAX:
        raise TypedDataMalformed(f"types.{name}", "array expected")
    members = []
    for entry in declared:
        kind = entry.get("type") if isinstance(entry, Mapping) else None
        member = entry.get("name") if isinstance(entry, Mapping) else None
        if not isinstance(kind, str) or not isinstance(member, str) or not _NAME.fullmatch(member):
            raise TypedDataMalformed(f"types.{name}", "member with name and type expected")
        members.append((kind, member))
    if len({member for _, member in members}) != len(members):
        raise TypedDataMalformed(f"types.{name}", "a member is declared twice")
    return tuple(members)


def _base(kind: str) -> str:
    """Of an array of any depth."""
    for _ in range(DEPTH_MAX):
        array = _ARRAY.fullmatch(kind)
        if array is None:
            return kind
        kind = array[1]
    raise TypedDataMalformed("types", "array nested too deep")


def _check_known(kind: str, types: Mapping[str, Members], path: str) -> None:
    base = _base(kind) if len(kind) <= 200 else ""
    if base in types and base != DOMAIN:
        return
    atomic = _ATOMIC.fullmatch(base)
    size = atomic and (atomic[1] or atomic[2])
    if atomic is None or (size and not _is_size(base, size)):
        raise TypedDataMalformed(path, "unknown type")


def _is_size(base: str, size: str) -> bool:
    number = int(size)
    if size != str(number):
        return False
    return 1 <= number <= 32 if base.startswith("bytes") else number % 8 == 0 and 8 <= number <= 256


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


def _encode_type(types: Mapping[str, Members], name: str) -> str:
    others = sorted(other for other in _reached(types, (name,)) if other != name)
    declared = (f"{n}({','.join(f'{kind} {member}' for kind, member in types[n])})" for n in (name, *others))
    return "".join(declared)


def _atom(kind: str, value: object, path: str) -> Atom:
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "string" and isinstance(value, str):
        return _text(value, path)
    if kind.startswith("bytes"):
        return _bytes(kind, value, path)
    if kind.startswith(("int", "uint")):
        return _integer(kind, value, path)
    raise TypedDataMalformed(path, f"{kind} expected")


def _text(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise TypedDataMalformed(path, "lone surrogate") from error
    return value


def _bytes(kind: str, value: object, path: str) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise TypedDataMalformed(path, f"{kind} expected")
    raw = bytes.fromhex(value[2:])
    if kind != "bytes" and len(raw) != int(kind[5:]):
        raise TypedDataMalformed(path, f"{kind} expected")
    return raw


def _integer(kind: str, value: object, path: str) -> int:
    """A JSON integer, decimal digits, or hex of any padding: wallets meet all three. Never true, never 1.0."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        number = int(value, 16 if value.startswith("0x") else 10)
    elif type(value) is int:
        number = value
    else:
        raise TypedDataMalformed(path, f"{kind} expected")
    signed = kind.startswith("int")
    bits = int(kind[3:] if signed else kind[4:])
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if not least <= number <= most or value == "-0":
        raise TypedDataMalformed(path, f"{kind} expected")
    return number


def _word(kind: str, atom: Atom) -> bytes:
    if isinstance(atom, Address):
        return atom.raw.rjust(32, b"\0")
    if isinstance(atom, int):  # a bool is one too, and is encoded the same
        return atom.to_bytes(32, "big", signed=kind.startswith("int"))
    if isinstance(atom, str):
        return keccak256(atom.encode())
    return keccak256(atom) if kind == "bytes" else atom.ljust(32, b"\0")
