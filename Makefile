# make demo | test | check | quick | bench | peers | serve | image | coverage | format | clean
# Every target makes what it needs; nothing has to be prepared.

VENV := .venv
BIN := $(VENV)/bin
# The first of these that TensorFlow has packages for (3.11 to 3.13).
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
REQUIREMENTS := $(if $(shell nvidia-smi -L 2>/dev/null),requirements-gpu.txt,requirements.txt)

.DEFAULT_GOAL := help
.PHONY: help demo test check quick bench peers serve image coverage format clean

help:
	@echo 'make demo      train on data/sample.csv, serve, forecast over HTTP, draw demo.png'
	@echo 'make test      the whole test suite'
	@echo 'make check     formatting, lint, types, import rules'
	@echo 'make format    let ruff format and mend what it can'
	@echo 'make quick     the tests that need no TensorFlow'
	@echo 'make bench     what everyday operations cost here, with the model of make demo'
	@echo 'make peers     .venv-peers, with the libraries that benchmarks compare with'
	@echo 'make serve     the service on http://127.0.0.1:8080 (ARGS="--port 9000")'
	@echo 'make image     the container image (docker or podman)'
	@echo 'make coverage  the test suite with a coverage table'
	@echo 'make clean     forget everything that was made, models/demo too'

demo: $(VENV)/run.stamp
	$(BIN)/python scripts/demo.py

# A file at a time on each core: what a file prepares for its tests is prepared once.
test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

quick: $(VENV)/dev.stamp
	$(BIN)/python -m pytest tests -m 'not tf' $(ARGS)

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.everyday

peers: .venv-peers/stamp

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: $(VENV)/dev.stamp
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

serve: $(VENV)/run.stamp
	$(BIN)/forecaster serve $(ARGS)

image:
	$$(command -v docker || command -v podman) build --tag forecaster .

# --- the environment: made when missing, made again when a requirement changes ---
$(VENV)/run.stamp: requirements-base.txt $(REQUIREMENTS) pyproject.toml
	@test -n '$(PYTHON)' || { echo 'Python 3.11, 3.12 or 3.13 is needed; found none. Install one, or: make PYTHON=/path/to/python3'; exit 1; }
	@echo 'Making $(VENV) with $(PYTHON) and $(REQUIREMENTS): about two minutes, once'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --requirement $(REQUIREMENTS)
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

.venv-peers/stamp: requirements-peers.txt
	@echo 'Making .venv-peers: about 5 GB and some minutes, once'
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --disable-pip-version-check --no-deps --requirement $<
	@touch $@

clean:
	rm -rf $(VENV) .venv-peers build out state models/demo demo.png .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage *.egg-info
