# Every target sets up what it needs: Python 3.11 to 3.14 and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEVELOPING := $(VENV)/.developing

.DEFAULT_GOAL := help
.PHONY: help install demo test slow crawl lint docs format dist dist-test lock bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED) ## make .venv/bin/rscrawler, with every extra but `fit`

# The locks are complete, so --no-deps: older versions of pip warn of an extra spelt with a hyphen.
$(INSTALLED): requirements.runtime.lock pyproject.toml
	@python=$(BIN)/python; test -x $$python || python="$(PYTHON)"; \
		$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ echo "Python 3.11 to 3.14 is needed, not $$python; without $(VENV), name one:" \
		"make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing pinned dependencies into $(VENV) …"
	@$(BIN)/python tools/install.py requirements.runtime.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@$(BIN)/python -m pip --quiet check
	@touch $@

$(DEVELOPING): $(INSTALLED) requirements.lock
	@echo "Installing what tests and checks need …"
	@$(BIN)/python tools/install.py requirements.lock
	@touch $@

demo: install ## two cycles against the bundled sample site: what is found, flagged and mailed
	@$(BIN)/rscrawler demo

# Without bytecode files, each process that the tests start would compile all modules again.
test slow: export PYTHONDONTWRITEBYTECODE =

# One worker more than cores: the tests wait for their processes, and each worker loads them all.
test: $(DEVELOPING) ## every quick test
	$(BIN)/pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal -m "not slow"

slow: $(DEVELOPING) ## the long tests: two hundred kills, a cluster, a year of visits
	$(BIN)/pytest -n auto -m slow

crawl: install ## one cycle against the live site with the shipped configuration
	$(BIN)/rscrawler crawl

lint: $(DEVELOPING) ## formatting, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(DEVELOPING) ## the documentation as a site in site/; a dead link or anchor fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

format: $(DEVELOPING) ## fix what the tools can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

dist: install ## the wheel and the source archive, in dist/
	@rm -rf dist
	@$(BIN)/python -m hatchling build --directory dist

dist-test: $(DEVELOPING) ## the wheel, tried in a fresh environment
	$(BIN)/pytest -m slow tests/packaging

lock: ## update both lock files, with uv
	uv pip compile --quiet pyproject.toml --extra fit --extra parquet --extra web --group dev \
		--generate-hashes --no-annotate --no-header --universal --python-version 3.11 -o requirements.lock
	uv pip compile --quiet pyproject.toml --extra parquet --extra web --group build \
		--constraint requirements.lock \
		--generate-hashes --no-annotate --no-header --universal --python-version 3.11 -o requirements.runtime.lock

bench: $(DEVELOPING) ## measure every figure of benchmarks/results.md
	$(BIN)/python -m benchmarks
	$(BIN)/pytest -n auto -m slow

clean: ## remove what was installed and made
	rm -rf $(VENV) dist demo-output site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
