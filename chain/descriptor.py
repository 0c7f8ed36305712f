"""ERC-7730 descriptors: which contract or message they speak of, and how its members are to be shown. Pure.

Read strictly and offline: a descriptor that includes another file, or that has anything this module does not know how
to honour, is refused whole. Schema versions 1 (keys that are fragments) and 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chain import strict_json
from chain.address import Address
from chain.errors import AddressMalformed, CalldataMalformed, DescriptorMalformed, JsonMalformed
from chain.fragment import Fragment

DOCUMENT_BYTES_MAX = 512 * 1024
FIELDS_MAX = 200
TEXT_LENGTH_MAX = 120
DEPTH_MAX = 8
FORMATS = frozenset(
    [
        "raw",
        "amount",
        "tokenAmount",
        "nftName",
        "date",
        "duration",
        "unit",
        "enum",
        "calldata",
        "addressName",
        "chainId",
        "tokenTicker",
    ]
)
_INTERNAL_MEMBERS = frozenset({"$id", "labelKey"})
_FIELD_MEMBERS = frozenset(
    ("path", "value", "label", "format", "params", "$ref", "visible", "fields", "iteration", "separator")
)


@dataclass(frozen=True, slots=True)
class Field:
    """One line, or with `fields` a group. `path` "" is the embedding group's own; `value` is a constant instead."""

    path: str
    label: str
    format: str
    params: Mapping[str, object] = field(default_factory=dict)
    value: object = None
    visible: object = "always"
    fields: tuple[Field, ...] = ()
    is_bundled: bool = False
    separator: str = ""


@dataclass(frozen=True, slots=True)
class Format:
    """How one function or message is shown. `fragment` None: a message."""

    intent: str
    interpolated: str
    fields: tuple[Field, ...]
    fragment: Fragment | None = None


@dataclass(frozen=True, slots=True)
class Descriptor:
    """`deployments` empty: an interface, bound to no contract of its own. `domain` are EIP-712 members to match."""

    owner: str
    contract_name: str
    deployments: frozenset[tuple[int, Address]]
    domain: Mapping[str, object]
    metadata: Mapping[str, object]
    calls: Mapping[bytes, Format]
    messages: Mapping[str, Format]

    @classmethod
    def parse(cls, document: str | bytes) -> Descriptor:
        """Raises DescriptorMalformed."""
        try:
            parsed = strict_json.parse(document, DOCUMENT_BYTES_MAX)
        except JsonMalformed as error:
            raise DescriptorMalformed("", error.reason) from error
        root = _object(parsed, "")
        if "includes" in root:
            raise DescriptorMalformed("includes", "other files are not read")
        context, metadata = _object(root.get("context"), "context"), _object(root.get("metadata", {}), "metadata")
        bound = context.get("contract", context.get("eip712"))
        binding = _object(bound, "context.contract")
        display = _object(root.get("display"), "display")
        formats, definitions = _object(display.get("formats"), "display.formats"), display.get("definitions", {})
        reader = _Reader(_object(definitions, "display.definitions"))
        is_call = "contract" in context
        return cls(
            _words(metadata.get("owner", ""), "metadata.owner"),
            _words(metadata.get("contractName", ""), "metadata.contractName"),
            frozenset(_deployments(binding.get("deployments", []))),
            _object(binding.get("domain", {}), "context.eip712.domain"),
            metadata,
            reader.calls(formats) if is_call else {},
            {} if is_call else {name: reader.format(name, entry) for name, entry in formats.items()},
        )

    def is_for(self, chain_id: int, contract: Address) -> bool:
        """Is it bound to this very contract?"""
        return (chain_id, contract) in self.deployments

    @property
    def is_interface(self) -> bool:
        return not self.deployments


