"""Secrets do not print themselves, are compared in constant time, and come from the system's generator."""

from __future__ import annotations

import ast
import re

import pytest

SECRET_CLASS = re.compile(
    r"(Seed|Mnemonic|Entropy|Password|Passphrase|Phrase|Secret|PrivateKey|SigningKey|RootKey|OperatorKey|Keyring)"
    r"|\w*(PrivateKey|Password|SigningKey|SecretKey|SessionToken|ControlToken)"
)
SECRET_FIELD = re.compile(
    r"(private_key|signing_key|operator_key|secret|secret_key|password|passphrase|phrase|mnemonic|seed|entropy|session_token"
    r"|control_token|bearer|database_url)"
)
SECRET_VALUE = re.compile(
    r"\w*(secret|password|csrf|cookie|session_token|control_token|token_hash|bearer|hmac|mac_tag)\w*"
)
STARS = "***"


def classes(module):
    return (node for node in ast.walk(module.ast) if isinstance(node, ast.ClassDef))


def own_repr(cls):
    return next((n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == "__repr__"), None)


def secret_types_print_stars(tree):
    redacted = {
        cls.name
        for module in tree.modules.values()
        for cls in classes(module)
        if (shown := own_repr(cls)) and STARS in ast.unparse(shown)
    }
    return [
        module.at(cls, f"repr({cls.name}) is not ***")
        for module in tree.modules.values()
        for cls in classes(module)
        if SECRET_CLASS.fullmatch(cls.name)
        and cls.name not in redacted
        and not any(isinstance(b, ast.Name) and b.id in redacted for b in cls.bases)
        and not any("Protocol" in ast.unparse(b) or "Enum" in ast.unparse(b) for b in cls.bases)
    ]


def is_redacted(value):
    return value is not None and "repr=False" in ast.unparse(value).replace(" ", "")


def secret_fields_stay_out_of_repr(tree):
    """A dataclass prints its fields: a secret one is `field(repr=False)` or redacted, or the class has a repr."""
    found = []
    for module in tree.modules.values():
        for cls in classes(module):
            decorators = " ".join(ast.unparse(d) for d in cls.decorator_list)
            if "dataclass" not in decorators or own_repr(cls):
                continue
            for node in cls.body:
                if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
                    continue
                kind = ast.unparse(node.annotation)
                plain = any(word in ("str", "bytes", "bytearray") for word in re.findall(r"\w+", kind))
                if SECRET_FIELD.fullmatch(node.target.id) and plain and not is_redacted(node.value):
                    found.append(module.at(node, f"{cls.name}.{node.target.id} would be printed"))
    return found


def is_query(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "where"


def secrets_are_compared_in_constant_time(tree):
    found = []
    for module in tree.modules.values():
        # The database looks a hash up by its index; no secret is compared in this process.
        asked = {id(inner) for call in ast.walk(module.ast) if is_query(call) for inner in ast.walk(call)}
        for node in ast.walk(module.ast):
            if (
                id(node) in asked
                or not isinstance(node, ast.Compare)
                or not isinstance(node.ops[0], (ast.Eq, ast.NotEq))
            ):
                continue
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Constant) for side in sides):
                continue
            names = [
                n.id if isinstance(n, ast.Name) else n.attr for n in sides if isinstance(n, (ast.Name, ast.Attribute))
            ]
            if any(SECRET_VALUE.fullmatch(name) for name in names):
                found.append(module.at(node, f"{ast.unparse(node)}: hmac.compare_digest"))
    return found


def chance_comes_from_the_system(tree):
    """THREATS I-11: a 32-bit seed emptied wallets twice."""
    return [
        module.at(line, f"{module.name} imports {name}")
        for module in tree.modules.values()
        for line, name in module.imports
        if name == "random" or name.startswith(("random.", "numpy"))
    ]


def nothing_prints(tree):
    found = []
    for module in tree.modules.values():
        for node in ast.walk(module.ast):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called == "print" or "show_locals=True" in (ast.unparse(node) if called else ""):
                found.append(module.at(node, called))
        for line, name in module.imports:
            if name.split(".")[0] in ("faulthandler", "sentry_sdk", "cgitb"):
                found.append(module.at(line, f"{name} would write a traceback's values"))
    return found


CASES = [
    (secret_types_print_stars, {"wallet/hd.py": "class Seed:\n    x = 1"}, "repr(Seed) is not ***"),
    (secret_types_print_stars, {"api/settings.py": "class OperatorSigningKey:\n    pass"}, "OperatorSigningKey"),
    (
        secret_fields_stay_out_of_repr,
        {"wallet/vault.py": "@dataclass\nclass Box:\n    password: str"},
        "Box.password would be printed",
    ),
    (secrets_are_compared_in_constant_time, {"api/auth.py": "ok = row.token_hash == given"}, "hmac.compare_digest"),
    (chance_comes_from_the_system, {"wallet/hd.py": "import random"}, "imports random"),
    (nothing_prints, {"wallet/hd.py": "print(1)"}, "print"),
    (nothing_prints, {"wallet/hd.py": "import faulthandler"}, "faulthandler"),
]


@pytest.mark.parametrize("rule", dict.fromkeys(case[0] for case in CASES), ids=lambda rule: rule.__name__)
def test_holds(rule, tree):
    assert not rule(tree), "\n".join(rule(tree))


@pytest.mark.parametrize(("rule", "sources", "words"), CASES)
def test_is_seen_to_fail(rule, sources, words, seeded):
    assert any(words in violation for violation in rule(seeded(sources)))


def test_a_redacted_class_and_its_children_pass(seeded):
    source = "class Secret:\n    def __repr__(self):\n        return '***'\nclass Seed(Secret):\n    pass\n"
    assert not secret_types_print_stars(seeded({"wallet/hd.py": source}))
    redacted = "@dataclass\nclass Box:\n    password: str = field(repr=False)"
    assert not secret_fields_stay_out_of_repr(seeded({"wallet/vault.py": redacted}))
