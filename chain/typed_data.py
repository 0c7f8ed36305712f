"""Typed data of EIP-712: the one general reader, checker and hasher (`signTypedData` version 4).

What is hashed is exactly what `leaves` lists: both follow the declared types. Members that no type declares are
neither hashed nor shown. `primaryType` is taken as given, types that it does not reach do not matter, and the domain
is hashed by the EIP712Domain that is declared, which is empty where none is. Anything ambiguous is refused:
a missing member, a member of another JSON type, a number out of bounds, a type that contains itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from chain import strict_json
from chain.address import Address
from chain.deadline import NEVER, Deadline
from chain.errors import AddressChecksumWrong, AddressMalformed, JsonMalformed, TypedDataMalformed
from chain.keccak import keccak256
from chain.typed_atoms import READERS, Atom, address_word
from chain.typed_schema import DEPTH_MAX, DOMAIN, Members, Schema, array_of, encode_type, read_schema

DOCUMENT_BYTES_MAX = 1024 * 1024
VALUES_MAX = 20_000
_VALUES_A_LOOK = 256
"""So many values are read between two looks at the clock."""


class Leaf(NamedTuple):
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
    def parse(cls, document: str | bytes | Mapping[str, object], deadline: Deadline = NEVER) -> TypedData:
        """Of the JSON that eth_signTypedData_v4 takes. Raises TypedDataMalformed, also where the time is over."""
        fields = document if isinstance(document, Mapping) else _json(document)
        schema = read_schema(fields.get("types"))
        primary = fields.get("primaryType")
        if not isinstance(primary, str) or (primary not in schema.types and primary != DOMAIN):
            raise TypedDataMalformed("primaryType", "not among the types")
        hasher = _Hasher(schema, deadline)
        separator = hasher.struct(DOMAIN, fields.get("domain", {}), "domain", 0)
        domain, hasher.leaves = tuple(hasher.leaves), []
        body = b"" if primary == DOMAIN else hasher.struct(primary, fields.get("message"), "message", 0)
        digest = keccak256(b"\x19\x01" + separator + body)
        message, oddities = tuple(hasher.leaves), tuple(hasher.oddities)
        return cls(primary, schema.reached(primary), domain, message, oddities, separator, body, digest)

    def encode_type(self, name: str) -> str:
        """`Mail(Person from,Person to)Person(...)`, as the standard's encodeType."""
        return encode_type(self.types, name)

    def domain_value(self, name: str) -> Atom | None:
        """A declared member of the domain; what is not declared is not signed and therefore not there."""
        path = f"domain.{name}"
        return next((leaf.value for leaf in self.domain if leaf.path == path), None)


class _Hasher:
    """One walk that hashes and lists at once, so that the two cannot differ."""

    def __init__(self, schema: Schema, deadline: Deadline) -> None:
        self._schema = schema
        self._deadline = deadline
        self.leaves: list[Leaf] = []
        self.oddities: list[str] = []
        self._values = 0

    def struct(self, name: str, value: object, path: str, depth: int) -> bytes:
        if not isinstance(value, Mapping):
            raise TypedDataMalformed(path, "object expected")
        encoded = [self._schema.type_hash(name)]
        for kind, member in self._schema.types[name]:
            if member not in value:
                raise TypedDataMalformed(f"{path}.{member}", "missing")
            encoded.append(self._value(kind, value[member], f"{path}.{member}", depth + 1))
        return keccak256(b"".join(encoded))

    def _value(self, kind: str, value: object, path: str, depth: int) -> bytes:
        self._count(path, depth)
        if kind in READERS:
            atom, word = READERS[kind](value, path)
            self.leaves.append(Leaf(path, kind, atom))
            return word
        if kind == "address":
            address = self._address(value, path)
            self.leaves.append(Leaf(path, kind, address))
            return address_word(address)
        if array := array_of(kind):
            return self._array(*array, value, path, depth)
        return self.struct(kind, value, path, depth)

    def _count(self, path: str, depth: int) -> None:
        self._values += 1
        if self._values > VALUES_MAX or depth > DEPTH_MAX:
            raise TypedDataMalformed(path, "too large")
        if self._values % _VALUES_A_LOOK == 0 and self._deadline.is_over:
            raise TypedDataMalformed(path, "takes too long to read")

    def _array(self, kind: str, length: int, value: object, path: str, depth: int) -> bytes:
        if not isinstance(value, (list, tuple)) or (length and len(value) != length):
            raise TypedDataMalformed(path, f"array of {length or 'any'} members expected")
        members = [self._value(kind, item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
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


def _json(document: str | bytes) -> Mapping[str, object]:
    try:
        parsed = strict_json.parse(document, DOCUMENT_BYTES_MAX)
    except JsonMalformed as error:
        raise TypedDataMalformed("", error.reason) from error
    if not isinstance(parsed, dict):
        raise TypedDataMalformed("", "object expected")
    return parsed
