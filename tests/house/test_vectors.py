"""docs/vectors.md is true: every standard that is promised has a row, and every row a test of that name."""

from __future__ import annotations

import ast
import re

PROMISED = {
    "BIP-39",
    "BIP-32",
    "SLIP-39",
    "Web3 Secret Storage 3",
    "EIP-55",
    "EIP-155",
    "EIP-191",
    "EIP-712",
    "EIP-1559",
}
PROMISED |= {"EIP-2930", "EIP-7702", "EIP-4361", "EIP-681", "RLP"}
ROW = re.compile(r"^\| ([^|]+) \| [^|]+ \| `(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)` \|$", re.MULTILINE)


def faults(page, root):
    """What the table promises and the tree does not have."""
    rows = ROW.findall(page)
    lines = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| Standard |")]
    named = {standard for standards, _, _ in rows for standard in standards.split(", ")}
    found = [f"no row that can be read: {line}" for line in lines if not ROW.match(line)]
    found += [f"no row for {standard}" for standard in sorted(PROMISED - named)]
    return found + [f"no {path}::{name}" for _, path, name in rows if name not in named_in(root / path)]


def named_in(path):
    if not path.is_file():
        return set()
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_standard_has_its_vectors(tree):
    assert not faults((tree.root / "docs/vectors.md").read_text(), tree.root)


def test_a_row_that_is_not_true_is_seen(tree):
    page = (tree.root / "docs/vectors.md").read_text()
    assert faults(page.replace("test_bip32_vectors", "test_bip33_vectors"), tree.root) == [
        "no tests/wallet/test_hd.py::test_bip33_vectors"
    ]
    assert faults(page.replace("SLIP-39", "SLIP-93"), tree.root) == ["no row for SLIP-39"]
    assert len(faults(page.replace("tests/chain/test_rlp.py", "chain/rlp.py"), tree.root)) == 2
