"""Typed values as eth_signTypedData took them at first (version 1, before EIP-712): an array of name, type and value.

They have no domain, so nothing says for whom they are signed, and their packing lets two texts in a row be split
otherwise. Old pages still ask for them. Each value is checked as strictly as version 4 does; arrays are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chain import strict_json
from chain.address import Address
from chain.errors import JsonMalformed, TypedDataMalformed
from chain.keccak import keccak256
from chain.typed_atoms import Atom
from chain.typed_data import DOCUMENT_BYTES_MAX, Leaf, TypedData
from chain.typed_schema import MEMBERS_MAX

NAME_LENGTH_MAX = 128
_ALIASES = {"uint": "uint256", "int": "int256"}


@dataclass(frozen=True, slots=True)
class TypedValues:
    """A checked document; a leaf's path is the value's name. `digest` is what is signed."""

    values: tuple[Leaf, ...]
    digest: bytes

    @classmethod
    def parse(cls, document: str | Sequence[object]) -> TypedValues:
        """Of JSON text, or of what it holds. Raises TypedDataMalformed."""
        entries = [_entry(one, place) for place, one in enumerate(_listed(document))]
        leaves = _checked(entries)
        values = tuple(Leaf(name, kind, leaf.value) for (name, kind, _), leaf in zip(entries, leaves, strict=True))
        schema = keccak256(b"".join(f"{value.type} {value.path}".encode() for value in values))
        packed = keccak256(b"".join(_packed(leaf.type, leaf.value) for leaf in leaves))
        return cls(values, keccak256(schema + packed))


def _listed(document: str | Sequence[object]) -> Sequence[object]:
    if isinstance(document, str):
        try:
            parsed = strict_json.parse(document, DOCUMENT_BYTES_MAX)
        except JsonMalformed as error:
            raise TypedDataMalformed("", error.reason) from error
        if not isinstance(parsed, list):
            raise TypedDataMalformed("", "array expected")
        document = parsed
    if not 0 < len(document) <= MEMBERS_MAX:
        raise TypedDataMalformed("", f"1 to {MEMBERS_MAX} values expected")
    return document


def _entry(value: object, place: int) -> tuple[str, str, object]:
    """Name, type, value."""
    if not isinstance(value, Mapping) or set(value) != {"name", "type", "value"}:
        raise TypedDataMalformed(f"[{place}]", "name, type and value expected")
    name, kind = value["name"], value["type"]
    if not isinstance(name, str) or not 0 < len(name) <= NAME_LENGTH_MAX or not name.isprintable():
        raise TypedDataMalformed(f"[{place}].name", "a short text expected")
    if not isinstance(kind, str) or "[" in kind:
        raise TypedDataMalformed(f"[{place}].type", "a type that is no array expected")
    return name, kind, value["value"]


def _checked(entries: Sequence[tuple[str, str, object]]) -> tuple[Leaf, ...]:
    """The values by version 4's own rules, as members of one struct."""
    members = [{"name": f"v{n}", "type": _ALIASES.get(kind, kind)} for n, (_, kind, _) in enumerate(entries)]
    message = {f"v{n}": value for n, (_, _, value) in enumerate(entries)}
    try:
        checked = TypedData.parse({"types": {"Values": members}, "primaryType": "Values", "message": message})
    except TypedDataMalformed as error:
        place = error.path.rpartition(".v")[2]
        raise TypedDataMalformed(f"[{place}]" if place.isdigit() else "", error.reason) from error
    return checked.message


def _packed(kind: str, value: Atom) -> bytes:
    """Solidity's packed encoding: nothing is padded."""
    if isinstance(value, Address):
        return value.raw
    if isinstance(value, bool):
        return bytes([value])
    if isinstance(value, int):
        bits = int(kind.removeprefix("u")[3:])
        return value.to_bytes(bits // 8, "big", signed=kind.startswith("int"))
    return value.encode() if isinstance(value, str) else value
