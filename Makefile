# Everything here sets up what it needs in .venv by itself, and is quick when nothing changed. `make` lists it.

VENV := .venv
BIN := $(VENV)/bin
# The interpreter that .venv is made with: `make test PYTHON=python3.13`. Unset, the first of these that will do.
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)
PIP := $(BIN)/python -m pip --disable-pip-version-check
SOURCES := $(wildcard python tests benches examples)
# Passed on to the program that a target runs: `make test ARGS="tests/unit -x"`, `make run ARGS="--port 4000"`.
ARGS ?=

# What the caller's shell has activated must not leak into .venv.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
# Otherwise pyright asks the package index for a newer pyright each time it runs.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint format soak bench wheel clean

help: ## List what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/run.ready ## Start the example application, examples/orders (stop it with Ctrl-C)
	@exec $(BIN)/motia-fast run examples/orders/app.py $(ARGS)

test: $(VENV)/dev.ready ## Run all tests
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/dev.ready ## Check style, types and layers; all the tools run, whichever fails
	@failed=""; \
	check() { part=$$1; shift; echo "==> $$*"; "$(BIN)/$$@" || failed="$$failed $$part"; }; \
	check style ruff check .; \
	check format ruff format --check .; \
	check mypy mypy $(SOURCES); \
	check pyright pyright --pythonpath $(BIN)/python $(SOURCES); \
	check layers lint-imports --no-logo; \
	if [ -n "$$failed" ]; then echo "make lint: failed:$$failed" >&2; exit 1; fi

format: $(VENV)/dev.ready ## Format the code, and mend what ruff can mend safely
	@$(BIN)/ruff check --fix --exit-zero --quiet .
	@$(BIN)/ruff format .

soak: $(VENV)/dev.ready ## Kill real servers, over and over, for minutes: the long form of tests/crash
	@MOTIA_FAST_SOAK=1 $(BIN)/python -m pytest tests/crash --timeout 3600 $(ARGS)

bench: $(VENV)/dev.ready ## Measure the rates of draining jobs, and of durable POST to job done
	@$(BIN)/python -m benches.baseline $(ARGS)

wheel: $(VENV)/dev.ready ## Build the wheel into dist/, and try it in an empty virtual environment
	@rm -rf dist
	@$(BIN)/python -m build --wheel --outdir dist
	@set -e; room=$$(mktemp -d); trap 'rm -rf "$$room"' EXIT; \
	echo "==> install $$(echo dist/*.whl) in an empty environment"; \
	$(BIN)/python -m venv "$$room/venv"; \
	"$$room/venv/bin/python" -m pip --disable-pip-version-check install --quiet dist/*.whl; \
	cd "$$room"; \
	venv/bin/motia-fast --help; \
	venv/bin/python -c 'import motia_fast; print("motia_fast", motia_fast.__version__, "from", motia_fast.__file__)'

clean: ## Remove what make and the tools made, .venv too; an application's data stays
	@rm -rf $(VENV) build dist .benchmarks .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -not -path "./.git/*" -prune -exec rm -rf {} +

# ---------------------------------------------------------------- set-up

# A stamp is as new as the last pyproject.toml whose packages were installed. `dev` has all of `run`.
$(VENV)/run.ready: pyproject.toml $(BIN)/python
	@echo "==> install motia_fast and what it runs on in $(VENV)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/dev.ready: pyproject.toml $(BIN)/python
	@echo "==> install motia_fast and the tools of its developers in $(VENV)"
	@$(PIP) install --editable '.[dev,reload]'
	@touch $(VENV)/run.ready $@

# Some systems part the standard library: Debian has venv in python3-venv, a self-built Python may lack sqlite3 or ssl.
$(BIN)/python:
	@found=""; why=""; \
	for name in $(PYTHONS); do \
	  $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	  if lacks=$$($$name -c 'import ensurepip, sqlite3, ssl, venv' 2>&1); then found="$$name"; break; fi; \
	  why="$$why      $$name is new enough, but not whole: $$(echo "$$lacks" | tail -n 1)\n"; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "make: no complete Python 3.11 or newer found (looked for: $(PYTHONS))." >&2; \
	  printf "$$why" >&2; \
	  echo "      Install one (on Debian and Ubuntu: apt install python3-venv), or name yours:" >&2; \
	  echo "      make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
	  exit 1; \
	fi; \
	echo "==> create $(VENV) with $$($$found -V), $$($$found -c 'import sys; print(sys.executable)')"; \
	rm -rf $(VENV); \
	$$found -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
