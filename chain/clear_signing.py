"""Calls and messages as an ERC-7730 descriptor shows them: labelled lines, rendered offline. Pure.

A descriptor names and orders what the bytes say; it adds nothing to them and hides nothing, since a review shows every
argument beside it. Where it cannot be honoured in full (a path that leads nowhere, a value that must match and does
not), nothing of it is shown: DescriptorMalformed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from chain.address import Address
from chain.descriptor import Descriptor, Field, Format, steps_of
from chain.descriptor_data import (
    address_of,
    call_tree,
    is_same,
    listed,
    message_tree,
    number_of,
    only,
    text_of,
    walk,
)
from chain.errors import DescriptorMalformed
from chain.token import DECIMALS_MAX, UNITS_MAX, Token, TokenAmount
from chain.token_list import TokenList
from chain.typed_data import TypedData

LINES_MAX = 200
_PREFIXES = {0: "", 1: "k", 2: "M", 3: "G", 4: "T", 5: "P", 6: "E"}
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What the person's own files know, for names and decimals."""

    tokens: TokenList
    names: Mapping[Address, str] = field(default_factory=dict)
    networks: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Container:
    """What `@` stands for: the transaction, or the message's domain and signer."""

    sender: Address
    to: Address
    value: int
    chain_id: int


@dataclass(frozen=True, slots=True)
class Line:
    """One labelled value. `is_complete` False: a token is not in the list, so its decimals are not known."""

    label: str
    value: str
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Embedded:
    """Calldata within, for whoever unfolds it."""

    label: str
    callee: Address
    data: bytes
    value: int


@dataclass(frozen=True, slots=True)
class Screen:
    """`intent` is a sentence where the descriptor has one that could be filled in."""

    owner: str
    contract_name: str
    intent: str
    lines: tuple[Line, ...]
    embedded: tuple[Embedded, ...]


def show_call(descriptor: Descriptor, data: bytes, container: Container, lexicon: Lexicon) -> Screen | None:
    """None where the descriptor does not speak of this function. That it is bound to the contract is the caller's to
    see. Raises DescriptorMalformed, CalldataMalformed.
    """
    found = descriptor.calls.get(data[:4])
    if found is None or found.fragment is None:
        return None
    tree = call_tree(found.fragment, list(found.fragment.decode(data).values()))
    return _Painter(descriptor, container, lexicon, tree).screen(found)


def show_message(descriptor: Descriptor, typed: TypedData, signer: Address, lexicon: Lexicon) -> Screen | None:
    """None where it is not for this domain or these types. Raises DescriptorMalformed."""
    found = descriptor.messages.get(typed.encode_type(typed.primary_type))
    contract, chain_id = typed.domain_value("verifyingContract"), typed.domain_value("chainId")
    if found is None or not isinstance(contract, Address) or not isinstance(chain_id, int):
        return None
    if not descriptor.is_interface and not descriptor.is_for(chain_id, contract):
        return None
    if any(str(typed.domain_value(name)) != str(wanted) for name, wanted in descriptor.domain.items()):
        return None
    container = Container(signer, contract, 0, chain_id)
    return _Painter(descriptor, container, lexicon, message_tree(typed)).screen(found)


