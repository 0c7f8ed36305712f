"""Money is integers: no float, no true division and no rounding by the language in the rooms that count it."""

from __future__ import annotations

import ast
import re

import pytest

MONEY = re.compile(
    r"fiat\.\w+|chain\.(token|erc20|transaction|quantity|rlp|indexer|tables|calldata)"
    r"|wallet\.(review|wallet|client|state)|wallet\.cli\.\w+"
    r"|api\.(portfolio|activity|quote|prices|database|tables|journal)|api\.(gateways|routes)\.\w+"
)
# Seconds of patience are no money.
TIMES = re.compile(r"\w*(timeout|seconds|interval|patience|delay|pause|deadline|idle)\w*", re.IGNORECASE)


def timed(node, parents):
    """Does the number name a time: `timeout=0.5`, `POLL_SECONDS = 0.2`, `asyncio.sleep(0.1)`?"""
    above = parents.get(node)
    while above is not None and not isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        names = []
        if isinstance(above, ast.keyword):
            names = [above.arg or ""]
        elif isinstance(above, (ast.Assign, ast.AnnAssign)):
            targets = above.targets if isinstance(above, ast.Assign) else [above.target]
            names = [ast.unparse(t).rpartition(".")[2] for t in targets]
        elif isinstance(above, ast.Call):
            names = [ast.unparse(above.func).rpartition(".")[2]]
        elif isinstance(above, ast.arguments):
            names = [a.arg for a in (*above.args, *above.kwonlyargs)]
        if any(TIMES.fullmatch(n) or n in ("sleep", "wait_for", "ClientTimeout") for n in names):
            return True
        above = parents.get(above)
    return False


def no_floats(tree):
    found = []
    for module in tree.modules.values():
        if not MONEY.fullmatch(module.name):
            continue
        parents = {child: node for node in ast.walk(module.ast) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(module.ast):
            if isinstance(node, ast.Constant) and isinstance(node.value, float) and not timed(node, parents):
                found.append(module.at(node, f"the float {node.value}"))
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("float", "round", "statistics.mean"):
                found.append(module.at(node, ast.unparse(node)))
            if isinstance(node, ast.Name) and node.id == "float" and isinstance(parents.get(node), ast.AnnAssign):
                annotated = parents[node]
                if not TIMES.fullmatch(ast.unparse(annotated.target)):
                    found.append(module.at(node, "a float field"))
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not (is_path(node) or is_exact(node)):
                found.append(module.at(node, f"{ast.unparse(node)}: // says which way"))
    return found


def is_path(node):
    """`folder / "name"` joins paths; two numbers are never divided by a text, nor two folders by each other."""
    text = ast.unparse(node)
    return bool(re.search(r"['\"]|home|folder|path|root|\bdir|Path\(", text, re.IGNORECASE))


def is_exact(node):
    """Rates are `fractions.Fraction` and called so: dividing them loses nothing."""
    return any(isinstance(side, ast.Attribute) and side.attr == "rate" for side in (node.left, node.right))


CASES = [
    (no_floats, {"fiat/fee.py": "rate = 0.01"}, "the float 0.01"),
    (no_floats, {"fiat/fee.py": "x = float('1')"}, "float('1')"),
    (no_floats, {"api/portfolio.py": "x = a / b"}, "a / b"),
    (no_floats, {"chain/token.py": "class T:\n    amount: float"}, "a float field"),
    (no_floats, {"api/quote.py": "x = round(y, 2)"}, "round(y, 2)"),
]


def test_holds(tree):
    assert not no_floats(tree), "\n".join(no_floats(tree))


@pytest.mark.parametrize(("rule", "sources", "words"), CASES)
def test_is_seen_to_fail(rule, sources, words, seeded):
    assert any(words in violation for violation in rule(seeded(sources)))


def test_times_and_paths_pass(seeded):
    source = "TIMEOUT_SECONDS = 0.5\nfile = home / 'vault'\nasync def f():\n    await asyncio.sleep(0.1)\n"
    assert not no_floats(seeded({"wallet/client.py": source}))
