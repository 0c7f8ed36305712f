"""XML from outside as a small tree, with Python's own expat: no document type, no entity, bounded. Pure.

A document type declaration is refused where it begins, so there is nothing to expand and nothing to fetch. Names come
without their prefixes; an element of another namespace than the document's is left out by whoever reads the tree.
"""

from __future__ import annotations

import xml.parsers.expat as expat  # declarations of documents and entities are refused below
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fiat.errors import BankFileMalformed

BYTES_MAX = 32 * 1024 * 1024
DEPTH_MAX = 32
ELEMENTS_MAX = 2_000_000
TEXT_MAX = 100_000


@dataclass(slots=True)
class Element:
    """`name` without namespace, attributes without theirs, the text directly inside, and where it stands."""

    name: str
    namespace: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, path: str) -> Iterator[Element]:
        """The elements at a path of names (`Sts/Cd`) of the same namespace, in order."""
        name, _, rest = path.partition("/")
        for child in self.children:
            if child.name == name and child.namespace == self.namespace:
                yield from child.all(rest) if rest else (child,)

    def first(self, *paths: str) -> Element | None:
        """The first element at the first of the paths that has one."""
        return next((found for path in paths for found in self.all(path)), None)

    def said(self, *paths: str) -> str:
        """The text of the first element at the first of the paths that has one, without blanks around it."""
        found = self.first(*paths)
        return found.text.strip() if found is not None else ""


def parse(body: bytes) -> Element:
    """The root. Raises BankFileMalformed."""
    if len(body) > BYTES_MAX:
        raise BankFileMalformed("file", f"is larger than {BYTES_MAX} bytes")
    reading = _Reading()
    try:
        reading.parser.Parse(body, True)
    except expat.ExpatError as error:
        raise BankFileMalformed(f"line {error.lineno}", f"is no XML: {expat.errors.messages[error.code]}") from None
    except (LookupError, ValueError):  # expat asks Python for the encodings that it does not know itself
        raise BankFileMalformed("file", "is in an encoding that this program does not read") from None
    if reading.root is None:
        raise BankFileMalformed("file", "is empty")
    return reading.root


class _Reading:
    def __init__(self) -> None:
        self.root: Element | None = None
        self.open: list[Element] = []
        self.elements = 0
        self.parser: Any = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._refused
        self.parser.EntityDeclHandler = self._refused
        self.parser.ExternalEntityRefHandler = self._refused

    def _place(self) -> str:
        return f"line {self.parser.CurrentLineNumber}"

    def _refused(self, *_declared: object) -> int:
        raise BankFileMalformed(self._place(), "declares a document type or an entity")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        if len(self.open) >= DEPTH_MAX or self.elements > ELEMENTS_MAX:
            raise BankFileMalformed(self._place(), "is nested or goes on beyond all measure")
        namespace, _, local = name.rpartition(" ")
        own = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        made = Element(local, namespace, own, self.parser.CurrentLineNumber)
        if self.open:
            self.open[-1].children.append(made)
        else:
            self.root = made
        self.open.append(made)

    def _end(self, _name: str) -> None:
        self.open.pop()

    def _characters(self, text: str) -> None:
        element = self.open[-1]
        if len(element.text) + len(text) > TEXT_MAX:
            raise BankFileMalformed(self._place(), "has a text without end")
        if element.text or text.strip():
            element.text += text
