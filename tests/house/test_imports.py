"""Who may import whom: the contracts of import-linter, and what those cannot say."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Modules of the two libraries that do I/O; every other module there is pure, a new one too.
IO_MODULES = re.compile(
    r"fiat\.(tables|tables_types|journal|journal_\w+|history|history_\w+)"
    r"|chain\.(node|simulation|node_\w+|tables|indexer|indexer_\w+|devnet|devnet_\w+|treasury|treasury_pipe|treasury_moves|contracts.*)"
)
PURE_ABOVE = {"wallet.review", "wallet.permissions", "wallet.contacts", "wallet.siwe", "wallet.errors", "wallet.heads"}
PURE_ABOVE |= {"wallet.signable", "wallet.payee", "wallet.proofs", "wallet.review_orders", "wallet.term"}
PURE_ABOVE |= {"wallet.payment_uri", "wallet.names", "wallet.accounts", "wallet.unsigned", "wallet.export"}
PURE_ABOVE |= {"wallet.rpc", "wallet.asking", "wallet.approvals", "wallet.happenings", "wallet.dapp_params"}
PURE_ABOVE |= {"wallet.dapp_calls", "wallet.dapp_methods", "wallet.dapp_failures", "wallet.review_door"}
PURE_ABOVE |= {"wallet.pairing", "wallet.listen", "wallet.review_json", "wallet.review_typed_values"}
PURE_ABOVE |= {"wallet.signable_values", "wallet.in_flight", "wallet.review_delegation", "wallet.review_second"}
PURE_ABOVE |= {"wallet.policy", "wallet.policy_request", "wallet.policy_decision", "wallet.policy_counters"}
PURE_ABOVE |= {"wallet.policy_log", "wallet.policy_offer", "wallet.policy_typed", "wallet.policy_trial"}
PURE_ABOVE |= {"wallet.guard_claims", "wallet.judgement"}
PURE_ABOVE |= {"wallet.review_effects", "wallet.review_transactions", "wallet.review_messages", "wallet.review_outcome"}
PURE_ABOVE |= {"wallet.review_typed_data", "wallet.descriptions", "wallet.digest", "wallet.plain_text", "wallet.hosts"}
PURE_ABOVE |= {"wallet.web.gate"}
PURE_ABOVE |= {"api.news", "api.prices", "api.price_guard", "api.price_line", "api.reference_rates"}
PURE_ABOVE |= {"api.portfolio", "api.activity", "api.quote", "api.errors", "api.handles", "api.bridge_states"}
IMPURE = {
    *("sqlalchemy", "aiosqlite", "asyncpg", "alembic", "sqlite3", "aiohttp", "http", "requests", "web3", "fastapi"),
    *("starlette", "uvicorn", "socket", "ssl", "select", "selectors", "asyncio", "threading", "multiprocessing"),
    *("subprocess", "time", "random", "secrets", "uuid", "os", "logging", "tempfile", "shutil", "pathlib"),
}
DATABASES = {"sqlalchemy", "aiosqlite", "asyncpg", "alembic", "sqlite3"}
WEB = {"fastapi", "starlette", "uvicorn"}
CLIENT_MAY_NOT = {"fiat": {"tables", "journal", "history"}, "chain": {"tables", "indexer", "devnet", "treasury"}}
SECRETIVE = {"wallet.mnemonic", "wallet.hd", "wallet.vault", "wallet.vault_format", "wallet.keystore"}
SECRETIVE |= {"wallet.keyring", "wallet.keeper", "wallet.shares", "wallet.recovery"}
SECRETIVE |= {"wallet.restoring", "wallet.sealed", "wallet.guard"}
KEY_MAKERS = {"wallet.signer", "chain.treasury"} | SECRETIVE

SHAPES_ALONE = {("wallet.account", "eth_account")}
"""Takes the place of eth-account's local account, so it names its types; it has no key to give them."""


def is_pure(name):
    package, _, rest = name.partition(".")
    return name in PURE_ABOVE or (package in ("fiat", "chain") and rest and not IO_MODULES.fullmatch(name))


