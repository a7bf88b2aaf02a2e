# What people run. Every target is safe to run twice; installing is done once, until a requirement changes.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
WORKERS ?= 2
BIN = $(VENV)/bin
NEEDS = requirements.txt constraints.txt pyproject.toml $(wildcard plugins/*/pyproject.toml) tools/install.sh
PACKAGES = suite $(wildcard plugins/*/suite_* examples/*/suite_*)

.PHONY: install demo test test-slow check fix docs bench clean
.DELETE_ON_ERROR:

install: $(VENV)/installed  ## the suite and every plugin, into a virtual environment

$(VENV)/installed: $(NEEDS)
	@PYTHON="$(PYTHON)" sh tools/install.sh "$(VENV)"

$(VENV)/installed-dev: $(VENV)/installed
	@PYTHON="$(PYTHON)" sh tools/install.sh "$(VENV)" dev

demo: install  ## fetch the starters and open the web app on 127.0.0.1
	@$(BIN)/suite fetch
	@$(BIN)/suite launch $(ARGS)

test: $(VENV)/installed-dev  ## what a newcomer and CI run
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile $(ARGS)

test-slow: $(VENV)/installed-dev  ## the tests that take minutes each
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -m slow $(ARGS)

check: $(VENV)/installed-dev  ## style, format, types, documentation
	@rm -f suite/demo/*.pyi  # Gradio's stubs, which mypy would read instead of the files
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy $(PACKAGES)
	@$(BIN)/python docs/generate.py --check && NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir $(VENV)/site

fix: $(VENV)/installed-dev  ## mend style and format, write the generated documentation anew
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format . && $(BIN)/python docs/generate.py

docs: $(VENV)/installed-dev  ## the documentation as a web site, in site/
	@$(BIN)/python docs/generate.py && NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(VENV)/installed-dev  ## what docs/log.md measures; slow
	@set -e; for script in $(wildcard bench/*.py); do echo "$$script"; $(BIN)/python "$$script"; done

clean:  ## what was built; runs and fetched weights stay
	@rm -rf "$(VENV)" site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
