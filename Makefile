# Each target is one command and installs what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup experiment soak service test fast check fix risks bench proof clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Arguments in brackets are optional; make experiment without a NAME lists the names."

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..." >&2; exit 2; }
	@echo "setting up $(VENV) (once; takes about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(READY)  ## install everything into .venv

experiment: $(READY)  ## run a hypothesis: NAME=pool-exhaustion [SEED=1] [TARGET=compose] [WORKERS=4]
	@test -n "$(NAME)" || { echo "make experiment needs NAME=..., one of:" >&2; $(BIN)/lab list >&2; exit 2; }
	@$(BIN)/lab run "$(NAME)" $(if $(SEED),--seed "$(SEED)") $(if $(TARGET),--target "$(TARGET)") $(if $(WORKERS),--workers "$(WORKERS)")

soak: $(READY)  ## run a soak: NAME=memory-leak [HOURS=8] [SEED=1] [TARGET=compose] [WORKERS=2]
	@test -n "$(NAME)" || { echo "make soak needs the NAME=... of a soak, one of:" >&2; $(BIN)/lab list >&2; exit 2; }
	@$(BIN)/lab run "$(NAME)" $(if $(HOURS),--for "$(HOURS)h") $(if $(SEED),--seed "$(SEED)") $(if $(TARGET),--target "$(TARGET)") $(if $(WORKERS),--workers "$(WORKERS)")

service: $(READY)  ## start the sample service alone, to try it out: [TARGET=compose]
	@$(BIN)/lab serve $(if $(TARGET),--target "$(TARGET)")

test: $(READY)  ## run all tests, or those of ARGS: [ARGS="tests/lab -k verdict"]
ifdef ARGS
	@$(BIN)/python -m pytest $(ARGS)
else
	@$(BIN)/python -m pytest -m "not real" --numprocesses auto
	@$(BIN)/python -m pytest -m real
endif

fast: $(READY)  ## run the tests that need no database and no load, in under a minute
	@$(BIN)/python -m pytest -m "not real and not slow" -p no:schemathesis --numprocesses auto $(ARGS)

check: $(READY)  ## check lint, format, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fix: $(READY)  ## correct lint and format where that can be done automatically
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

risks: $(READY)  ## plant a defect for each risk in a copy; the tests of its layer must fail
	@$(BIN)/python -m tests.risks

bench: $(READY)  ## measure the lab's own performance, as ratios within one run
	@$(BIN)/python -m tests.bench

proof: $(READY)  ## run the long proofs, resumable, into docs/proof.md: [PART=main-job]
	@$(BIN)/python -m tests.proof $(PART)

clean:  ## remove the environment and the caches, and keep reports/
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