class _Painter:
    """Fills one format in."""

    def __init__(self, descriptor: Descriptor, container: Container, lexicon: Lexicon, tree: object) -> None:
        self._descriptor, self._container, self._lexicon, self._tree = descriptor, container, lexicon, tree
        self._embedded: list[Embedded] = []
        self._by_path: dict[str, str] = {}

    def screen(self, shown: Format) -> Screen:
        lines = tuple(line for entry in shown.fields for line in self._field(entry, self._tree))
        if len(lines) > LINES_MAX:
            raise DescriptorMalformed("fields", "too many lines")
        described = self._descriptor
        return Screen(described.owner, described.contract_name, self._intent(shown), lines, tuple(self._embedded))

    def _field(self, entry: Field, base: object) -> Iterator[Line]:
        if entry.visible == "never":
            return
        if entry.fields:
            yield from self._group(entry, base)
            return
        found = [((), entry.value)] if entry.value is not None else list(self._resolve(entry.path, base))
        for number, (indices, value) in enumerate(found):
            if not self._is_visible(entry, value):
                continue
            line = self._line(entry, value, base, indices)
            self._by_path.setdefault(entry.path.removeprefix("#."), line.value)
            yield Line(entry.separator.replace("{index}", str(number)) + line.label, line.value, line.is_complete)

    def _group(self, entry: Field, base: object) -> Iterator[Line]:
        bases = [node for _indices, node in self._resolve(entry.path, base)] if entry.path else [base]
        for node in bases:
            parts = [list(self._field(inner, node)) for inner in entry.fields]
            if entry.is_bundled:
                if len({len(part) for part in parts}) > 1:
                    raise DescriptorMalformed(entry.path, "arrays of the same length expected")
                parts = [list(row) for row in zip(*parts, strict=True)]
            for line in (line for part in parts for line in part):
                yield Line(f"{entry.label}: {line.label}" if entry.label else line.label, line.value, line.is_complete)

    def _is_visible(self, entry: Field, value: object) -> bool:
        rule = entry.visible
        if rule in ("always", "optional"):
            return True
        if not isinstance(rule, dict) or not set(rule) <= {"ifNotIn", "mustMatch"}:
            raise DescriptorMalformed(entry.path, "a rule that is not known")
        if "mustMatch" in rule:
            if not any(is_same(value, one) for one in listed(rule["mustMatch"])):
                raise DescriptorMalformed(entry.path, "not one of the values that it must match")
            return False
        return not any(is_same(value, one) for one in listed(rule["ifNotIn"]))

    def _line(self, entry: Field, value: object, base: object, indices: tuple[int, ...]) -> Line:
        def parameter(name: str) -> object:
            """Of a constant, or of a path with the same elements as the field's own."""
            if f"{name}Path" in entry.params:
                path = str(entry.params[f"{name}Path"])
                for index in indices:
                    path = path.replace("[]", f"[{index}]", 1)
                return only(list(self._resolve(path, base)), path)
            return self._constant(entry.params.get(name), base)

        text, is_complete = _FORMATS[entry.format](self, value, parameter, entry)
        return Line(entry.label, text, is_complete)

    def _constant(self, value: object, base: object) -> object:
        """A literal, a path into the file or the data, or a map with the path of its key."""
        if isinstance(value, dict):
            values = only(list(self._resolve(str(value.get("map")), base)), "map")
            key = text_of(only(list(self._resolve(str(value.get("keyPath")), base)), "keyPath"))
            table = values.get("values") if isinstance(values, dict) else None
            if not isinstance(table, dict) or key not in table:
                raise DescriptorMalformed("map", "no value for this key")
            return table[key]
        if isinstance(value, str) and value[:2] in ("$.", "@.", "#."):
            return only(list(self._resolve(value, base)), value)
        return value

    def _resolve(self, path: str, base: object) -> Iterator[tuple[tuple[int, ...], object]]:
        root, steps = steps_of(path)
        if root == "@":
            known = {"from": "sender", "to": "to", "value": "value", "chainId": "chain_id"}
            if len(steps) != 1 or steps[0].name not in known:
                raise DescriptorMalformed(path, "path expected")
            yield (), getattr(self._container, known[steps[0].name])
            return
        start: object = base if not root else self._tree
        if root == "$":
            start = {"metadata": self._descriptor.metadata}
        yield from walk(start, steps, (), path)

    def _intent(self, shown: Format) -> str:
        """The sentence with its values, or the plain intent where one is missing."""

        def filled(matched: re.Match[str]) -> str:
            return matched[0][0] if matched[1] is None else self._by_path[matched[1].removeprefix("#.")]

        try:
            return _PLACEHOLDER.sub(filled, shown.interpolated) or shown.intent
        except KeyError:
            return shown.intent

    # Formats: each gives a text, and whether everything about it is known

    def raw(self, value: object, parameter: _Parameters, entry: Field) -> tuple[str, bool]:
        return text_of(value), True

    def amount(self, value: object, parameter: _Parameters, entry: Field) -> tuple[str, bool]:
        return str(TokenAmount(number_of(value), Token.native(self._container.chain_id))), True

    def token_amount(self, value: object, parameter: _Parameters, entry: Field) -> tuple[str, bool]:
        units = number_of(value)
        token = self._token(parameter("token"), self._chain(parameter), entry)
        threshold = parameter("threshold")
        if threshold is not None and units >= number_of(threshold):
            return f"{parameter('message') or 'Unlimited'} {token.symbol if token else ''}".strip(), token is not None
        if token is None:
            return f"{units} / 10^?", False
        return str(TokenAmount(units, token)), True

    def nft_name(self, value: object, parameter: _Parameters, entry: Field) -> tuple[str, bool]:
        collection = parameter("collection")
        of = f" · {self._named(address_of(collection))}" if collection is not None else ""
        return f"#{number_of(value)}{of}", True

    def date(self, value: object, parameter: _Parameters, entry: Field) -> tuple[str, bool]:
        """A block's height has no time that a machine without a clock of the chain could tell: it stays a height."""
        number = number_of(value)
        if entry.params.get("encoding") == "blockheight":
            return f"block {number}", True
        try:
            return datetime.fromtimestamp(number, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), True
        except (ValueError, OverflowError, OSError):
            return str(number), True

    def duration(self, value: object, parameter: _Parameters, entry: Field) -> tuple[str, bool]:
        minutes, seconds = divmod(number_of(value), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}", True

    def unit(self, value: object, parameter: _Parameters, entry: Field) -> tuple[str, bool]:
        decimals, number = entry.params.get("decimals", 0), number_of(value)
        if type(decimals) is not int or not 0 <= decimals <= DECIMALS_MAX or not 0 <= number <= UNITS_MAX:
            raise DescriptorMalformed(entry.path, "decimals")
        prefix = 0
        if entry.params.get("prefix"):
            # The largest prefix that keeps a whole number before the point.
            prefix = min(max((len(str(number)) - 1 - decimals) // 3, 0), max(_PREFIXES))
        shown = TokenAmount(number, Token(1, None, "", "", min(decimals + 3 * prefix, DECIMALS_MAX))).format()
        return f"{shown}{_PREFIXES[prefix]}{text_of(entry.params.get('base', ''))}", True

    def enum(self, value: object, parameter: _Parameters, entry: Field) -> tuple[str, bool]:
        table = only(list(self._resolve(str(entry.params.get("$ref", "")), self._tree)), "$ref")
        known = table.get(text_of(value)) if isinstance(table, dict) else None
        return known if isinstance(known, str) else text_of(value), True

    def calldata(self, value: object, parameter: _Parameters, entry: Field) -> tuple[str, bool]:
        if not isinstance(value, bytes):
            raise DescriptorMalformed(entry.path, "bytes expected")
        callee, amount = address_of(parameter("callee")), parameter("amount")
        if any(name in entry.params for name in ("selector", "selectorPath", "chainId", "chainIdPath")):
            raise DescriptorMalformed(entry.path, "a parameter that is not known")
        self._embedded.append(Embedded(entry.label, callee, value, number_of(amount) if amount is not None else 0))
        return self._named(callee), True

    def address_name(self, value: object, parameter: _Parameters, entry: Field) -> tuple[str, bool]:
        """`senderAddress` are stand-ins by which a contract means whoever calls it."""
        address = address_of(value)
        stands_in = (
            address_of(self._constant(one, self._tree)) for one in listed(entry.params.get("senderAddress", []))
        )
        return self._named(self._container.sender if address in stands_in else address), True

    def chain_name(self, value: object, parameter: _Parameters, entry: Field) -> tuple[str, bool]:
        number = number_of(value)
        return f"{self._lexicon.networks.get(number, '?')} ({number})", True

    def token_ticker(self, value: object, parameter: _Parameters, entry: Field) -> tuple[str, bool]:
        address = address_of(value)
        token = self._lexicon.tokens.by_address(self._chain(parameter), address)
        return (f"{token.symbol} ({address})", True) if token else (address, False)

    def _named(self, address: Address) -> str:
        """Its name from the person's list beside the whole address, which no name ever replaces."""
        name = self._lexicon.names.get(address)
        return f"{name} ({address})" if name else address

    def _token(self, address: object, chain_id: int, entry: Field) -> Token | None:
        if address is None:
            return None
        wanted = address_of(address)
        native = entry.params.get("nativeCurrencyAddress", [])
        for one in native if isinstance(native, list) else [native]:
            if address_of(self._constant(one, self._tree)) == wanted:
                return Token.native(chain_id)
        return self._lexicon.tokens.by_address(chain_id, wanted)

    def _chain(self, parameter: _Parameters) -> int:
        chain_id = parameter("chainId")
        return self._container.chain_id if chain_id is None else number_of(chain_id)


_Parameters: TypeAlias = Callable[[str], object]
_FORMATS: dict[str, Callable[[_Painter, object, _Parameters, Field], tuple[str, bool]]] = {
    "raw": _Painter.raw,
    "amount": _Painter.amount,
    "tokenAmount": _Painter.token_amount,
    "nftName": _Painter.nft_name,
    "date": _Painter.date,
    "duration": _Painter.duration,
    "unit": _Painter.unit,
    "enum": _Painter.enum,
    "calldata": _Painter.calldata,
    "addressName": _Painter.address_name,
    "chainId": _Painter.chain_name,
    "tokenTicker": _Painter.token_ticker,
}
