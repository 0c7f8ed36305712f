# Two targets do everything on a fresh machine (Python 3.11+, Node 20+, make): `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
UV_VERSION := 0.13.9
UV := .tools/bin/uv
PY := .venv/bin/python
CHAIN ?= anvil
ARGS ?=
export TANDEM_DEMO_CHAIN := $(CHAIN)

.PHONY: help setup demo test lint types contracts texts artifacts screenshots bench soak fuzz clean

help:
	@echo "make demo              one wallet moves both kinds of money, on a local chain (CHAIN=hardhat, ARGS=--exit)"
	@echo "make test              lint, types, contracts and every test"
	@echo "make lint types        ruff, import-linter / mypy --strict"
	@echo "make bench             benchmarks, as ratios against a peer in the same run (ARGS=--quick)"
	@echo "make soak              the storms and the fuzzers at their full counts"
	@echo "make fuzz              the fuzzers alone, at the counts of make soak"
	@echo "make screenshots       every page in both languages, both themes and two widths, into screenshots/"
	@echo "make texts artifacts   rebuild the message catalogue / the contract artifacts"

$(UV):
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed."; exit 1; }
	@node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' || { echo "Node 20 or newer is needed."; exit 1; }
	@python3 -m venv .tools
	@.tools/bin/python -m pip install --quiet "uv==$(UV_VERSION)"

# What the tests and the demo need of Debian, as command:package. PostgreSQL (from PyPI) runs as a user that it makes;
# test chains end with their owner by setpriv.
DEBIAN := git:git useradd:passwd setpriv:util-linux ps:procps strace:strace chromium:chromium firefox-esr:firefox-esr

.tools/debian: Makefile
	@mkdir -p .tools; missing=""; \
	for pair in $(DEBIAN); do command -v "$${pair%%:*}" >/dev/null || missing="$$missing $${pair##*:}"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -qq -y --no-install-recommends $$missing; \
	  else echo "These Debian packages are needed:$$missing"; exit 1; fi; \
	fi; touch $@

.venv/.ready: pyproject.toml uv.lock | $(UV) .tools/debian
	@echo "Python packages (locked) ..."
	@$(UV) sync --quiet --locked --extra server --compile-bytecode
	@$(PY) -m compileall -q wallet chain fiat api
	@touch $@

node_modules/.ready: package.json package-lock.json
	@echo "npm packages (locked) ..."
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

PAGES := wallet/web/static/dist/manifest.json
$(PAGES): node_modules/.ready wallet/web/bundle.mjs $(wildcard wallet/web/static/*.*)
	@echo "Pages' scripts and styles ..."
	@node wallet/web/bundle.mjs

setup: .tools/debian .venv/.ready node_modules/.ready $(PAGES)

demo: setup
	@.venv/bin/tandem-server demo $(ARGS)

# Two workers, a file at a time: what a file starts (a chain, a server, a database) is started once. The order of the
# files is that of tests/conftest.py.
test: setup lint types
	@.venv/bin/pytest -q -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup contracts
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .

types: setup
	@.venv/bin/mypy

contracts: setup
	@.venv/bin/lint-imports --no-cache | tail -n 3

texts: setup
	@$(PY) tests/house/catalogue.py

# Chinese needs letters to be drawn with, which a server may not have.
.tools/fonts: Makefile
	@mkdir -p .tools; if [ -z "$$(fc-list :lang=zh 2>/dev/null)" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -qq -y --no-install-recommends fontconfig fonts-wqy-microhei; \
	  else echo "A Chinese font is needed: fonts-wqy-microhei"; exit 1; fi; \
	fi; touch $@

screenshots: setup .tools/fonts
	@.venv/bin/pytest -q tests/web/test_screenshots.py --screenshots $(ARGS)

artifacts: setup
	@node chain/contracts/compile.js
	@$(PY) -m tests.chain.hostile_tokens

bench: setup
	@for program in benchmarks/[a-z]*.py; do $(PY) $$program $(ARGS); done

soak: setup
	@.venv/bin/pytest -q -m "slow or not slow" --soak $(ARGS)

fuzz: setup
	@.venv/bin/pytest -q --soak tests/fuzz $(ARGS)

clean:
	rm -rf .venv .tools node_modules .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis wallet/web/static/dist screenshots
