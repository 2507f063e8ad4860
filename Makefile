# The project's commands. Each makes what it needs first; running one again is quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo test test-all lowest newest lint bench docs install clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

demo: $(STAMP) ## see the whole package at work, small; a few minutes
	$(BIN)/arc-affinity demo --out out/demo

test: $(STAMP) ## run the tests
	$(BIN)/python -m pytest

test-all: $(STAMP) ## run the slow tests too
	$(BIN)/python -m pytest -m ""

lowest: ## run the tests with the oldest releases that pyproject.toml names, in an environment of their own
	$(PYTHON) -m venv --clear $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-lowest.txt --editable '.[dev]'
	$(VENV)-lowest/bin/python -m pytest

newest: ## run the tests with the newest releases that pyproject.toml allows, in an environment of their own
	$(PYTHON) -m venv --clear $(VENV)-newest
	$(VENV)-newest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager --editable '.[dev]'
	$(VENV)-newest/bin/python -m pytest

lint: $(STAMP) ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) ## measure, each figure against a baseline in the same run
	set -e; for each in bench/[a-z]*.py; do $(BIN)/python "$$each"; done

docs: $(STAMP) ## write docs/cli.md and docs/recipe.md from the program itself, and the site in out/site
	$(BIN)/python -m arc_affinity.cli.reference docs/cli.md docs/recipe.md
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs out/site

install: $(STAMP) ## make the virtual environment

# The stamp is written last, so an installation that was cut off is taken up again; an environment whose pip
# does not run (cut off even earlier) is made anew.
$(STAMP): pyproject.toml constraints.txt
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean: ## remove the virtual environment, what the demo wrote and caches
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-newest out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
