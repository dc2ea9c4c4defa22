# The two commands a newcomer needs: `make demo` and `make test`. Both install what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: demo test clean

demo: $(VENV)/demo.installed
	$(BIN)/python -m examples.digits.demo

test: $(VENV)/test.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q -n 2 --dist worksteal

clean:
	rm -rf $(VENV) build *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo 'python3 cannot make virtual environments; install it: apt-get install python3-venv' >&2; \
	  exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.installed: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable '.[hardware]' --config-settings editable_mode=compat
	touch $@

$(VENV)/test.installed: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable '.[hardware,boards,train,export,test]' \
	  --config-settings editable_mode=compat
	touch $@
