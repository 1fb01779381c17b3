# Everything a person does with this repository. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit(f"Python 3.11 to 3.13 is needed, this is {sys.version.split()[0]}: make PYTHON=/path/to/python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --compile --require-hashes --only-binary :all: -r requirements.lock
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation --editable .
	@touch $@

venv: $(STAMP) ## make .venv from the lock file

test: $(STAMP) ## run all tests that need no cluster
	$(BIN)/python -m pytest -m "not cluster" -n 4 --dist loadfile --no-loadscope-reorder

test-cluster: $(STAMP) ## run the tests against the cluster of KUBECONFIG, steered by HOMELAB_CLUSTER
	$(BIN)/python -m pytest -m cluster -v

check: $(STAMP) ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## format and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lab: $(STAMP) ## open the console on an embedded cluster; see docs/lab.md
	$(BIN)/homelab-tui --lab

keys: $(STAMP) ## write the README's table of keys anew, from the registry
	$(BIN)/python -m screens.keys README.md

bench: $(STAMP) ## print the figures of docs/performance.md (with KUBECONFIG and a plan: deploys it on that cluster)
	$(BIN)/python -m benchmarks

lock: ## write requirements.lock anew (CPython 3.11 to 3.13, x86_64 and aarch64)
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install -q uv==0.13.9
	.venv-lock/bin/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" -q -o requirements.lock

wheel: $(STAMP) ## build dist/*.whl
	$(BIN)/python -m pip wheel -q --no-deps --no-build-isolation -w dist .

clean: ## remove what the other targets made
	rm -rf $(VENV) .venv-lock dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help venv test test-cluster check format lab keys bench lock wheel clean
