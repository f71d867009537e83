# The commands of the project; CI runs the same. Everything is built in .venv-*, .cache, dist and target.
#
#   make wheels   every wheel into dist/
#   make demo     a Flask application under the stock launcher, and the spans that it made
#   make test     everything that CI runs
#   make lint     formatters and checkers
#   make test-packages   packages from PyPI in their newest versions, their spans counted
#   make bench    CPU per request: bare, stock, ours
#   make instructions   instructions per request and per span under Valgrind (INSTRUCTIONS_ARGUMENTS='--wheels OLD --wheels dist')
#   make soak     a server under load for minutes: what is lost, memory, threads (SOAK_ARGUMENTS='--seconds 60')
#   make outages  what each kind of outage of the collector costs (OUTAGES_ARGUMENTS='--help')
#   make model    the queue in every order in which its threads can run
#   make new-plugin NAME=demo TARGET=module:Class.method    a plugin that builds, runs and passes its tests
#   make test-plugin NAME=demo                              builds one plugin and runs its tests
#
# PYTHON=python3.12 picks another interpreter; PROFILE=dev builds the wheels in seconds instead of optimised, which is
# what test-plugin does unless it is told PROFILE=release.

PYTHON ?= python3
PROFILE ?= release
CARGO ?= cargo
PYTEST_ARGUMENTS ?=
# How many processes share the tests; 0 is none but pytest itself. Most tests wait, so more than there are processors.
TEST_PROCESSES ?= 4
BENCH_ARGUMENTS ?=
INSTRUCTIONS_ARGUMENTS ?=
SOAK_ARGUMENTS ?=
OUTAGES_ARGUMENTS ?=

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
# One for all interpreters: the wheels are abi3.
BUILD_ENVIRONMENT := .venv-build
TEST_ENVIRONMENT := .venv-test-$(PYTHON_VERSION)
REQUIREMENTS := tests/requirements

WHEEL_PROJECTS := $(patsubst %/pyproject.toml,%,$(wildcard crates/*/pyproject.toml python/*/pyproject.toml))
WHEEL_SOURCES := Cargo.toml Cargo.lock \
    $(shell find crates python -type f -not -path '*/__pycache__/*' -not -name '*.so' -not -path '*/tests.rs')
WHEELS := dist/.built-$(PROFILE)

# What mypy checks: our Python by source, so that a change needs no new wheel.
TYPED_ROOTS := tests $(wildcard python/*/src crates/*/python)
NATIVE_MODULES := $(addsuffix ._native,$(notdir $(patsubst %/,%,$(dir $(wildcard crates/*/python/*/__init__.py)))))
empty :=
space := $(empty) $(empty)

.PHONY: help wheels demo conformance daemon-threads test test-packages test-rust model test-python test-interpreters test-fast instructions soak outages lint lint-rust lint-python \
    new-plugin test-plugin format bench clean

help:
	@sed -n 's/^#   //p' Makefile

# --- wheels -----------------------------------------------------------------------------------------------------------

wheels: $(WHEELS)

$(WHEELS): $(WHEEL_SOURCES) scripts/build_wheels.sh | $(BUILD_ENVIRONMENT)/.ready
	@scripts/build_wheels.sh $(BUILD_ENVIRONMENT) $(PROFILE) dist $(WHEEL_PROJECTS)
	@touch $@

$(BUILD_ENVIRONMENT)/.ready: $(REQUIREMENTS)/build.txt $(REQUIREMENTS)/constraints.txt scripts/create_environment.sh
	@scripts/create_environment.sh $(PYTHON) $(BUILD_ENVIRONMENT) -r $(REQUIREMENTS)/build.txt

# --- demo and benchmark -----------------------------------------------------------------------------------------------

demo: $(WHEELS)
	@$(PYTHON) -u examples/demo/run.py

bench: $(TEST_ENVIRONMENT)/.wheels
	@$(TEST_ENVIRONMENT)/bin/python -u benches/run.py $(BENCH_ARGUMENTS)