def pure_modules_do_no_io(tree):
    found = []
    for module in filter(lambda m: is_pure(m.name), tree.modules.values()):
        for line, name in module.imports:
            ours = tree.first_party(name)
            if name.split(".")[0] in IMPURE or name.startswith("urllib.request"):
                found.append(module.at(line, f"a pure module imports {name}"))
            elif ours and "." in ours and not ours.startswith("api.") and not is_pure(ours):
                found.append(module.at(line, f"a pure module imports {ours}, which does I/O"))
        for node in ast.walk(module.ast):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr in ("now", "utcnow", "today"):
                found.append(module.at(node, "a pure module reads the clock"))
            if isinstance(called, ast.Name) and called.id in ("open", "print", "input"):
                found.append(module.at(node, f"a pure module calls {called.id}"))
    return found


def tables_have_few_importers(tree):
    allowed = {
        "fiat.tables": re.compile(r"fiat\.(journal|history)\w*|api\.migrations.*"),
        "chain.tables": re.compile(r"chain\.indexer\w*|chain\.treasury_moves|api\.migrations.*"),
    }
    return [
        module.at(line, f"{module.name} imports {target}")
        for module in tree.modules.values()
        for target, importers in allowed.items()
        for line, name in module.imports
        if name == target and not importers.fullmatch(module.name)
    ]


def only_the_server_knows_a_web_framework(tree):
    return [
        module.at(line, f"{module.name} imports {name}")
        for module in tree.of("wallet", "chain", "fiat")
        for line, name in module.imports
        if name.split(".")[0] in WEB or (name.split(".")[0] in DATABASES and module.name.startswith("wallet"))
    ]


def the_client_imports_what_it_may(tree):
    found = []
    for module in tree.of("wallet"):
        for line, name in module.imports:
            package, _, rest = name.partition(".")
            room = rest.split(".")[0]
            if package == "api" or any(room == r or room.startswith(r + "_") for r in CLIENT_MAY_NOT.get(package, ())):
                found.append(module.at(line, f"the client imports {name}"))
    return found


def libraries_are_siblings(tree):
    return [
        module.at(line, f"{module.name} imports {name}")
        for package, others in (("fiat", ("chain", "wallet", "api")), ("chain", ("fiat", "wallet", "api")))
        for module in tree.of(package)
        for line, name in module.imports
        if name.split(".")[0] in others
    ]


def keys_are_made_in_few_places(tree):
    return [
        module.at(line, f"{module.name} imports {name}, which makes or holds keys")
        for module in tree.modules.values()
        if module.name not in KEY_MAKERS
        for line, name in module.imports
        if (module.name, name.split(".")[0]) not in SHAPES_ALONE
        if name.split(".")[0] in ("bip_utils", "eth_account", "eth_keyfile", "shamir_mnemonic") or name in SECRETIVE
    ]


def no_import_inside_a_function(tree):
    """Two command lines load a whole command module by its name, which is the one laziness there is."""
    found = []
    for module in tree.modules.values():
        for function in module.functions():
            for node in ast.walk(function):
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    found.append(module.at(node, f"import inside {function.name}"))
        lazy = [n for _, n in module.imports if n.startswith("importlib")] or "__import__(" in module.text
        if lazy and module.name not in ("wallet.cli.main", "api.cli"):
            found.append(module.at(1, "loads modules by name"))
    return found


def packages_are_not_imported_whole(tree):
    return [
        module.at(node, f"import {alias.name}: import names out of its modules")
        for module in tree.modules.values()
        for node in ast.walk(module.ast)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.split(".")[0] in ("wallet", "chain", "fiat", "api") and not ("." in alias.name and alias.asname)
    ]


def no_cycles(tree):
    graph = {
        m.name: {o for _, n in m.imports if (o := tree.first_party(n)) and o != m.name} for m in tree.modules.values()
    }
    while leaves := [name for name, targets in graph.items() if not targets & graph.keys()]:
        for name in leaves:
            del graph[name]
    wanted = {target for targets in graph.values() for target in targets}
    return [f"import cycle through {name}" for name in graph if name in wanted]


def the_auditors_rooms_stand_alone(tree):
    """`fiat`'s pure rooms need keccak and secp256k1 and nothing else that is not Python's own."""
    return [
        module.at(line, f"imports {name}")
        for module in tree.of("fiat")
        if is_pure(module.name)
        for line, name in module.imports
        if not tree.first_party(name) and name.split(".")[0] not in {"Crypto", "coincurve", *sys.stdlib_module_names}
    ]


