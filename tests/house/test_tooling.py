"""The commands that people and CI are told to run exist, and the versions that are pinned are pinned once."""

from __future__ import annotations

import json
import re
import stat
import tomllib

import pytest

TARGETS = {"help", "setup", "demo", "test", "lint", "types", "texts", "artifacts", "bench", "soak", "fuzz", "clean"}


def targets_missing(makefile):
    return TARGETS - set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def versions_not_exact(package):
    return [
        name
        for name, version in (package["devDependencies"] | package.get("optionalDependencies", {})).items()
        if not re.fullmatch(r"\d+\.\d+\.\d+", version)
    ]


def commands_without_entry(commands, promised):
    return promised - commands.keys()


def test_make_has_every_target_that_the_contract_names(tree):
    makefile = (tree.root / "Makefile").read_text()
    assert not targets_missing(makefile)
    assert targets_missing(makefile.replace("\nsoak:", "\nsoaked:")) == {"soak"}


def test_npm_packages_are_exact(tree):
    package = json.loads((tree.root / "package.json").read_text())
    assert not versions_not_exact(package)
    assert versions_not_exact({"devDependencies": {"viem": "^2.0.0"}}) == ["viem"]


def test_ci_runs_what_people_run(tree):
    run = tree.root / ".ci" / "run"
    assert run.stat().st_mode & stat.S_IXUSR
    assert "exec make test" in run.read_text()


def test_both_executables_are_declared(tree):
    project = tomllib.loads((tree.root / "pyproject.toml").read_text())["project"]
    assert project["name"] == "tandem-wallet"
    assert project["scripts"] == {"tandem": "wallet.cli.main:main", "tandem-server": "api.cli:main"}


def test_the_client_installs_without_the_server(tree):
    project = tomllib.loads((tree.root / "pyproject.toml").read_text())["project"]
    mine = {re.match(r"[a-z0-9-]+", d).group() for d in project["dependencies"]}
    assert not mine & {"fastapi", "sqlalchemy", "alembic", "uvicorn", "asyncpg", "aiosqlite"}


@pytest.mark.parametrize("secret", ["PASSWORD=", "SECRET=", "PRIVATE_KEY=", "POSTGRES_PASSWORD:"])
def test_no_secret_stands_in_the_compose_file(tree, secret):
    assert secret not in (tree.root / "docker-compose.yml").read_text()


def test_every_promised_command_exists(tree):
    promised = {
        *("init", "restore", "up", "unlock", "lock", "accounts", "register", "login", "balance", "activity", "receive"),
        *("send", "topup", "withdraw", "convert", "networks", "approvals", "approve", "decline", "pair", "grants"),
        *("backup", "audit"),
    }
    source = (tree.root / "wallet" / "cli" / "main.py").read_text()
    entries = dict(re.findall(r'^\s+"([a-z]+)": Entry\("([a-z]+)"', source, re.MULTILINE))
    assert not commands_without_entry(entries, promised)
    assert commands_without_entry(entries, {"fly"}) == {"fly"}
