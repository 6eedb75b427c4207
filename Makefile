# Everything here sets up what it needs in .venv by itself, and is quick when nothing changed. `make` lists it.

VENV := .venv
BIN := $(VENV)/bin
# The interpreter that .venv is made with: `make test PYTHON=python3.13`. Unset, the first of these that will do.
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)
PIP := $(BIN)/python -m pip --disable-pip-version-check
SOURCES := $(wildcard python tests benches examples make)
# The cargo of PATH, $CARGO_HOME/bin or ~/.cargo/bin; where none will do, one line says why. MOTIA_RUST=no does without.
CARGO = $(BIN)/python -m make.cargo
HAVE_CARGO = $(CARGO) --version >/dev/null 2>&1
STUBS := python/motia_fast/_core.pyi
# Passed on to the program that a target runs: `make test ARGS="tests/unit -x"`, `make run ARGS="--port 4000"`.
ARGS ?=

# What the caller's shell has activated must not leak into .venv.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
# Otherwise pyright asks the package index for a newer pyright each time it runs.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint format soak loom fuzz bench bench-backlog bench-smoke bench-publish wheel licences clean

help: ## List what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/run.ready ## Start the example application, examples/orders (stop it with Ctrl-C)
	@$(BIN)/python -m make.extension --release
	@exec $(BIN)/motia-fast run examples/orders/app.py $(ARGS)

test: $(VENV)/dev.ready ## Run all tests; with ARGS, those of Python that pytest is told
	@$(BIN)/python -m make.extension
	@failed=""; \
	$(if $(ARGS),,if $(HAVE_CARGO); then $(CARGO) test --workspace --exclude motia-py --locked || failed=" cargo"; fi;) \
	$(BIN)/python -m pytest $(ARGS) || failed="$$failed pytest"; \
	if [ -n "$$failed" ]; then echo "make test: failed:$$failed" >&2; exit 1; fi

lint: $(VENV)/dev.ready ## Check style, types and layers; all the tools run, whichever fails
	@failed=""; \
	check() { part=$$1; shift; echo "==> $$*"; "$(BIN)/$$@" || failed="$$failed $$part"; }; \
	check style ruff check .; \
	check format ruff format --check .; \
	check mypy mypy $(SOURCES); \
	check pyright pyright --pythonpath $(BIN)/python $(SOURCES); \
	check layers lint-imports --no-logo; \
	if $(HAVE_CARGO); then \
	  check rustfmt python -m make.cargo fmt --all --check; \
	  check clippy python -m make.cargo clippy --workspace --all-targets --locked -- -D warnings; \
	  check licences python -m make.licences --check; \
	  check extension python -m make.extension; \
	  $(if $(wildcard $(STUBS)),check stubs stubtest motia_fast._core --mypy-config-file pyproject.toml;) \
	else \
	  echo "==> no rustfmt, clippy, licences and stubtest: $$($(CARGO) 2>&1)"; \
	fi; \
	if [ -n "$$failed" ]; then echo "make lint: failed:$$failed" >&2; exit 1; fi

format: $(VENV)/dev.ready ## Format the code, and mend what ruff can mend safely
	@$(BIN)/ruff check --fix --exit-zero --quiet .
	@$(BIN)/ruff format .
	@if $(HAVE_CARGO); then $(CARGO) fmt --all; fi

soak: $(VENV)/dev.ready ## Kill real servers, over and over, for minutes: the long form of tests/crash
	@$(BIN)/python -m make.extension
	@MOTIA_FAST_SOAK=1 $(BIN)/python -m pytest tests/crash --timeout 3600 $(ARGS)

# Turns take as long as they take: the limit is for what hangs.
BENCH = $(BIN)/python -m pytest -q --benchmark-enable --benchmark-quiet --timeout 1800

bench: $(VENV)/dev.ready ## Measure all engines in turns, and print one table; ARGS="-k drain --turns 9" for some of it
	@$(BIN)/python -m make.extension --release
	@mkdir -p .benchmarks
	@$(BENCH) benches --benchmark-json .benchmarks/bench.json $(ARGS)
	@$(BIN)/python -m benches.report .benchmarks/bench.json

bench-backlog: $(VENV)/dev.ready ## Measure a backlog of 10 million jobs: minutes, and some gigabytes of disk
	@$(BIN)/python -m make.extension --release
	@mkdir -p .benchmarks
	@$(BENCH) benches/test_backlog.py --benchmark-json .benchmarks/backlog.json --turns 1 --backlog 10000000 $(ARGS)
	@$(BIN)/python -m benches.report .benchmarks/backlog.json

bench-smoke: $(VENV)/dev.ready ## Run every bench once, with small sizes: that it runs, not how fast
	@$(BIN)/python -m make.extension
	@$(BENCH) benches --smoke $(ARGS)

bench-publish: $(VENV)/dev.ready ## Write what was measured last into README, docs/performance and benches/results
	@$(BIN)/python -m benches.report --publish $(wildcard .benchmarks/bench.json .benchmarks/backlog.json)

loom: $(VENV)/dev.ready ## Run the wake-up protocol in every order that its threads can take
	@RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom \
	$(CARGO) test --package motia-core --test loom --profile loom --locked $(ARGS)

fuzz: $(VENV)/dev.ready ## Feed damaged bytes to all that decodes bytes, for ARGS seconds (60)
	@$(CARGO) run --package motia-fuzz --profile fuzz --locked -- --seconds $(or $(ARGS),60)

wheel: $(VENV)/dev.ready ## Build sdist and wheels into dist/, for each of PYTHON="..", and try them in empty environments
	@$(BIN)/python -m make.wheels $(PYTHON)

licences: $(VENV)/dev.ready ## Collect the licences of the libraries in Cargo.lock: rust/LICENSES.txt
	@$(BIN)/python -m make.licences

clean: ## Remove what make and the tools made, .venv too; an application's data stays
	@rm -rf $(VENV) build dist target python/motia_fast/_core.*.so
	@rm -rf .benchmarks .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
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
