"""Every rule that an officers' entry can break has words, and no words are for a rule that is not there."""

from __future__ import annotations

import ast
from pathlib import Path

from api.entry_words import FIELDS, RULES, in_words

ROOT = Path(__file__).parents[2]


def rules():
    """What stands in `EntryRefused("...")` anywhere in fiat and api."""
    for path in [*(ROOT / "fiat").glob("*.py"), *(ROOT / "api").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "EntryRefused":
                for argument in node.args:
                    parts = (part.value for part in ast.walk(argument) if isinstance(part, ast.Constant))
                    yield from (part for part in parts if isinstance(part, str))


def test_each_rule_has_words_and_each_word_a_rule():
    assert set(rules()) == {*RULES, *FIELDS}
    assert in_words("until_missing") == "until is missing for this kind of entry"
    assert in_words("exceeds_credits") == "exceeds_credits", "the machine's own statuses stay as they are"