CASES = [
    (pure_modules_do_no_io, {"fiat/fee.py": "import sqlalchemy\n"}, "fiat/fee.py:1: a pure module imports sqlalchemy"),
    (pure_modules_do_no_io, {"chain/erc20.py": "import time\n"}, "imports time"),
    (pure_modules_do_no_io, {"wallet/review.py": "from chain.node import Node", "chain/node.py": ""}, "which does I/O"),
    (pure_modules_do_no_io, {"fiat/fee.py": "x = datetime.now()"}, "reads the clock"),
    (tables_have_few_importers, {"api/app.py": "from fiat import tables"}, "api.app imports fiat.tables"),
    (only_the_server_knows_a_web_framework, {"fiat/order.py": "from fastapi import FastAPI"}, "imports fastapi"),
    (only_the_server_knows_a_web_framework, {"wallet/state.py": "import sqlite3"}, "imports sqlite3"),
    (the_client_imports_what_it_may, {"wallet/client.py": "from fiat.journal import Journal"}, "fiat.journal"),
    (the_client_imports_what_it_may, {"wallet/client.py": "from chain import treasury"}, "chain.treasury"),
    (libraries_are_siblings, {"fiat/order.py": "from chain.address import Address"}, "fiat.order imports chain"),
    (keys_are_made_in_few_places, {"wallet/wallet.py": "from wallet.hd import Account"}, "wallet.hd"),
    (keys_are_made_in_few_places, {"api/auth.py": "import eth_account"}, "eth_account"),
    (no_import_inside_a_function, {"api/app.py": "def f():\n    import json"}, "api/app.py:2: import inside f"),
    (no_import_inside_a_function, {"api/app.py": "import importlib"}, "loads modules by name"),
    (packages_are_not_imported_whole, {"api/app.py": "import fiat.money"}, "import fiat.money"),
    (no_cycles, {"api/a.py": "from api.b import x", "api/b.py": "from api import a"}, "cycle through api.a"),
    (the_auditors_rooms_stand_alone, {"fiat/seal.py": "import attrs"}, "imports attrs"),
]


@pytest.mark.parametrize("rule", dict.fromkeys(case[0] for case in CASES), ids=lambda rule: rule.__name__)
def test_holds(rule, tree):
    assert not rule(tree), "\n".join(rule(tree))


@pytest.mark.parametrize(("rule", "sources", "words"), CASES)
def test_is_seen_to_fail(rule, sources, words, seeded):
    assert any(words in violation for violation in rule(seeded(sources)))


def test_type_checking_imports_are_free(seeded):
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from api.b import x\n"
    assert not no_cycles(seeded({"api/a.py": source, "api/b.py": "from api.a import y"}))


def lint_imports(root):
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )


SEEDS = {
    "fiat/money.py": "from chain.errors import ChainError",
    "wallet/__init__.py": "import sqlalchemy",
    "chain/errors.py": "import fastapi",
    "wallet/cli/__init__.py": "import wallet.vault",
    "api/__init__.py": "import bip_utils",
}


def test_contracts_of_import_linter_break_when_seeded(tree, tmp_path):
    """`make lint` runs the contracts on this tree; here each of them is broken once, in a copy."""
    for package in ("wallet", "chain", "fiat", "api"):
        shutil.copytree(tree.root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(tree.root / "pyproject.toml", tmp_path)
    for path, seed in SEEDS.items():
        with (tmp_path / path).open("a") as file:
            file.write(f"\n{seed}\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = re.findall(r"^(.*) BROKEN", result.stdout, re.MULTILINE)
    names = re.findall(r'^name = "(.*)"', (tree.root / "pyproject.toml").read_text(), re.MULTILINE)
    assert [name for name in names if not any(b.strip() == name for b in broken)] == ["tandem-wallet"]


def test_contracts_of_import_linter_hold(tree):
    result = lint_imports(tree.root)
    assert result.returncode == 0, result.stdout


def test_the_four_packages_are_this_tree(tree):
    """Their names are generic; another `wallet` on the path would be imported in silence."""
    code = "import wallet, chain, fiat, api; print(*(p.__file__ for p in (wallet, chain, fiat, api)), sep='\\n')"
    result = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=True)
    expected = [str(tree.root / p / "__init__.py") for p in ("wallet", "chain", "fiat", "api")]
    assert result.stdout.split() == expected
