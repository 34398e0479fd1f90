# make demo | test | check | bench | install | clean ; CONTRIBUTING.md says what each is for
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
BASE := $(VENV)/.base-installed
FULL := $(VENV)/.full-installed

.PHONY: help install demo test check fix bench rivals samples notebooks clean
help:
	@echo "make demo     label the sample archives, write the report (light install, no torch)"
	@echo "make test     set everything up and run all tests"
	@echo "make check    ruff, mypy --strict, architecture test"
	@echo "make bench    speed and size, measured on this machine"
	@echo "make rivals   install what the benches compare with, into .venv-rivals"
	@echo "make install  .venv with everything; the command is $(BIN)/nlp-engage"
	@echo "make samples  rebuild data/sample/archives from data/sample/scripts"
	@echo "make notebooks  execute the notebooks and store their outputs"
	@echo "make clean    remove what make made"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(BASE): pyproject.toml | $(VENV)/bin/python
	@echo "installing nlp-engage (light base, no torch) into $(VENV) ..."
	@$(PIP) install -e .
	@touch $@

$(FULL): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing nlp-engage with all extras into $(VENV) ..."
	@$(PIP) install -c constraints.txt -e '.[train,openvino,pandas,ray,xlsx,dev]'
	@touch $@ $(BASE)

install: $(FULL)

demo: $(BASE)
	@$(BIN)/nlp-engage demo -o out/demo

test: $(FULL)
	$(BIN)/python -m pytest

check: $(FULL)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

fix: $(FULL)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(FULL)
	$(BIN)/python bench/run.py

rivals: constraints.txt
	$(PYTHON) -m venv .venv-rivals
	.venv-rivals/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt convokit==5.0.0

samples: $(BASE)
	$(BIN)/python tools/build_samples.py

notebooks: $(FULL)
	$(BIN)/python tools/notebooks.py

clean:
	rm -rf $(VENV) .venv-rivals out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
