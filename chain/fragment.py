"""Function fragments as people write them: `transfer(address to,uint256 value)`, tuples with named members too.

The same text names the arguments and gives the selector, so that a name cannot stand beside another type than its own.
Strict as ERC-7730 wants its keys: canonical types, one space before a name, none after a comma.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from chain.calldata import DEPTH_MAX, Value, decode, parse_type, selector
from chain.deadline import NEVER, Deadline
from chain.errors import CalldataMalformed

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,127}", re.ASCII)
_TYPE = re.compile(r"[a-z]+[0-9]*", re.ASCII)
_ARRAYS = re.compile(r"(\[[0-9]*\])*", re.ASCII)
LENGTH_MAX = 2000


@dataclass(frozen=True, slots=True)
class Parameter:
    """`type` is canonical (`(address,uint256)[]`), `members` those of the tuple below any arrays. May be nameless."""

    name: str
    type: str
    members: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Argument:
    """A decoded elementary value by its path (`details[0].token`), as the fragment names it."""

    path: str
    type: str
    value: Value


@dataclass(frozen=True, slots=True)
class Fragment:
    """A function with named parameters."""

    name: str
    parameters: tuple[Parameter, ...]

    @classmethod
    def parse(cls, text: str) -> Fragment:
        """Raises CalldataMalformed."""
        return _parse(text)

    @property
    def types(self) -> str:
        """The tuple of the arguments' types."""
        return "(" + ",".join(parameter.type for parameter in self.parameters) + ")"

    @property
    def signature(self) -> str:
        return self.name + self.types

    @property
    def selector(self) -> bytes:
        return selector(self.signature)

    def decode(self, data: bytes, deadline: Deadline = NEVER) -> dict[str, Value]:
        """The arguments of calldata with this selector, by name or place. Raises CalldataMalformed."""
        if data[:4] != self.selector:
            raise CalldataMalformed("another function")
        values = decode(self.types, data[4:], deadline)
        return {p.name or str(i): value for i, (p, value) in enumerate(zip(self.parameters, values, strict=True))}

    def flat(self, arguments: Sequence[Value]) -> Iterator[Argument]:
        """Every elementary value in order, arrays and tuples unfolded."""
        for number, (parameter, value) in enumerate(zip(self.parameters, arguments, strict=True)):
            yield from _flat(parameter, parameter.type, value, parameter.name or str(number))


def _flat(parameter: Parameter, kind: str, value: Value, path: str) -> Iterator[Argument]:
    if kind.endswith("]"):
        assert isinstance(value, (tuple, list))
        inner = kind[: kind.rindex("[")]
        if not value:
            yield Argument(path, kind, ())
        for number, item in enumerate(value):
            yield from _flat(parameter, inner, item, f"{path}[{number}]")
    elif parameter.members:
        assert isinstance(value, (tuple, list))
        for number, (member, item) in enumerate(zip(parameter.members, value, strict=True)):
            yield from _flat(member, member.type, item, f"{path}.{member.name or number}")
    else:
        yield Argument(path, kind, value)


@lru_cache(maxsize=1024)
def _parse(text: str) -> Fragment:
    name = _NAME.match(text)
    if len(text) > LENGTH_MAX or name is None or text[name.end() : name.end() + 1] != "(":
        raise CalldataMalformed("function expected")
    parameters, end = _parameters(text, name.end(), DEPTH_MAX)
    if end != len(text):
        raise CalldataMalformed("nothing may follow a function")
    fragment = Fragment(name[0], parameters)
    parse_type(fragment.types)
    return fragment


def _parameters(text: str, start: int, depth: int) -> tuple[tuple[Parameter, ...], int]:
    """Of the tuple whose bracket is at `start`, and where it ends. A name is not to be used twice."""
    if depth == 0:
        raise CalldataMalformed("nested too deep")
    found: list[Parameter] = []
    at = start + 1
    while text[at : at + 1] != ")":
        if found:
            if text[at : at + 1] != ",":
                raise CalldataMalformed("comma expected")
            at += 1
        parameter, at = _parameter(text, at, depth)
        found.append(parameter)
    named = [parameter.name for parameter in found if parameter.name]
    if len(named) != len(set(named)):
        raise CalldataMalformed("a name is used twice")
    return tuple(found), at + 1


def _parameter(text: str, at: int, depth: int) -> tuple[Parameter, int]:
    members: tuple[Parameter, ...] = ()
    if text[at : at + 1] == "(":
        members, end = _parameters(text, at, depth - 1)
        kind = "(" + ",".join(member.type for member in members) + ")"
    else:
        matched = _TYPE.match(text, at)
        if matched is None:
            raise CalldataMalformed("type expected")
        kind, end = matched[0], matched.end()
    arrays = _ARRAYS.match(text, end)
    if arrays is not None:
        kind, end = kind + arrays[0], arrays.end()
    if text[end : end + 1] != " ":
        return Parameter("", kind, members), end
    name = _NAME.match(text, end + 1)
    if name is None:
        raise CalldataMalformed("name expected")
    return Parameter(name[0], kind, members), name.end()
