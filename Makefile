# One entry point for people and for CI. `make help` lists the targets.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: help demo test lint types generate migration bench chaos clean
help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit("storax needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

demo: $(STAMP)  ## run a real workflow on a private stack, print what the log knows, stop everything
	@$(BIN)/storax demo

test: $(STAMP) lint types  ## everything CI runs
	@$(BIN)/python -m pytest -q

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache

types: $(STAMP)
	@$(BIN)/mypy

generate: $(STAMP)  ## write the typed client and the generated docs anew from the resource declarations
	@$(BIN)/python -m storax_core.codegen
	@$(BIN)/python -m storax_core.admin.reference

migration: $(STAMP)  ## draft the next migration from the declarations: make migration NAME="job container"
	@$(BIN)/python alembic/draft.py "$(NAME)"

bench: $(STAMP)  ## print the performance table
	@$(BIN)/python -m benchmarks

chaos: $(STAMP)  ## the long version of the kill -9 tests
	@STORAX_CHAOS_ROUNDS=20 $(BIN)/python -m pytest -q tests/chaos

clean:  ## remove the virtual environment and caches
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
