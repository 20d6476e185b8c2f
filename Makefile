# Every task of this project. A machine needs Python 3.11 or newer and make; the rest is set up in .venv on first use.

PYTHON ?= python3
UV_VERSION := 0.13.9
SCENARIO ?= win
SEED ?= 7

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
IN_DEV := PYTHONPATH=dev $(BIN)/python -m
SELECT ?= not slow
QUICK := -m "not cluster and not slow" -n auto

.DEFAULT_GOAL := help
.PHONY: help setup check test demo dev build-control-plane capabilities generate format calibrate bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv as uv.lock says; every other target does this by itself

# Once for each uv.lock. An interrupted setup leaves no mark and is begun again.
$(READY): uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else f"Python must be 3.11 or newer, found {sys.version}; name another with make PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv sync --frozen
	@touch $(READY)

check: $(READY) ## everything that needs no server: format, lint, types, layers, generated files, tests (3 min)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python dev/generate.py --check
	$(BIN)/python -m pytest $(QUICK) --doctest-modules operator tests

test: build-control-plane ## all tests, also those on the real control plane
	$(BIN)/python -m pytest -m slow -n auto
	$(BIN)/python -m pytest -m "$(SELECT)"

demo: build-control-plane ## a whole experiment on this machine: SCENARIO=win|harm|same SEED=7
	$(IN_DEV) demo --scenario $(SCENARIO) --seed $(SEED)

dev: build-control-plane ## a control plane to play with, until Ctrl-C
	$(IN_DEV) control_plane up

build-control-plane: $(READY) ## build what is missing of API server, etcd, Envoy Gateway, istiod and Prometheus (once, 25 minutes)
	$(IN_DEV) control_plane build

capabilities: build-control-plane ## prove on the real meshes what each provider can do, and write the table in docs/routing.md
	$(BIN)/python -m pytest tests -m proves --capabilities=docs/routing.md

generate: $(READY) ## write the files that are made from the models
	$(BIN)/python dev/generate.py

format: $(READY) ## format the sources and mend what ruff can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

calibrate: $(READY) ## hold the statistics to their promises by simulation, in full length (minutes; make test: a tenth)
	$(BIN)/python -m pytest -m slow tests/calibration --full

bench: build-control-plane ## measure what the code promises about its speed
	set -e; for benchmark in benchmarks/*.py; do PYTHONPATH=dev $(BIN)/python $$benchmark; done

clean: ## remove what can be made again; built servers stay in the cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
