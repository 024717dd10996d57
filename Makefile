# What a newcomer types. Every target first makes its own environment in .venv (tools/dev/setup.sh).
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
ARGS ?=
# Most tests wait for other programs to start, so more than there are cores.
TEST_PROCESSES ?= 4
PYTHON ?=
export PYTHON

BIN := .venv/bin
TEST_FOLDERS = $(patsubst %/,%,$(sort $(dir $(wildcard */tests/*.py))))

.PHONY: help
help:
	@echo "make demo       three meters, a gateway and a broker, live in this terminal"
	@echo "make test       all tests"
	@echo "make soak       what runs for many minutes: long worlds, many seeds, every cut; says how long"
	@echo "make check      lint, types, import rules, generated files, house rules"
	@echo "make mutants    plant bugs, one at a time, and see that the tests find each"
	@echo "make gen        write the generated files again from their one definition"
	@echo "make lock       resolve requirements.lock again (needs uv)"
	@echo "make clean      remove .venv and everything made by the targets above"
	@echo
	@echo "make demo ARGS=\"--headless --duration 30 --json out.json\" passes options on; so does"
	@echo "make test ARGS=\"-k session -x\". TEST_PROCESSES=0 runs tests one by one, as --pdb needs."
	@echo "PYTHON=python3.13 chooses the interpreter of .venv."
	@echo "SYSTEM_PACKAGES=no keeps make from installing the Debian packages python3-venv and mosquitto."

.PHONY: setup
setup:
	@tools/dev/setup.sh

.PHONY: demo
demo: setup
	@$(BIN)/weir demo $(ARGS)

.PHONY: test
test: setup
	@tools/dev/broker.sh
	@PATH="$$PATH:/usr/sbin:/usr/local/sbin" $(BIN)/pytest --numprocesses=$(TEST_PROCESSES) --dist=worksteal $(ARGS)

.PHONY: soak
soak: setup
	@tools/dev/broker.sh
	@began=$$(date +%s); \
	PATH="$$PATH:/usr/sbin:/usr/local/sbin" $(BIN)/pytest -m soak --timeout=3600 --numprocesses=$(TEST_PROCESSES) --dist=worksteal --durations=0 $(ARGS); \
	ended=$$?; echo "make soak took $$(( $$(date +%s) - began )) s"; exit $$ended

.PHONY: check
check: lint types imports gen-check tidy

.PHONY: lint
lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: types
types: setup
	$(BIN)/mypy
	@for folder in $(TEST_FOLDERS); do echo "mypy $$folder"; MYPYPATH=$$folder $(BIN)/mypy $$folder || exit 1; done

.PHONY: imports
imports: setup
	PYTHONPATH=protocol:gateway:tools:firmware/src:hil_tests $(BIN)/lint-imports --no-logo

.PHONY: mutants
mutants: setup
	@$(BIN)/python tools/dev/mutants/run.py $(ARGS)

.PHONY: gen
gen: setup
	$(BIN)/python -m codegen.generate

.PHONY: gen-check
gen-check: setup
	$(BIN)/python -m codegen.generate --check

.PHONY: tidy
tidy: setup
	$(BIN)/python tools/dev/tidy.py

.PHONY: format
format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: lock
lock:
	@tools/dev/lock.sh $(ARGS)

.PHONY: clean
clean:
	@rm -rf .venv .weir build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
