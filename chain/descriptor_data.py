"""The data that a descriptor speaks of, as a tree of names: walked by paths, read as numbers and addresses. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from chain.address import Address
from chain.calldata import Value
from chain.descriptor import Step, steps_of
from chain.errors import AddressMalformed, DescriptorMalformed
from chain.fragment import Fragment, Parameter
from chain.typed_data import TypedData

Node: TypeAlias = "Mapping[str, Node] | list[Node] | bool | int | bytes | str"


def call_tree(fragment: Fragment, values: Sequence[Value]) -> Node:
    """Arguments by name, arrays as lists."""
    named = zip(fragment.parameters, values, strict=True)
    return {p.name or str(n): _tree(p, p.type, value) for n, (p, value) in enumerate(named)}


def message_tree(typed: TypedData) -> Node:
    """The message's declared members by name."""
    root: dict[str, Node] = {}
    for leaf in typed.message:
        _root, steps = steps_of(leaf.path.removeprefix("message."))
        _plant(root, steps, leaf.value)
    return root


def _tree(parameter: Parameter, kind: str, value: Value) -> Node:
    if kind.endswith("]"):
        assert isinstance(value, (tuple, list))
        return [_tree(parameter, kind[: kind.rindex("[")], item) for item in value]
    if parameter.members:
        assert isinstance(value, (tuple, list))
        return {
            m.name or str(n): _tree(m, m.type, v) for n, (m, v) in enumerate(zip(parameter.members, value, strict=True))
        }
    assert isinstance(value, (bool, int, bytes, str))
    return value


def _plant(root: dict[str, Node], steps: tuple[Step, ...], value: Node) -> None:
    """Puts a leaf where its path says; leaves come in order, so a list only ever grows at its end."""
    here: Node = root
    for step, following in zip(steps, (*steps[1:], None), strict=True):
        child: Node = value if following is None else {} if following.name else []
        if step.name:
            assert isinstance(here, dict)
            here = here.setdefault(step.name, child)
        else:
            assert isinstance(here, list) and step.start is not None
            if step.start == len(here):
                here.append(child)
            here = here[step.start]


def walk(
    node: object, steps: tuple[Step, ...], indices: tuple[int, ...], path: str
) -> Iterator[tuple[tuple[int, ...], object]]:
    """Every value that the steps lead to, with the numbers of the elements on the way."""
    if not steps:
        yield indices, node
        return
    step, rest = steps[0], steps[1:]
    if step.name:
        if not isinstance(node, dict) or step.name not in node:
            raise DescriptorMalformed(path, "leads nowhere")
        yield from walk(node[step.name], rest, indices, path)
    elif step.is_slice and isinstance(node, (bytes, str)):
        yield from walk(node[step.start : step.end], rest, indices, path)
    elif step.is_slice and isinstance(node, list):
        for number in range(*slice(step.start, step.end).indices(len(node))):
            yield from walk(node[number], rest, (*indices, number), path)
    elif isinstance(node, list) and step.start is not None and -len(node) <= step.start < len(node):
        yield from walk(node[step.start], rest, indices, path)
    else:
        raise DescriptorMalformed(path, "leads nowhere")


def only(found: list[tuple[tuple[int, ...], object]], path: str) -> object:
    if len(found) != 1:
        raise DescriptorMalformed(path, "leads to several values")
    return found[0][1]


def number_of(value: object) -> int:
    """An integer of the data, or of the file: digits or 0x hex."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, bytes) and len(value) <= 32:
        return int.from_bytes(value, "big")
    if isinstance(value, str) and re.fullmatch(r"0x[0-9a-fA-F]{1,64}|[0-9]{1,78}", value, re.ASCII):
        return int(value, 16 if value.startswith("0x") else 10)
    raise DescriptorMalformed("value", "number expected")


def address_of(value: object) -> Address:
    """Of the data, of the file in any letter case, or 20 bytes cut out of a longer value."""
    if isinstance(value, bytes) and len(value) == 20:
        return Address.from_bytes(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**256:
        return Address.from_bytes(value.to_bytes(32, "big")[12:])
    try:
        return Address(value.lower() if isinstance(value, str) else "")
    except AddressMalformed as error:
        raise DescriptorMalformed("value", "address expected") from error


def listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def is_same(value: object, other: object) -> bool:
    return text_of(value).lower() == text_of(other).lower()


def text_of(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, (dict, list)):
        raise DescriptorMalformed("value", "a single value expected")
    return str(value)