class _Reader:
    """Reads formats; knows the file's shared definitions."""

    def __init__(self, definitions: Mapping[str, object]) -> None:
        self._definitions = definitions
        self._count = 0

    def calls(self, formats: Mapping[str, object]) -> dict[bytes, Format]:
        found: dict[bytes, Format] = {}
        for key, entry in formats.items():
            try:
                fragment = Fragment.parse(key.replace(", ", ","))  # version 1 wrote them with a space
            except CalldataMalformed as error:
                raise DescriptorMalformed(f"display.formats.{key[:80]}", error.reason) from error
            if fragment.selector in found:
                raise DescriptorMalformed(f"display.formats.{key[:80]}", "the same function twice")
            found[fragment.selector] = self.format(key, entry, fragment)
        return found

    def format(self, key: str, entry: object, fragment: Fragment | None = None) -> Format:
        at = f"display.formats.{key[:80]}"
        shown = _object(entry, at)
        intent = shown.get("intent", "")
        if isinstance(intent, dict):
            intent = ", ".join(f"{_words(k, at)}: {_words(v, at)}" for k, v in intent.items())
        interpolated = shown.get("interpolatedIntent", "")
        fields = self._fields(shown.get("fields", []), at, 0)
        return Format(_words(intent, at), _words(interpolated, at), fields, fragment)

    def _fields(self, entries: object, at: str, depth: int) -> tuple[Field, ...]:
        if not isinstance(entries, list) or depth > DEPTH_MAX:
            raise DescriptorMalformed(f"{at}.fields", "array expected")
        return tuple(self._field(entry, f"{at}.fields[{n}]", depth) for n, entry in enumerate(entries))

    def _field(self, entry: object, at: str, depth: int) -> Field:
        self._count += 1
        own = {name: value for name, value in _object(entry, at).items() if name not in _INTERNAL_MEMBERS}
        if self._count > FIELDS_MAX or not set(own) <= _FIELD_MEMBERS:
            raise DescriptorMalformed(at, "a member that is not known")
        shared = self._shared(own.get("$ref"), at)
        given = {**shared, **own}
        params = {**_object(shared.get("params", {}), at), **_object(own.get("params", {}), at)}
        kind = given.get("format", "raw")
        if kind not in FORMATS:
            raise DescriptorMalformed(at, "a format that is not known")
        inner = self._fields(given["fields"], at, depth + 1) if "fields" in given else ()
        return Field(
            _words(given.get("path", ""), at),
            _words(given.get("label", ""), at),
            str(kind),
            params,
            given.get("value"),
            given.get("visible", "always"),
            inner,
            given.get("iteration") == "bundled",
            _words(given.get("separator", ""), at),
        )

    def _shared(self, reference: object, at: str) -> Mapping[str, object]:
        if reference is None:
            return {}
        name = str(reference).removeprefix("$.display.definitions.")
        shared = _object(self._definitions.get(name), at)
        if not set(shared) <= {*_INTERNAL_MEMBERS, "label", "format", "params", "visible"}:
            raise DescriptorMalformed(at, "a member that is not known")
        return shared


# Paths


_SEGMENT = re.compile(r"([A-Za-z_$][A-Za-z0-9_$]*)|\[(-?[0-9]{0,5})(:(-?[0-9]{0,5}))?\]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Step:
    """A member by `name`; else an element (`start`), or with `is_slice` a range, open where None."""

    name: str = ""
    start: int | None = None
    end: int | None = None
    is_slice: bool = False


def steps_of(path: str) -> tuple[str, tuple[Step, ...]]:
    """Root (`#`, `$`, `@`, or "" where relative) and steps. `[]` is every element. Raises DescriptorMalformed."""
    root = path[:1] if path[:2] in ("#.", "$.", "@.") else ""
    rest = path[2:] if root else path
    found: list[Step] = []
    at = 0
    while at < len(rest):
        if rest[at] == "." and found:
            at += 1
        matched = _SEGMENT.match(rest, at)
        if matched is None:
            raise DescriptorMalformed(path[:80], "path expected")
        found.append(_step(matched))
        at = matched.end()
    return root, tuple(found)


def _step(matched: re.Match[str]) -> Step:
    if matched[1]:
        return Step(matched[1])
    start, end = (int(text) if text else None for text in (matched[2], matched[4]))
    return Step("", start, end, matched[3] is not None or start is None)


def _deployments(entries: object) -> Iterable[tuple[int, Address]]:
    if not isinstance(entries, list):
        raise DescriptorMalformed("deployments", "array expected")
    for entry in entries:
        chain_id, address = _object(entry, "deployments").get("chainId"), entry.get("address")
        if type(chain_id) is not int or not isinstance(address, str):
            raise DescriptorMalformed("deployments", "chainId and address expected")
        try:
            yield chain_id, Address(address.lower())  # files are hand-written: their letter case says nothing
        except AddressMalformed as error:
            raise DescriptorMalformed("deployments", "address expected") from error


def _object(value: object, at: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise DescriptorMalformed(at, "object expected")
    return value


def _words(value: object, at: str) -> str:
    if not isinstance(value, str) or len(value) > TEXT_LENGTH_MAX or not value.isprintable():
        raise DescriptorMalformed(at, "text expected")
    return value
