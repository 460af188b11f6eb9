# The two commands a newcomer needs: `make demo` and `make test`. Both install what they need into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types unit e2e torture bench lock clean

demo: $(VENV)/run.stamp
	$(BIN)/shipper demo

test: lint types unit e2e

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

unit: $(VENV)/dev.stamp
	sh scripts/tools.sh shellcheck=shellcheck
	$(BIN)/python -m pytest -m "not e2e" -n auto --ignore=tests/test_speed.py
	$(BIN)/python -m pytest tests/test_speed.py

e2e: $(VENV)/dev.stamp
	sh scripts/tools.sh dockerd=docker.io busybox=busybox-static python3-venv libstdc++6 chromium
	sh scripts/tools.sh docker=docker-cli
	sh scripts/checkers.sh
	$(BIN)/python -m pytest -m e2e

torture: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.torture --all

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks $(ARGS)

# Writes the locks anew from pyproject.toml; everything else installs from them, with hashes.
lock: $(VENV)/dev.stamp
	sh scripts/lock.sh

$(VENV)/run.stamp: requirements/run.lock pyproject.toml scripts/bootstrap.sh
	PYTHON="$(PYTHON)" sh scripts/bootstrap.sh run

$(VENV)/dev.stamp: requirements/dev.lock pyproject.toml scripts/bootstrap.sh
	PYTHON="$(PYTHON)" sh scripts/bootstrap.sh dev

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
