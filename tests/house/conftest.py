"""The house as text: every Python module of the four packages, parsed once, for rules to read.

A rule is a function `(tree) -> list of violations`. Each is run on this tree and on a seeded one that breaks it:
a checker counts only if it was seen to fail.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("wallet", "chain", "fiat", "api")


@dataclass(frozen=True)
class Module:
    """One source file: dotted `name`, repository-relative `path`, `text`."""

    name: str
    path: str
    text: str

    @functools.cached_property
    def ast(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @functools.cached_property
    def imports(self) -> list[tuple[int, str]]:
        """(line, dotted name) of every import that runs: `from a import b` gives both `a` and `a.b`."""
        found = []
        for node in running(self.ast):
            if isinstance(node, ast.Import):
                found += [(node.lineno, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.append((node.lineno, node.module or ""))
                found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        return found

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        return (n for n in ast.walk(self.ast) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))

    def at(self, node: ast.AST | int, what: str) -> str:
        """A violation's text."""
        return f"{self.path}:{node if isinstance(node, int) else node.lineno}: {what}"  # type: ignore[attr-defined]


def running(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node below, except what stands under `if TYPE_CHECKING:`, which never runs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from running(node)


@dataclass(frozen=True)
class Tree:
    """The packages below `root`, by dotted module name."""

    root: Path
    modules: dict[str, Module] = field(default_factory=dict)

    def of(self, *packages: str) -> Iterator[Module]:
        return (m for m in self.modules.values() if m.name.split(".")[0] in packages)

    def first_party(self, name: str) -> str | None:
        """The module of this tree that an import of `name` loads, if it is ours."""
        while name:
            if name in self.modules:
                return name
            name = name.rpartition(".")[0]
        return None


def dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.fixture(scope="session")
def tree() -> Tree:
    """This repository."""
    paths = sorted(p.relative_to(ROOT) for package in PACKAGES for p in (ROOT / package).rglob("*.py"))
    return Tree(ROOT, {dotted(p): Module(dotted(p), str(p), (ROOT / p).read_text("utf-8")) for p in paths})


@pytest.fixture(scope="session")
def seeded() -> Callable[[dict[str, str]], Tree]:
    """Builds a tree out of {path: source}."""

    def build(sources: dict[str, str]) -> Tree:
        return Tree(ROOT, {dotted(Path(p)): Module(dotted(Path(p)), p, text) for p, text in sources.items()})

    return build