instructions: $(TEST_ENVIRONMENT)/.wheels
	@command -v valgrind >/dev/null || { echo "valgrind is missing. On Debian: apt install valgrind" >&2; exit 1; }
	@$(TEST_ENVIRONMENT)/bin/python -u benches/instructions.py $(INSTRUCTIONS_ARGUMENTS)

soak: $(TEST_ENVIRONMENT)/.wheels
	@$(TEST_ENVIRONMENT)/bin/python -u benches/soak.py $(SOAK_ARGUMENTS)

outages: $(TEST_ENVIRONMENT)/.wheels
	@$(TEST_ENVIRONMENT)/bin/python -u benches/outages.py $(OUTAGES_ARGUMENTS)

# --- tests ------------------------------------------------------------------------------------------------------------

test: lint test-rust model test-python test-interpreters

test-rust:
	@echo "==> cargo test"
	@$(CARGO) test --workspace --locked

# After test-rust only the crate itself is built for it, as what is asked of cargo is the same but for the feature.
model:
	@echo "==> model of the queue"
	@$(CARGO) test --workspace --locked --tests --features otel-rs-pipeline/model queue::model

test-python: $(TEST_ENVIRONMENT)/.wheels
	@echo "==> pytest on Python $(PYTHON_VERSION)"
	@$(TEST_ENVIRONMENT)/bin/python -m pytest -n $(TEST_PROCESSES) --durations=5 --ignore=tests/packages \
	    $(PYTEST_ARGUMENTS)

conformance: $(TEST_ENVIRONMENT)/.wheels
	@$(TEST_ENVIRONMENT)/bin/python -m pytest tests/conformance $(PYTEST_ARGUMENTS)

# On the oldest and the newest other interpreter of this machine: the suites that need no servers and no downloads, and of
# what tries thousands of generated values, which are the same on every interpreter, a tenth or nothing.
test-interpreters: $(WHEELS)
	@for python in $$(scripts/other_pythons.sh $(PYTHON_VERSION)); do \
	    $(MAKE) test-fast PYTHON=$$python PROFILE=$(PROFILE); \
	done

test-fast: $(TEST_ENVIRONMENT)/.wheels
	@echo "==> pytest on Python $(PYTHON_VERSION), without the end-to-end and the stock suites"
	@FEWER_EXAMPLES=1 $(TEST_ENVIRONMENT)/bin/python -m pytest -q -n $(TEST_PROCESSES) --ignore=tests/e2e \
	    --ignore=tests/conformance --ignore=tests/new_plugin --ignore=tests/packages \
	    --ignore=tests/wsgi_plugin/test_gunicorn.py --ignore=tests/parity/test_generated.py $(PYTEST_ARGUMENTS)

# Not a part of every run: it downloads much, and a new version of somebody else's package is not a fault of a change.
test-packages: $(TEST_ENVIRONMENT)/.wheels
	@$(TEST_ENVIRONMENT)/bin/python -m pytest tests/packages $(PYTEST_ARGUMENTS)

# Ends many processes while daemon threads are inside our code, on this interpreter.
daemon-threads: $(TEST_ENVIRONMENT)/.wheels
	@DAEMON_EXITS=$(or $(EXITS),20) $(TEST_ENVIRONMENT)/bin/python -m pytest -q tests/daemon_threads $(PYTEST_ARGUMENTS)

