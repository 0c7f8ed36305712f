"""Functions fit a screen, modules a sitting, and names say what is inside."""

from __future__ import annotations

import ast
import statistics

import pytest

FUNCTION_LINES_MAX = 70
FUNCTION_LINES_MEDIAN_MAX = 11
MODULE_LINES_MAX = 400
MODULE_LINES_OF = {"fiat.audit": 800, "wallet.errors": 700}  # the latter is a list, one class an error
AUDITOR_LINES_MAX = 1300
"""Its three rooms together: what a person reads in an evening."""
NAMES_BANNED = {"utils", "util", "common", "helpers", "helper", "misc", "manager", "base"}


def lines(node):
    return node.end_lineno - node.lineno + 1


def functions_fit_a_screen(tree):
    return [
        module.at(f, f"{f.name} has {lines(f)} lines")
        for module in tree.modules.values()
        for f in module.functions()
        if lines(f) > FUNCTION_LINES_MAX
    ]


def functions_are_short_as_a_rule(tree):
    sizes = [lines(f) for module in tree.modules.values() for f in module.functions()]
    median = statistics.median(sizes) if sizes else 0
    return [f"the median function has {median} lines"] if median > FUNCTION_LINES_MEDIAN_MAX else []


def modules_fit_a_sitting(tree):
    return [
        module.at(1, f"{module.name} has {count} lines")
        for module in tree.modules.values()
        if (count := module.text.count("\n")) > MODULE_LINES_OF.get(module.name, MODULE_LINES_MAX)
    ]


def the_auditor_stays_readable(tree):
    rooms = [m for m in tree.modules.values() if m.name.startswith("fiat.audit")]
    count = sum(module.text.count("\n") for module in rooms)
    return [f"the auditor has {count} lines"] if count > AUDITOR_LINES_MAX else []


def modules_are_named_by_nouns_of_the_field(tree):
    return [
        module.at(1, f"a room called {part} says nothing")
        for module in tree.modules.values()
        for part in module.name.split(".")
        if part in NAMES_BANNED
    ]


def modules_say_what_they_are(tree):
    return [
        module.at(1, "no module docstring")
        for module in tree.modules.values()
        if module.text.strip() and not ast.get_docstring(module.ast)
    ]


def a_silenced_checker_says_why(tree):
    """`type: ignore[code]  # why` and `noqa: CODE  # why`; never bare."""
    found = []
    for module in tree.modules.values():
        for number, line in enumerate(module.text.splitlines(), 1):
            for mark in ("# type: ignore", "# noqa"):
                _, marked, rest = line.partition(mark)
                if marked and ("#" not in rest or len(rest.partition("#")[2].strip()) < 8):
                    found.append(module.at(number, f"{mark.strip('# ')} without a reason"))
    return found


LONG = "def f():\n" + "    x = 1\n" * 70
CASES = [
    (functions_fit_a_screen, {"api/a.py": LONG}, "f has 71 lines"),
    (functions_are_short_as_a_rule, {"api/a.py": LONG}, "the median function has 71 lines"),
    (modules_fit_a_sitting, {"api/a.py": "x = 1\n" * 401}, "api.a has 401 lines"),
    (the_auditor_stays_readable, {"fiat/audit.py": "x = 1\n" * 800, "fiat/audit_x.py": "x = 1\n" * 501}, "1301 lines"),
    (modules_are_named_by_nouns_of_the_field, {"api/utils.py": ""}, "a room called utils"),
    (modules_say_what_they_are, {"api/a.py": "x = 1\n"}, "no module docstring"),
    (a_silenced_checker_says_why, {"api/a.py": "x = 1  # type: ignore[misc]\n"}, "without a reason"),
    (a_silenced_checker_says_why, {"api/a.py": "x = 1  # noqa: S101\n"}, "without a reason"),
]


@pytest.mark.parametrize("rule", dict.fromkeys(case[0] for case in CASES), ids=lambda rule: rule.__name__)
def test_holds(rule, tree):
    assert not rule(tree), "\n".join(rule(tree))


@pytest.mark.parametrize(("rule", "sources", "words"), CASES)
def test_is_seen_to_fail(rule, sources, words, seeded):
    assert any(words in violation for violation in rule(seeded(sources)))
