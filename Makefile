# Everything a newcomer needs: `make demo`, `make test`. Set VENV to share an environment, PYTHON to choose an interpreter.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEMO_SIZE ?= 192
TEST_OPTIONS ?=

.PHONY: demo test lint docs bench clean

# One environment per target group; the mark file says what was installed into it.
$(VENV)/.run: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e .
	touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.run
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	touch $@

demo: $(VENV)/.run
	$(BIN)/voltomo demo -o demo --size $(DEMO_SIZE) --overwrite

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist worksteal $(TEST_OPTIONS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check src tests benchmarks base_models docs/figures
	$(BIN)/ruff check src tests benchmarks base_models docs/figures
	$(BIN)/mypy
	$(BIN)/mypy benchmarks base_models docs/figures --ignore-missing-imports --allow-untyped-calls --allow-any-generics \
	  --no-warn-return-any --disable-error-code arg-type --disable-error-code misc
	$(BIN)/lint-imports

docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Peers live in an environment of their own; see benchmarks/README.md.
bench: benchmarks/requirements.txt
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet -e ".[train]" -r benchmarks/requirements.txt
	.venv-bench/bin/python benchmarks/run.py

clean:
	rm -rf demo build dist site .mypy_cache .ruff_cache .pytest_cache