$(TEST_ENVIRONMENT)/.ready: $(wildcard $(REQUIREMENTS)/*.txt) scripts/create_environment.sh
	@scripts/create_environment.sh $(PYTHON) $(TEST_ENVIRONMENT) -r $(REQUIREMENTS)/test.txt -r $(REQUIREMENTS)/lint.txt

$(TEST_ENVIRONMENT)/.wheels: $(TEST_ENVIRONMENT)/.ready $(WHEELS)
	@$(TEST_ENVIRONMENT)/bin/python -m pip install --quiet --disable-pip-version-check \
	    --no-deps --force-reinstall dist/*.whl
	@touch $@

# --- plugins ----------------------------------------------------------------------------------------------------------

# The script reads NAME, TARGET and REQUIRES.
new-plugin:
	@scripts/require_cargo_component.sh fmt rustfmt
	@$(PYTHON) scripts/new_plugin.py

PLUGIN = crates/instr-$(subst _,-,$(NAME))
PLUGIN_TESTS = tests/$(subst -,_,$(NAME))_plugin
# The plugins whose modules the tests name: their own, and others that theirs works together with.
TESTED_PLUGINS = $(shell grep -rshoE --include='*.py' 'otel_rs_instr_[a-z0-9_]+' $(PLUGIN_TESTS) | sort -u | \
    sed 's|^otel_rs_|crates/|; s|_|-|g')
# What the tests of every plugin need.
PLUGIN_SURROUNDINGS := crates/sdk python/otel-rs-distro

# A contributor's quick loop. The wheels of `make wheels` are installed again by whatever needs them.
test-plugin: PROFILE = dev
test-plugin: $(BUILD_ENVIRONMENT)/.ready $(TEST_ENVIRONMENT)/.ready
	@if ! [ -d "$(PLUGIN)" ] || ! [ -d "$(PLUGIN_TESTS)" ]; then \
	    echo "make test-plugin: NAME=$(NAME): there is no $(PLUGIN) with $(PLUGIN_TESTS)" >&2; exit 2; \
	fi
	@scripts/build_wheels.sh $(BUILD_ENVIRONMENT) $(PROFILE) dist/plugin $(TESTED_PLUGINS) $(PLUGIN_SURROUNDINGS)
	@rm -f $(TEST_ENVIRONMENT)/.wheels
	@$(TEST_ENVIRONMENT)/bin/python -m pip install --quiet --disable-pip-version-check \
	    --no-deps --force-reinstall dist/plugin/*.whl
	@$(TEST_ENVIRONMENT)/bin/python -m pytest $(PLUGIN_TESTS) $(PYTEST_ARGUMENTS)

# --- lint -------------------------------------------------------------------------------------------------------------

lint: lint-rust lint-python

lint-rust:
	@scripts/require_cargo_component.sh fmt rustfmt
	@scripts/require_cargo_component.sh clippy clippy
	@echo "==> cargo fmt"
	@$(CARGO) fmt --all --check
	@echo "==> guarded entries"
	@$(PYTHON) scripts/check_guarded.py
	@echo "==> cargo clippy"
	@$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

lint-python: $(TEST_ENVIRONMENT)/.wheels
	@echo "==> ruff"
	@$(TEST_ENVIRONMENT)/bin/ruff check .
	@$(TEST_ENVIRONMENT)/bin/ruff format --check .
	@echo "==> mypy"
	@for folders in "$(TYPED_ROOTS)" $(wildcard python/*/hatch_build.py) scripts benches examples/demo; do \
	    MYPYPATH=$(subst $(space),:,$(TYPED_ROOTS)):benches:examples/demo $(TEST_ENVIRONMENT)/bin/mypy $$folders; \
	done
	@echo "==> stubtest: $(NATIVE_MODULES)"
	@$(TEST_ENVIRONMENT)/bin/python -m mypy.stubtest --concise --mypy-config-file pyproject.toml \
	    --allowlist scripts/stubtest_allowlist.txt --ignore-unused-allowlist --ignore-disjoint-bases $(NATIVE_MODULES)

format: $(TEST_ENVIRONMENT)/.ready
	@$(CARGO) fmt --all
	@$(TEST_ENVIRONMENT)/bin/ruff check --fix .
	@$(TEST_ENVIRONMENT)/bin/ruff format .

clean:
	@rm -rf dist target .cache .venv-*
