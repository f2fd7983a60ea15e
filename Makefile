# Every command a developer needs. `make` lists them. Only `setup`, `tools`, `lock` and, once, `bench` use the network.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9

# A new lock, or the same folder moved elsewhere, asks for a new environment; a new pyproject.toml for
# a new editable install; anything else is a no-op.
digest = $(shell (echo '$(CURDIR)'; cat $(1)) | cksum | cut -d ' ' -f 1)
LOCKED := $(VENV)/.locked-$(call digest,requirements-dev.lock examples/data.lock)
INSTALLED := $(VENV)/.installed-$(call digest,requirements-dev.lock examples/data.lock pyproject.toml)
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps

.DEFAULT_GOAL := help
.PHONY: help setup tools fmt check lint types arrows architecture unit test demo bench run lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Create .venv and install everything from the hashed locks
	@:

$(LOCKED):
	@sh .ci/python.sh '$(PYTHON)'
	@echo 'setup: installing the locked packages into $(VENV), about a minute on a new machine'
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes --only-binary :all: -r requirements-dev.lock
	@$(PIP) --require-hashes --no-build-isolation -r examples/data.lock
	@touch $@

$(INSTALLED): $(LOCKED)
	@$(PIP) --no-build-isolation --no-index --editable .
	@touch $@

tools: setup ## The locked npm packages, and Chromium and promtool into .tools
	@$(BIN)/python -m tests.support.tools

fmt: setup ## Format the code and fix what ruff can fix
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

check: setup ## What to run before every commit, about two minutes
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target unit types architecture lint arrows

lint: setup ## Formatting and ruff
	@sh .ci/stage.sh format $(BIN)/ruff format --check .
	@sh .ci/stage.sh lint $(BIN)/ruff check .

types: setup ## mypy, strict
	@sh .ci/stage.sh types $(BIN)/mypy

arrows: setup ## Import contracts
	@sh .ci/stage.sh arrows $(BIN)/lint-imports

architecture: setup ## Sizes, homes, words, errors, documentation
	@sh .ci/stage.sh architecture $(BIN)/pytest -q tests/architecture

unit: setup ## Tests without a process, a file or a socket
	@sh .ci/stage.sh unit $(BIN)/pytest -q tests/unit

test: setup tools ## Every test
	@sh .ci/stage.sh test $(BIN)/pytest -q --numprocesses 2 --dist loadfile --durations 10

demo: setup ## A real pipeline on this machine, start to finish
	@$(BIN)/python -m examples.demo

bench: setup ## Latency, throughput and memory against this machine's own limits
	@$(BIN)/python -m tests.bench

run: setup ## The control plane on loopback, its data in ./data
	@$(BIN)/hakiri serve

lock: ## Resolve the dependencies again and write the locks
	@sh .ci/python.sh '$(PYTHON)'
	@test -x .tools/uv/bin/uv || { $(PYTHON) -m venv .tools/uv && .tools/uv/bin/python -m pip install -q uv==$(UV_VERSION); }
	@sh .ci/lock.sh .tools/uv/bin/uv

clean: ## Remove what setup, tools and the tests made
	@rm -rf $(VENV) .tools tests/client/node_modules tests/client/bench/node_modules build dist *.egg-info .hypothesis \
		.mypy_cache .ruff_cache .pytest_cache .import_linter_cache
